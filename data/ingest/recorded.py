"""Which rows and outlines does a file of places or assets hold, and which ground do its places cover?"""

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.domain.city import City, GeoJson, PlaceRow
from data.domain.refusal import Refusal
from data.ingest.crs import Convert, Crs, to_wgs84
from data.ingest.fields import Kind
from data.ingest.files import Refused, Row, Table, kind_of, open_table
from data.ingest.mapping import Mapping as Columns
from data.ingest.mapping import plain_mapping, read_mapping
from data.ingest.records import Reader, Record

_DRAWN = (".geojson", ".json", ".gpkg")
_OUTLINE = "outline"  # no column of a file is called so: a cell of ours beside the file's own


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A record and, from a GeoJSON or GeoPackage file, its geometry in WGS84."""

    record: Record
    geometry: GeoJson | None


@contextmanager
def opened(path: Path, mapping: Path | None, kind: Kind) -> Iterator[tuple[Table, Reader, Columns]]:
    """The file and what reads its rows; Refusal before the first row where they do not fit."""
    columns = read_mapping(mapping, kind) if mapping else None
    with _table(path, columns) as table:
        columns = columns or plain_mapping(kind, table.columns)
        yield table, Reader(columns, table.columns), columns


@contextmanager
def _table(path: Path, columns: Columns | None) -> Iterator[Table]:
    if kind_of(path) in _DRAWN:
        yield _features(path)
        return
    encoding, delimiter = (columns.encoding, columns.delimiter) if columns else ("utf-8", None)
    with open_table(path, encoding=encoding, delimiter=delimiter) as table:
        yield table


def _features(path: Path) -> Table:
    from data.ingest.shapes import read_geometry_file

    try:
        if not _is_what_it_is_called(path):
            raise ValueError("its content is of another kind than its name")
        features = list(read_geometry_file(path))
    except (OSError, EOFError, ValueError, RuntimeError) as error:
        told = f"{path.name}: {error}"
        raise Refusal("bad_file", f"无法读取：{told}", f"this cannot be read: {told}") from error
    columns = tuple(dict.fromkeys(name for properties, _ in features for name in properties))
    rows = (Row(number, {**cells, _OUTLINE: geometry}) for number, (cells, geometry) in enumerate(features))
    return Table(columns, rows, len(features), lambda: len(features))


def _is_what_it_is_called(path: Path) -> bool:
    """Else a driver that fetches other files could be talked into reading it."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"SQLite format 3\0" if kind_of(path) == ".gpkg" else b"{")


def surveyed(table: Table, reader: Reader, crs: Crs) -> Iterator[Surveyed | Refused]:
    convert = to_wgs84(crs)
    for row in table.rows:
        if isinstance(row, Refused):
            yield row
            continue
        geometry = row.cells.pop(_OUTLINE, None)
        record = reader.record(row)
        if isinstance(record, Refused):
            yield record
        else:
            yield Surveyed(record, _moved(geometry, convert) if geometry else None)


def _moved(geometry: GeoJson, convert: Convert) -> GeoJson:
    return {"type": geometry["type"], "coordinates": _shifted(geometry["coordinates"], convert)}


def _shifted(coordinates: Any, convert: Convert) -> Any:
    if isinstance(coordinates[0], int | float):
        return convert(*coordinates[:2])
    return [_shifted(part, convert) for part in coordinates]


def sound(one: Surveyed | Refused) -> Surveyed | Refused:
    """A place's outline as it is or repaired; a point is its centre."""
    from data.ingest.shapes import repair, wrong_with

    if isinstance(one, Refused) or one.geometry is None:
        return one
    if point := point_of(one.geometry):
        lon, lat = point
        return Surveyed(replace(one.record, values=one.record.values | {"lon": lon, "lat": lat}), None)
    outline = repair(one.geometry) if wrong_with(one.geometry) else one.geometry
    if outline is None:
        return Refused(one.record.row, "geometry", "bad_value", "the outline covers no ground")
    return Surveyed(one.record, outline)


def point_of(geometry: GeoJson) -> tuple[float, float] | None:
    if geometry["type"] != "Point":
        return None
    lon, lat = geometry["coordinates"][:2]
    return lon, lat


def ground(places: list[PlaceRow], outlines: Mapping[str, GeoJson]) -> Iterator[Any]:
    """The real cells of places with outlines; siblings are drawn together, so that borders stay common."""
    from data.ingest.shapes import cells

    root = PlaceRow("/", None, 1, "/", "", "")
    parents = dict.fromkeys(f"/{place.parent or ''}" for place in places)
    homes = [PlaceRow(parent, "/", 2, f"/{parent}/", "", "") for parent in parents if parent != "/"]
    laid = [replace(place, parent=f"/{place.parent or ''}", tier=3) for place in places]
    drawn = City(
        root="/", name_zh="", name_en="", timezone="UTC", languages=(), domains=(),
        places=(root, *homes, *laid), outlines=dict(outlines),
    )  # fmt: skip
    return (cell for cell in cells(drawn) if not cell.code.startswith("/"))
