"""Which city lies in this folder, and what is wrong with it?

Everything is looked at before anything is said: a FolderError names all mistakes at once.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from data.domain.city import (
    AssetRow,
    City,
    ClassRow,
    DepartmentRow,
    DomainRow,
    GeoJson,
    PlaceRow,
    SeriesRow,
    SignRow,
)
from data.ingest import checks, tables
from data.ingest.geojson import read_base, read_outlines
from data.ingest.manifest import Manifest, read_manifest
from data.ingest.outlines import PACKAGES, outlines_of, version_of
from data.ingest.rows import Column, FolderError, Mistake, Row, read_table
from data.ingest.tree import Grids, names, plant, with_grids

_TABLES: dict[str, tuple[Column, ...]] = {
    "departments.csv": tables.DEPARTMENTS,
    "signs.csv": tables.SIGNS,
    "assets.csv": tables.ASSETS,
    "series.csv": tables.SERIES,
    "classes.csv": tables.CLASSES,
}


@dataclass(slots=True)
class _Read:
    """What was read so far."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    illegible: set[str] = field(default_factory=set)
    places: list[PlaceRow] = field(default_factory=list)
    outlines: dict[str, GeoJson] = field(default_factory=dict)
    base: GeoJson | None = None
    mistakes: list[Mistake] = field(default_factory=list)


def read_folder(folder: Path) -> City:
    """The whole city, or a FolderError."""
    found = read_manifest(folder)
    manifest = found if isinstance(found, Manifest) else None
    read = _Read(mistakes=[] if isinstance(found, Manifest) else found)
    _read_tables(folder, read)
    _read_places(folder, manifest, read)
    read.mistakes += _table_mistakes(read.rows, _known(read, manifest))
    _read_geometry(folder, read)
    if read.mistakes or manifest is None:
        raise FolderError(read.mistakes)
    if manifest.outlines:
        codes = {place.code for place in read.places}
        read.outlines = outlines_of(manifest.outlines, codes) | read.outlines
    return _city(read, manifest, folder_hash(folder))


def folder_hash(folder: Path) -> str:
    """sha256 over the names and contents of the folder's files and the version of the outline package."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".toml", ".csv", ".geojson"}):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    for package in PACKAGES:
        digest.update(f"{package} {version_of(package)}".encode())
    return f"sha256:{digest.hexdigest()}"


def _read_tables(folder: Path, read: _Read) -> None:
    for name, columns in _TABLES.items():
        if (folder / name).exists():
            table = read_table(folder / name, name, columns)
            read.rows[name] = table.rows
            read.mistakes += table.mistakes
            read.illegible |= set() if table.is_legible else {name}
    known = {*_TABLES, "places.csv"}
    for path in sorted(folder.glob("*.csv")):
        if path.name not in known:
            detail = f"a city folder has no such table; known are {', '.join(sorted(known))}"
            read.mistakes.append(Mistake(path.name, 0, "", detail))


def _read_places(folder: Path, manifest: Manifest | None, read: _Read) -> None:
    paths = [path for path in (folder / "places.csv", *sorted(folder.glob("places/*.csv"))) if path.exists()]
    if not paths:
        read.mistakes.append(Mistake("places.csv", 0, "", "the file is missing: a city needs places"))
    rows = []
    for path in paths:
        table = read_table(path, path.relative_to(folder).as_posix(), tables.PLACES)
        rows += table.rows
        read.mistakes += table.mistakes
        read.illegible |= set() if table.is_legible else {"places.csv"}
    read.places, mistakes = plant(rows, speaks_chinese=manifest is None or "zh" in manifest.languages)
    read.mistakes += mistakes
    if manifest is None:
        return
    if manifest.grids:
        grids = Grids(**manifest.grids.model_dump())
        read.places = list(with_grids(read.places, grids))
    if rows and (not read.places or read.places[0].code != manifest.root):
        detail = f"no place without a parent has the code '{manifest.root}'"
        read.mistakes.append(Mistake("city.toml", 0, "root", detail))


def _known(read: _Read, manifest: Manifest | None) -> checks.Known:
    def rows_of(name: str) -> dict[str, Row] | None:
        return None if name in read.illegible else {row["code"]: row for row in read.rows.get(name, [])}

    departments = rows_of("departments.csv") if "departments.csv" in read.rows else None
    return checks.Known(
        places=None if "places.csv" in read.illegible else {place.code: place for place in read.places},
        signs=rows_of("signs.csv"),
        assets=rows_of("assets.csv"),
        departments=None if departments is None else frozenset(departments),
        domains=frozenset(manifest.domains if manifest else ()) or None,
    )


def _table_mistakes(rows: dict[str, list[Row]], known: checks.Known) -> Iterator[Mistake]:
    departments, signs, assets, series, classes = (rows.get(name, []) for name in _TABLES)
    yield from checks.repeated(departments, "code", "place")
    yield from checks.repeated(signs, "code")
    yield from checks.repeated(assets, "code")
    yield from checks.repeated(series, "sign", "place", "asset")
    yield from checks.repeated(classes, "code", "condition")
    for table in (departments, signs, assets):
        yield from checks.nameless(table)
    yield from checks.department_mistakes(departments, known)
    yield from checks.sign_mistakes(signs, known)
    yield from checks.asset_mistakes(assets, known)
    yield from checks.series_mistakes(series, known)
    yield from checks.class_mistakes(classes)


def _read_geometry(folder: Path, read: _Read) -> None:
    if (folder / "geometry.geojson").exists():
        read.outlines, mistakes = read_outlines(folder / "geometry.geojson", read.places)
        read.mistakes += mistakes
    if (folder / "base.geojson").exists():
        read.base, mistakes = read_base(folder / "base.geojson")
        read.mistakes += mistakes


def _city(read: _Read, manifest: Manifest, hash_: str) -> City:
    chinese = "zh" in manifest.languages
    departments, signs, assets, series, classes = (read.rows.get(name, []) for name in _TABLES)
    return City(
        root=manifest.root,
        name_zh=manifest.name_zh or manifest.name_en or read.places[0].name_zh,
        name_en=manifest.name_en or manifest.name_zh or read.places[0].name_en,
        timezone=manifest.timezone,
        languages=tuple(manifest.languages),
        domains=_domains(manifest, signs),
        places=tuple(read.places),
        signs=tuple(_sign(row, chinese) for row in signs),
        assets=tuple(AssetRow(**row.cells | _names(row, chinese)) for row in assets),
        series=tuple(SeriesRow(**row.cells) for row in series),
        classes=tuple(_classes(classes, chinese)),
        departments=tuple(DepartmentRow(**row.cells | _names(row, chinese)) for row in departments),
        units=manifest.units,
        outlines=read.outlines,
        base=read.base,
        demo=manifest.demo,
        hash=hash_,
    )


def _names(row: Row, chinese: bool) -> dict[str, str]:
    return dict(zip(("name_zh", "name_en"), names(row, speaks_chinese=chinese), strict=True))


def _domains(manifest: Manifest, signs: list[Row]) -> tuple[DomainRow, ...]:
    """Without a table the domains are those that the signs name, in their order."""
    if manifest.domains:
        return tuple(DomainRow(code, name.zh, name.en) for code, name in manifest.domains.items())
    return tuple(DomainRow(code, code, code) for code in dict.fromkeys(row["domain"] for row in signs))


def _sign(row: Row, chinese: bool) -> SignRow:
    """What a row leaves out goes by rule: hysteresis 5 % of t1, hold one period, fresh for three."""
    cells = dict(row.cells)
    period_cell, period = cells.pop("period")
    once = period or (cells["freshness"] / 3)
    given = {
        "hold": cells["hold"] if cells["hold"] is not None else once * bool(period),
        "freshness": cells["freshness"] or once * 3,
        "hysteresis": cells["hysteresis"] or "5%",
    }
    return SignRow(**cells | _names(row, chinese) | given, period_cell=period_cell, period=period)


def _classes(rows: list[Row], chinese: bool) -> Iterator[ClassRow]:
    """Rows of one class after its first may leave out the names."""
    numbers: dict[str, int] = {}
    called: dict[str, dict[str, str]] = {}
    for row in rows:
        code = row["code"]
        numbers[code] = numbers.get(code, 0) + 1
        called.setdefault(code, _names(row, chinese))
        yield ClassRow(**row.cells | called[code], number=numbers[code])
