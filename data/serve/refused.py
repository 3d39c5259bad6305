"""What is said to a client whose request does not reach the application?"""

import uuid
from functools import partial
from http import HTTPStatus

import orjson

from data.domain.refusal import Refusal, problem_body

_too_many = partial(Refusal, "too_many_requests", status=429, retry_after=1)
connections = partial(_too_many, "此地址同时进行的请求过多", "too many requests at once from this address")
writes = partial(_too_many, "此地址写入过于频繁", "too many writes a second from this address")
head = partial(Refusal, "head_too_large", "请求头过大", "the head of the request is too large", status=431)
body = partial(Refusal, "too_large", "请求过大", "the request is too large", status=413)
slow = partial(Refusal, "too_slow", "请求未在时限内到达", "the request did not arrive in time", status=408)
files = partial(
    Refusal, "busy", "服务器打开的文件过多", "too many files are open here", status=503, retry_after=2
)


def answer(refusal: Refusal, first_line: bytes = b"") -> bytes:
    """As the API refuses: application/problem+json, in the language that the address asks for."""
    status = HTTPStatus(refusal.status)
    detail = refusal.detail("en" if b"lang=en" in first_line else "zh")
    said = orjson.dumps(problem_body(status, refusal.code, detail, uuid.uuid4().hex))
    retry = "" if refusal.retry_after is None else f"Retry-After: {refusal.retry_after}\r\n"
    top = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/problem+json\r\n{retry}"
        f"Content-Length: {len(said)}\r\nCache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return top.encode() + said
