"""What may stand in a query string or a path, and what in a body?"""

import time
from contextlib import suppress
from typing import Annotated, Any, Literal, NoReturn

import orjson
from flask import request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge, UnsupportedMediaType

from data.domain.refusal import Refusal

BODY_BYTES = 8 * 1024 * 1024
DRAINED_BYTES = 32 * 1024 * 1024
DRAINED_SECONDS = 2.0
_CHUNK = 65_536

Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Format = Literal["json", "csv"]


class Query(BaseModel):
    """Every address takes `lang`; one that is not named here is refused."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["zh", "en"] = "zh"


class Paged(Query):
    limit: int = Field(default=100, ge=1, le=500)
    after: Text | None = None


class CodePath(BaseModel):
    code: str


def body(*types: str, most: int = BODY_BYTES) -> bytes:
    """The raw body of one of the content types; what is too large is drained, so that the answer arrives."""
    if request.mimetype not in types or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType
    if (request.content_length or 0) > most:
        _drain()
    raw = request.stream.read(most + 1)
    if len(raw) > most:
        _drain()
    return raw


def _drain() -> NoReturn:
    """Up to 32 MB or 2 s, whatever the sender does."""
    until, left = time.monotonic() + DRAINED_SECONDS, DRAINED_BYTES
    accepted = request.environ.get("gunicorn.socket")
    if accepted is not None:
        accepted.settimeout(DRAINED_SECONDS)  # a sender who falls silent
    with suppress(OSError, ClientDisconnected):
        while left > 0 and time.monotonic() < until and (chunk := request.stream.read(_CHUNK)):
            left -= len(chunk)
    if accepted is not None:
        accepted.settimeout(None)
    raise RequestEntityTooLarge


def parsed(raw: bytes) -> Any:
    """orjson refuses NaN, 1e999, lone surrogates and depth bombs."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as wrong:
        raise Refusal("bad_json", "不是完整的 JSON", f"not JSON: {wrong}", status=400) from wrong
