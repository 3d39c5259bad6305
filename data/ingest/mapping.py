"""How do the columns of somebody else's file become our fields?

A mapping is data: `[columns]` field = column or pattern, `[constants]` field = value, `[values.<field>]` the
file's word = ours, for wide files `[signs]` column = sign. All its mistakes are told at once.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from data.domain.refusal import Refusal
from data.ingest.crs import Crs
from data.ingest.fields import FIELDS, Kind

_SETTINGS = ("source", "crs", "clocks")  # may stand among the constants too
_Scalar = str | int | float | bool


class _Written(BaseModel):
    """A mapping as it stands in its file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(default="import", min_length=1, max_length=80)
    timezone: str | None = None
    time: str | None = None
    null: list[str] = []
    encoding: str = "utf-8"
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    crs: Crs = Crs.WGS84
    clocks: bool = True
    columns: dict[str, str] = {}
    constants: dict[str, Any] = {}
    values: dict[str, dict[str, _Scalar]] = {}
    signs: dict[str, str] = {}

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str | None) -> str | None:
        try:
            return None if name is None else ZoneInfo(name).key
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone '{name}'; one is called Asia/Shanghai") from None

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError:
            raise ValueError(f"there is no encoding '{name}'; one is called gb18030") from None
        return name


@dataclass(frozen=True, slots=True)
class Pattern:
    """`{Battalion}-{Box}`: text, column, text, column … text."""

    written: str

    def columns(self, known: Iterable[str]) -> list[str]:
        return [self.written] if self.written in known else self.parts()[1::2] or [self.written]

    def parts(self) -> list[str]:
        return re.split(r"\{([^{}]+)\}", self.written)


@dataclass(frozen=True, slots=True)
class Mapping:
    kind: Kind
    source: str = "import"
    zone: ZoneInfo | None = None
    time: str | None = None
    null: frozenset[str] = frozenset()
    encoding: str = "utf-8"
    delimiter: str | None = None
    crs: Crs = Crs.WGS84
    columns: dict[str, Pattern] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> set[str]:
        return {*self.columns, *self.constants}

    def with_columns(self, **columns: str) -> "Mapping":
        return replace(self, columns=self.columns | {name: Pattern(text) for name, text in columns.items()})


def read_mapping(path: Path, kind: Kind) -> Mapping:
    """Refusal `bad_mapping` in words, with every mistake."""
    try:
        found = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
        constants = dict(found.get("constants", {}))
        found |= {name: constants.pop(name) for name in _SETTINGS if name in constants and name not in found}
        written = _Written.model_validate({**found, "constants": constants} if constants else found)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise _bad_mapping(path.name, _told(error)) from None
    mapping = _mapping(written, kind)
    if mistakes := list(_mistakes(mapping)):
        raise _bad_mapping(path.name, mistakes)
    return mapping


def plain_mapping(kind: Kind, columns: Iterable[str]) -> Mapping:
    """For a file that uses our own words: every column that is a field is that field."""
    ours = {one.name for one in FIELDS[kind]}
    return Mapping(kind, columns={name: Pattern(name) for name in columns if name in ours})


def _mapping(written: _Written, kind: Kind) -> Mapping:
    clocks = {} if written.clocks or kind != "incidents" else {"clocks": False}
    return Mapping(
        kind=kind,
        source=written.source,
        zone=ZoneInfo(written.timezone) if written.timezone else None,
        time=written.time,
        null=frozenset(text.strip() for text in written.null),
        encoding=written.encoding,
        delimiter=written.delimiter,
        crs=written.crs,
        columns={name: Pattern(text) for name, text in written.columns.items()},
        constants=written.constants | clocks,
        values=written.values,
        signs=written.signs,
    )


def _mistakes(mapping: Mapping) -> Iterator[str]:
    known = {one.name for one in FIELDS[mapping.kind]}
    for table, names in (
        ("columns", mapping.columns),
        ("constants", mapping.constants),
        ("values", mapping.values),
    ):
        for name in names:
            if name not in known:
                yield f"[{table}] {name} is no field of {mapping.kind}; known are {', '.join(sorted(known))}"
    for name in sorted(mapping.columns.keys() & mapping.constants.keys()):
        yield f"{name} stands in [columns] and in [constants]"
    for name, value in mapping.constants.items():
        if not isinstance(value, _Scalar):
            yield f"[constants] {name} is neither text nor a number"
    for name in sorted(mapping.values.keys() & known - mapping.fields):
        yield f"[values.{name}] translates a field that has no column"
    yield from incomplete(mapping)


def incomplete(mapping: Mapping) -> Iterator[str]:
    """What a record of the kind needs and the mapping does not give."""
    given = mapping.fields
    for one in FIELDS[mapping.kind]:
        if one.needed and one.name not in given:
            yield f"{one.name} is missing: {mapping.kind} need it"
    if mapping.signs and mapping.kind != "readings":
        yield f"[signs] is for readings, not for {mapping.kind}"
    if ("lon" in given) != ("lat" in given):
        yield "lon and lat are given together or not at all"
    if mapping.kind == "incidents" and not given & {"place", "lon"}:
        yield "incidents need a place, or lon and lat"
    if mapping.kind == "readings":
        yield from _incomplete_readings(mapping)


def _incomplete_readings(mapping: Mapping) -> Iterator[str]:
    given = mapping.fields
    if not given & {"place", "asset"}:
        yield "readings need a place or an asset"
    if mapping.signs and given & {"sign", "value"}:
        yield "a wide file has [signs], a long one sign and value; not both"
    if not mapping.signs and not {"sign", "value"} <= given:
        yield "readings need sign and value, or [signs]"


def _told(error: Exception) -> list[str]:
    if not isinstance(error, ValidationError):
        return [f"this is no TOML mapping: {error}"]
    return [
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg'].removeprefix('Value error, ')}"
        for problem in error.errors(include_url=False)
    ]


def _bad_mapping(name: str, mistakes: list[str]) -> Refusal:
    told = "; ".join(mistakes)
    return Refusal("bad_mapping", f"映射 {name} 有误：{told}", f"the mapping {name} is wrong: {told}")
