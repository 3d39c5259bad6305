"""What does one row of a recorded file say in our fields?

Made once a file (`Reader`), which raises before the first row where a column is missing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from data.domain.refusal import Refusal
from data.ingest.crs import to_wgs84
from data.ingest.fields import FIELDS, BadCell, Field, clock, is_null, number, text
from data.ingest.files import Cells, Refused, Row
from data.ingest.mapping import Mapping, Pattern, incomplete

Find = Callable[[Cells], Any]


@dataclass(frozen=True, slots=True)
class Record:
    """`values` holds every field that the row gives, and None for those it leaves null."""

    row: int
    values: dict[str, Any]


class Value(NamedTuple):
    """One reading; `field` is the column that it came from."""

    row: int
    field: str
    sign: str
    place: str | None
    asset: str | None
    at: datetime
    value: float


class Reader:
    """Applies a mapping to the rows of a file with these columns."""

    def __init__(self, mapping: Mapping, columns: tuple[str, ...]) -> None:
        _refuse_missing(mapping, columns)
        self._mapping = mapping
        self._time = clock(mapping.time, mapping.zone, skips=mapping.kind == "readings")
        self._found = [
            (one, _finder(one, mapping, columns), one.parse or self._time)
            for one in FIELDS[mapping.kind]
            if one.name in mapping.fields
        ]
        self._convert = to_wgs84(mapping.crs)
        self._value = next((find for one, find, _ in self._found if one.name == "value"), None)

    def record(self, row: Row) -> Record | Refused:
        values: dict[str, Any] = {}
        for one, find, parse in self._found:
            try:
                cell = find(row.cells)
                values[one.name] = None if cell is None else parse(cell)
            except BadCell as error:
                return Refused(row.number, one.name, error.code, str(error))
        if lacking := _lacking(self._mapping, values):
            return Refused(row.number, lacking, "missing_field", "this may not be null")
        if values.get("lon") is not None:
            values["lon"], values["lat"] = self._convert(values["lon"], values["lat"])
        if self._mapping.kind == "incidents" and values.get("source_id") is None:
            values["source_id"] = hash_of(row.cells)
        return Record(row.number, values)

    def readings(self, row: Row) -> Iterator[Value | Refused]:
        """None for a null value, one for each column of a wide file that holds one."""
        wide = self._mapping.signs
        if not wide and self._value and _is_nothing(self._value, row.cells):
            return
        told = self.record(row)
        if wide:
            yield from self._wide(row, told, wide)
        elif isinstance(told, Refused):
            yield told
        else:
            yield _reading(told, "value", told.values["sign"], told.values["value"])

    def _wide(self, row: Row, told: Record | Refused, signs: dict[str, str]) -> Iterator[Value | Refused]:
        for column, sign in signs.items():
            cell = row.cells.get(column)
            if is_null(cell, self._mapping.null):
                continue
            if isinstance(told, Refused):
                yield Refused(row.number, column, told.code, f"{told.field}: {told.detail}")
                continue
            try:
                yield _reading(told, column, sign, number(cell))
            except BadCell as error:
                yield Refused(row.number, column, error.code, str(error))


def _reading(told: Record, column: str, sign: str, value: float) -> Value:
    values = told.values
    return Value(told.row, column, sign, values.get("place"), values.get("asset"), values["at"], value)


def _is_nothing(find: Find, cells: Cells) -> bool:
    try:
        return find(cells) is None
    except BadCell:
        return False


def _lacking(mapping: Mapping, values: dict[str, Any]) -> str | None:
    """The first field that a record of the kind needs and this one leaves null."""
    for one in FIELDS[mapping.kind]:
        if one.needed and values[one.name] is None:
            return one.name
    if (values.get("lon") is None) != (values.get("lat") is None):
        return "lon" if values.get("lon") is None else "lat"
    alternatives = _ALTERNATIVES.get(mapping.kind, ())
    return next((names[0] for names in alternatives if _has_none(names, mapping, values)), None)


# one of each must be there; a wide file's sign is its columns' own
_ALTERNATIVES = {"readings": (("place", "asset"), ("sign",)), "incidents": (("place", "lon"),)}


def _has_none(names: tuple[str, ...], mapping: Mapping, values: dict[str, Any]) -> bool:
    if names == ("sign",) and mapping.signs:
        return False
    return all(values.get(name) is None for name in names)


def hash_of(cells: Cells) -> str:
    """The key of a row that has none: equal rows are one."""
    told = json.dumps(cells, sort_keys=True, default=str)
    return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def _refuse_missing(mapping: Mapping, columns: tuple[str, ...]) -> None:
    named = [column for pattern in mapping.columns.values() for column in pattern.columns(columns)]
    named += mapping.signs
    missing = list(dict.fromkeys(column for column in named if column not in columns))
    twice = list(dict.fromkeys(column for column in named if columns.count(column) > 1))
    if missing:
        told = ", ".join(missing)
        raise Refusal("missing_column", f"文件缺少列：{told}", f"the file lacks the column {told}")
    if twice:
        told = ", ".join(twice)
        raise Refusal("bad_file", f"列重复：{told}", f"the column {told} stands twice in the file")
    if lacks := list(incomplete(mapping)):
        told = "; ".join(lacks)
        raise Refusal("missing_column", f"文件的列不足：{told}", f"the file's columns do not do: {told}")


def _finder(one: Field, mapping: Mapping, columns: tuple[str, ...]) -> Find:
    if one.name in mapping.constants:
        constant = mapping.constants[one.name]
        return lambda cells: constant
    find = _pattern(mapping.columns[one.name], mapping.null, columns)
    words = mapping.values.get(one.name)
    if not words:
        return find

    def translated(cells: Cells) -> Any:
        cell = find(cells)
        return cell if cell is None else words.get(text(cell), cell)

    return translated


def _pattern(pattern: Pattern, null: frozenset[str], columns: tuple[str, ...]) -> Find:
    parts = pattern.parts()
    if pattern.written in columns or len(parts) == 1:
        return lambda cells: None if is_null(cell := cells.get(pattern.written), null) else cell

    def joined(cells: Cells) -> str | None:
        told = [parts[0]]
        for column, after in zip(parts[1::2], parts[2::2], strict=True):
            cell = cells.get(column)
            if is_null(cell, null):
                told.pop()
                break
            told += [text(cell), after]
        return "".join(told) or None

    return joined
