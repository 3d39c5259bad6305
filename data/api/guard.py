"""Who is asking, and from where?"""

import hmac
import ipaddress
from urllib.parse import SplitResult, urlsplit

from flask import Flask, Request, g, request

from data.config import file_token, settings
from data.domain.refusal import Refusal
from data.domain.rights import GUEST, SERVICE, Viewer

API = "/api/"
_OPEN = frozenset({"/healthz", "/readyz"})
_OPEN_ON_LOOPBACK = frozenset({"/metrics", "/api/openapi.json"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


def mount(server: Flask) -> None:
    server.before_request(check)


def check() -> None:
    _check_host(request)
    writing = request.method not in _READING
    if writing:
        _check_origin(request)
    g.viewer = viewer(request)
    if request.path.startswith(API):
        _check_arguments(request)
        if writing and not g.viewer.may_write:
            raise _no_token()


def viewer(asking: Request) -> Viewer:
    """The file token reads, reports and imports. Without it a guest reads, unless others may reach us."""
    given = asking.headers.get("Authorization")
    if given is not None:
        if not _is_token(given):
            raise _no_token()
        return Viewer(root="", rights=SERVICE, may_write=True)
    if settings().allow_remote and not _is_open(asking):
        raise _no_token()
    return Viewer(root="", rights=GUEST)


def _is_token(given: str) -> bool:
    scheme, _, token = given.partition(" ")
    known = file_token(settings().home)
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), known.encode())


def _is_open(asking: Request) -> bool:
    if asking.path in _OPEN_ON_LOOPBACK:
        return _is_loopback(asking.remote_addr or "")
    return asking.path in _OPEN


def _check_host(asking: Request) -> None:
    """A name that is not ours is a page elsewhere that had its name resolve to us."""
    name = urlsplit(f"//{asking.host}").hostname or ""
    if not _is_loopback(name) and asking.host != _public().netloc:
        raise Refusal("bad_host", f"不接受主机名 {name}", f"the host {name} is not served here", status=400)


def _check_origin(asking: Request) -> None:
    origin = asking.headers.get("Origin")
    own = {f"{asking.scheme}://{asking.host}", f"{_public().scheme}://{_public().netloc}"}
    foreign = origin is not None and origin not in own
    if foreign or asking.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Refusal("bad_origin", "不接受来自其他网站的写入", "no writing from another site", status=403)


def _check_arguments(asking: Request) -> None:
    for name, values in asking.args.lists():
        if len(values) > 1:
            raise Refusal("bad_value", f"参数 {name} 重复", f"{name} is given twice", field=name)
        if "\0" in name + values[0]:
            raise Refusal("bad_value", f"参数 {name} 含有空字符", f"{name} holds a NUL", field=name)


def _public() -> SplitResult:
    return urlsplit(settings().public_url or "")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _no_token() -> Refusal:
    return Refusal("no_token", "需要有效的令牌", "a valid token is needed", status=401)
