"""Do the tables of a city folder agree with each other?"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from data.domain.city import PlaceRow
from data.domain.threshold import BadThreshold, Threshold, are_ordered, threshold
from data.ingest.rows import Mistake, Row


@dataclass(frozen=True, slots=True)
class Known:
    """What the other tables may refer to; None = nobody can say, and nothing is refused for it."""

    places: dict[str, PlaceRow] | None
    signs: dict[str, Row] | None = None
    assets: dict[str, Row] | None = None
    departments: frozenset[str] | None = None
    domains: frozenset[str] | None = None


def repeated(rows: Iterable[Row], *columns: str) -> Iterator[Mistake]:
    """Rows that have the same cells in these columns as one before."""
    first: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[column] for column in columns)
        if first.setdefault(key, row) is not row and not row.bad & set(columns):
            told = " ".join(str(cell) for cell in key if cell is not None)
            yield row.mistake(columns[0], f"'{told}' stands already in line {first[key].line}")


def nameless(rows: Iterable[Row]) -> Iterator[Mistake]:
    for row in rows:
        if not (row["name_zh"] or row["name_en"]) and not row.bad & {"name_zh", "name_en"}:
            yield row.mistake("name_zh", "this needs a name")


def department_mistakes(rows: Iterable[Row], known: Known) -> Iterator[Mistake]:
    for row in rows:
        yield from _unknown(row, "place", known.places, "place")


def asset_mistakes(rows: Iterable[Row], known: Known) -> Iterator[Mistake]:
    for row in rows:
        yield from _unknown(row, "place", known.places, "place")
        yield from _unknown(row, "department", known.departments, "department")
        if (row["lon"] is None) != (row["lat"] is None) and not row.bad & {"lon", "lat"}:
            yield row.mistake("lon", "lon and lat are given together or not at all")


def sign_mistakes(rows: Iterable[Row], known: Known) -> Iterator[Mistake]:
    for row in rows:
        yield from _unknown(row, "department", known.departments, "department")
        yield from _unknown(row, "domain", known.domains, "domain")
        if bool(row["tier"]) == bool(row["kind"]) and not row.bad & {"tier", "kind"}:
            yield row.mistake("tier", "a sign has exactly one of tier and kind")
        if row["period"] == ("event", None) and row["freshness"] is None and "freshness" not in row.bad:
            yield row.mistake("freshness", "a sign by event says how long it stays fresh")
        yield from _threshold_mistakes(row)


def _threshold_mistakes(row: Row) -> Iterator[Mistake]:
    if "direction" in row.bad:
        return
    levels: list[Threshold | None] = []
    for column in ("t1", "t2", "t3"):
        try:
            levels.append(threshold(row["direction"], row[column]))
        except BadThreshold as error:
            yield row.mistake(column, str(error))
    if len(levels) == 3 and not are_ordered((levels[0], levels[1], levels[2])):
        yield row.mistake("t1", f"t1, t2, t3 do not go from mild to bad for direction {row['direction']}")


def series_mistakes(rows: Iterable[Row], known: Known) -> Iterator[Mistake]:
    for row in rows:
        yield from _unknown(row, "sign", known.signs, "sign")
        yield from _unknown(row, "place", known.places, "place")
        yield from _unknown(row, "asset", known.assets, "asset")
        if bool(row["place"]) == bool(row["asset"]) and not row.bad & {"place", "asset"}:
            yield row.mistake("place", "a series has exactly one of place and asset")
        elif known.signs and row["sign"] in known.signs:
            yield from _misfits(row, known.signs[row["sign"]], known)


def _misfits(row: Row, sign: Row, known: Known) -> Iterator[Mistake]:
    place = (known.places or {}).get(row["place"])
    asset = (known.assets or {}).get(row["asset"])
    code, tier, kind = sign["code"], sign["tier"], sign["kind"]
    if place and kind:
        yield row.mistake("place", f"{code} is measured by assets of kind {kind}, not by places")
    elif place and tier and place.tier != tier:
        yield row.mistake("place", f"{code} is measured at tier {tier}, {place.code} is of tier {place.tier}")
    if asset and tier:
        yield row.mistake("asset", f"{code} is measured by places of tier {tier}, not by assets")
    elif asset and kind and asset["kind"] != kind:
        yield row.mistake("asset", f"{code} is measured by {kind}, {asset['code']} is {asset['kind']}")


def class_mistakes(rows: Iterable[Row]) -> Iterator[Mistake]:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["code"], row)
        for column in ("unit", "stage"):
            if row["limit"] is not None and row[column] == "":
                yield row.mistake(column, f"a limit needs its {column}")
        yield from _renamed(row, first[row["code"]])
    yield from nameless(first.values())


def _renamed(row: Row, first: Row) -> Iterator[Mistake]:
    for column in ("name_zh", "name_en"):
        if row[column] and row[column] != first[column]:
            yield row.mistake(column, f"in line {first.line} the same class is called '{first[column]}'")


def _unknown(row: Row, column: str, known: Iterable[str] | None, noun: str) -> Iterator[Mistake]:
    if row[column] and known is not None and row[column] not in known:
        yield row.mistake(column, f"there is no {noun} '{row[column]}'")
