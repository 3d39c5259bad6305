"""GET signs: how is a place, sign by sign, and how did it come to be so?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from data.api import shapes, table
from data.api.asked import Code, CodePath, Format, Query, Text
from data.api.problem import answer
from data.domain.cases import in_address
from data.domain.moment import moment
from data.domain.refusal import Refusal
from data.queries import places, signs

api = APIBlueprint("signs", __name__, url_prefix="/api/v1")

_FACTS = ("domain", "unit", "tier", "kind", "weight")
_VALUES = ("value", "at", "expires", "status", "live", "expected", "from", "source", "simulated")
BOARD = ("code", "name", *_FACTS, *_VALUES)
CHILDREN = ("code", "place", "name", *_FACTS, *_VALUES)
_SERIES = ("sign", "place", "asset", "grain", "unit")
_RAW = ("at", "value", "received_at")
_BUCKET = ("at", "value", "n", "sum", "min", "max", "last", "live", "expected")


class Board(Query):
    place: Code
    format: Format = "json"


class Series(Query):
    place: Code | None = None
    asset: Code | None = None
    from_: Text | None = Field(default=None, alias="from", description="RFC 3339; 24 h back by default")
    to: Text | None = Field(default=None, description="RFC 3339, itself left out; now by default")
    grain: Literal["raw", "hour", "day"] | None = None
    format: Format = "json"


@api.get("/signs", responses=shapes.found(shapes.Signs))
def board(query: Board) -> Response:
    """The whole catalogue for one place."""
    place = places.seen(g.viewer, query.place, status=422)
    found = signs.board(place["code"])
    if query.format == "csv":
        return table.export("signs", place["code"], BOARD, [found["signs"]])
    return answer(found)


@api.get("/signs/<code>/children", responses=shapes.found(shapes.Children))
def children(path: CodePath, query: Board) -> Response:
    """One sign in every child of a place."""
    place = places.seen(g.viewer, query.place, status=422)
    found = signs.children(path.code, place["code"])
    if query.format == "csv":
        return table.export(f"children-{path.code}", place["code"], CHILDREN, [found["items"]])
    return answer(found)


@api.get("/signs/<code>/series", responses=shapes.found(shapes.Series))
def series(path: CodePath, query: Series) -> Response:
    """One sign over time, of a place or an asset."""
    _check_seen(query)
    since, until = _time(query.from_, "from"), _time(query.to, "to")
    if since and until and until < since:
        raise Refusal("bad_value", "结束早于开始", "the window ends before it begins", field="to")
    found = signs.series(
        path.code, place=query.place, asset=query.asset, since=since, until=until, grain=query.grain
    )
    return _table(path.code, found) if query.format == "csv" else answer(found)


def _check_seen(query: Series) -> None:
    if query.place is not None:
        places.seen(g.viewer, query.place, status=422)
    if query.asset is not None:
        places.asset(g.viewer, query.asset, status=422)


def _time(text: str | None, field: str) -> datetime | None:
    return None if text is None else moment(in_address(text), field=field)


def _table(code: str, found: Mapping[str, Any]) -> Response:
    shared = {name: found[name] for name in (*_SERIES, "simulated")}
    columns = (*_SERIES, *(_RAW if found["grain"] == "raw" else _BUCKET), "simulated")
    where = found["asset"] or found["place"]
    return table.export(
        f"series-{code}", where, columns, [[{**shared, **point} for point in found["points"]]]
    )
