"""What may stand in a query string or a path, and what in a body?"""

from typing import Annotated, Any, Literal

import orjson
from flask import request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from data.domain.refusal import Refusal

BODY_BYTES = 8 * 1024 * 1024

Code = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Format = Literal["json", "csv"]


def _without_null(schema: dict[str, Any]) -> None:
    """What need not be named in an address is left out; nothing there is null."""
    for described in schema["properties"].values():
        for kind in described.pop("anyOf", ()):
            if kind != {"type": "null"}:
                described |= kind
        if described.get("default", "") is None:
            del described["default"]


class Query(BaseModel):
    """Every address takes `lang`; one that is not named here is refused."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_null)

    lang: Literal["zh", "en"] = "zh"


class Paged(Query):
    limit: int = Field(default=100, ge=1, le=500)
    after: Text | None = None


class CodePath(BaseModel):
    code: str


def body(*types: str, most: int = BODY_BYTES) -> bytes:
    """The raw body of one of the content types; what is far too large never comes so far (data/serve)."""
    if request.mimetype not in types or request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMediaType
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    raw = request.stream.read(most + 1)
    if len(raw) > most:
        raise RequestEntityTooLarge
    return raw


def parsed(raw: bytes) -> Any:
    """orjson refuses NaN, 1e999, lone surrogates and depth bombs."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as wrong:
        raise Refusal("bad_json", "不是完整的 JSON", f"not JSON: {wrong}", status=400) from wrong
