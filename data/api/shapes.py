"""Which shape does an answer have? For the description of the API alone."""

from http import HTTPStatus
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

Status = Literal["normal", "attention", "warning", "alarm", "stale", "none"]


class Name(BaseModel):
    zh: str
    en: str


class Above(BaseModel):
    code: str
    name: Name


class Below(Above):
    tier: int


class Place(BaseModel):
    code: str
    tier: int = Field(ge=1, le=5)
    parent: str | None
    path: str
    name: Name
    centre: tuple[float, float] | None
    area_km2: float | None
    population: int | None
    schematic: bool
    ancestors: list[Above]
    children: list[Below]
    geometry: dict[str, Any] | None = None


class PlaceFound(BaseModel):
    code: str
    tier: int
    parent: str | None
    path: str
    name: Name


class PlaceSearch(BaseModel):
    q: str
    items: list[PlaceFound]
    next: str | None


class Asset(BaseModel):
    code: str
    kind: str
    name: Name
    place: str
    lon: float | None
    lat: float | None
    department: str | None
    simulated: bool


class Assets(BaseModel):
    place: str
    items: list[Asset]
    next: str | None


class Sign(BaseModel):
    code: str
    name: Name
    domain: str
    unit: str
    tier: int | None
    kind: str | None
    weight: str
    value: float | None
    at: AwareDatetime | None
    expires: AwareDatetime | None
    status: Status
    live: int
    expected: int
    from_: str | None = Field(alias="from")
    source: str | None
    simulated: bool


class Signs(BaseModel):
    place: str
    at: AwareDatetime
    live: int | None
    expected: int | None
    signs: list[Sign]


class Child(Sign):
    place: str


class Children(BaseModel):
    place: str
    items: list[Child]


class Series(BaseModel):
    sign: str
    place: str
    asset: str | None
    grain: Literal["raw", "hour", "day"]
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    unit: str
    simulated: bool
    points: list[dict[str, Any]]


class Holder(BaseModel):
    place: str
    department: str | None
    seat: str | None


class Incident(BaseModel):
    id: str
    number: str
    version: int
    kind: str = Field(alias="class")
    severity: int | None
    state: str
    stage: int
    place: str
    path: str
    lon: float | None
    lat: float | None
    placed: Literal["given", "point", "schematic"]
    at: AwareDatetime
    known_at: AwareDatetime
    due: AwareDatetime | None
    overdue: bool
    holder: Holder | None
    source: str
    source_id: str
    description: str
    sign: str | None
    asset: str | None
    simulated: bool


class Filed(Incident):
    created: bool


class Incidents(BaseModel):
    place: str
    items: list[Incident]
    limit: int
    next: str | None


class Count(BaseModel):
    key: str | int | None
    name: Name | None
    n: int


class Counts(BaseModel):
    place: str
    by: str
    from_: AwareDatetime | None = Field(alias="from")
    to: AwareDatetime | None
    total: int
    items: list[Count]


class State(BaseModel):
    page: str
    subject: str
    at: AwareDatetime
    seq: int
    build: str
    lang: str
    simulated: bool
    now: AwareDatetime
    worker_at: AwareDatetime | None
    room: Literal["ample", "low", "readings", "reports", "acts"]
    state: dict[str, Any]


class Hour(BaseModel):
    hour: AwareDatetime
    received: int
    stored: int
    same: int
    rejected: int


class Feed(BaseModel):
    feed: str
    kind: Literal["sensing", "government", "society"]
    simulated: bool
    first_at: AwareDatetime | None
    last_at: AwareDatetime | None
    received: int
    stored: int
    same: int
    rejected: int
    hours: list[Hour] | None = None


class Sources(BaseModel):
    items: list[Feed]


class RefusedReading(BaseModel):
    row: int
    sign: str | None
    place: str | None
    code: str
    detail: str


class Taken(BaseModel):
    received: int
    stored: int
    same: int
    rejected: int
    rows: list[RefusedReading]


class Wrong(BaseModel):
    row: int | None = None
    field: str | None
    code: str
    detail: str


class Problem(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Wrong]
    request: str


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_CSV = {"text/csv": {"schema": {"type": "string"}}}
_READING = {400: "not understood", 401: "no token", 403: "outside your rights", 404: "unknown",
            422: "a parameter cannot be used", 503: "busy"}  # fmt: skip
_WRITING = {409: "it stands with other content", 413: "too large", 415: "wrong content type",
            429: "too many requests", 507: "the disk is short"}  # fmt: skip

Responses = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]


def found(shape: type[BaseModel]) -> Responses:
    return {200: shape, **_problems(_READING)}


def filed() -> Responses:
    return {201: Filed, 200: Filed, **_problems(_READING | _WRITING)}


def taken() -> Responses:
    return {200: Taken, **_problems(_READING | _WRITING)}


def state() -> Responses:
    return {**found(State), 304: {"description": "as the If-None-Match says"}}


def _problems(words: dict[int, str]) -> Responses:
    return {status: {"description": said, "content": _PROBLEM} for status, said in words.items()}


def with_csv(operation: dict[str, Any]) -> None:
    operation["responses"]["200"]["content"] |= _CSV
