"""Incidents: list, count, report and one."""

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Literal, Self

from flask import Response, g, url_for
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data.api import shapes, table
from data.api.asked import Code, Format, Paged, Query, Text, body, parsed
from data.api.problem import answer, of_validation
from data.commands import incidents as commands
from data.domain.cases import FILTERS, Cases, cases
from data.domain.moment import moment
from data.domain.report import Report
from data.queries import incidents
from data.queries.places import seen

api = APIBlueprint("incidents", __name__, url_prefix="/api/v1")
REPORT_BYTES = 256 * 1024
COLUMNS = (
    "id", "number", "version", "class", "severity", "state", "stage", "place", "path", "lon", "lat", "placed",
    "at", "known_at", "due", "overdue", "holder", "source", "source_id", "description", "sign", "asset",
    "simulated",
)  # fmt: skip


class Filtered(Query):
    place: Code
    state: Text | None = Field(default=None, description="states by comma, or `open`")
    severity: Text | None = Field(default=None, description="`1`–`4`, `none`, by comma")
    overdue: Literal["true", "false"] | None = None
    kind: Text | None = Field(default=None, alias="class")
    source: Text | None = None
    source_id: Text | None = None
    from_: Text | None = Field(default=None, alias="from", description="RFC 3339")
    to: Text | None = Field(default=None, description="RFC 3339, itself left out")
    closed_from: Text | None = Field(default=None, description="RFC 3339: closed then or later")

    def cases(self, path: str) -> Cases:
        given = self.model_dump(by_alias=True)
        return cases(path, {name: given[name] for name in FILTERS})


class Listed(Filtered, Paged):
    format: Format = "json"


class Counted(Filtered):
    by: Literal["place", "hour", "class", "state", "severity"]
    tier: int | None = Field(default=None, ge=1, le=5)


class IncidentPath(BaseModel):
    id: str


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)

    source: str
    source_id: str
    kind: str = Field(alias="class")
    severity: int | None = None
    place: str | None = None
    lon: float | None = None
    lat: float | None = None
    asset: str | None = None
    sign: str | None = None
    description: str
    at: str = Field(description="RFC 3339 with an offset")

    def report(self, at: datetime) -> Report:
        return Report(**{**self.model_dump(), "at": at})

    @classmethod
    def of(cls, given: Any) -> Self:
        return cls.model_validate(given)


@api.get("/incidents", responses=shapes.found(shapes.Incidents))
def page(query: Listed) -> Response:
    """Newest first by (at, id)."""
    place = seen(g.viewer, query.place, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    wanted = query.cases(place["path"])
    if query.format == "csv":
        lines = partial(incidents.lines, wanted, COLUMNS)
        return table.export_lines("incidents", place["code"], COLUMNS, lines)
    return answer(incidents.page(place["code"], wanted, limit=query.limit, since=query.after))


@api.get("/incidents/counts", responses=shapes.found(shapes.Counts))
def counts(query: Counted) -> Response:
    """By place, hour, class, state or severity."""
    place = seen(g.viewer, query.place, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return answer(incidents.counts(place, query.cases(place["path"]), query.by, tier=query.tier))


@api.get("/incidents/<id>", responses=shapes.found(shapes.Incident))
def one(path: IncidentPath, query: Query) -> Response:
    """How a case stands."""
    return answer(incidents.one(g.viewer, path.id))


@api.post("/incidents", responses=shapes.filed(), security=[{"token": []}])
def post(query: Query) -> Response:
    """Report a case. The same source and source_id again is the same case."""
    try:
        given = Body.of(parsed(body("application/json", most=REPORT_BYTES)))
    except ValidationError as wrong:
        return of_validation(wrong)
    found = commands.report(given.report(moment(given.at)))
    where = url_for("incidents.one", id=found["id"])
    status = HTTPStatus.CREATED if found["created"] else HTTPStatus.OK
    return answer(found, status, {"Location": where})
