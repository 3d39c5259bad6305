"""How does a city folder come in: migrate, read, draw, load?"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from data import db
from data.domain.city import City, PlaceRow
from data.domain.place import bounds
from data.domain.refusal import Refusal
from data.store import city as store
from data.store import migrations, news


def init(folder: Path) -> Iterator[str]:
    """Does only what is missing. Raises Refusal for another city, FolderError for a folder with mistakes."""
    with db.owner() as conn:
        done = migrations.migrate(conn)
        if done:
            yield f"schema: {', '.join(f'{number:03d}' for number in done)}"
        standing = store.loaded(conn)
        yield load(conn, folder) if _differs(standing, folder) else "city: unchanged"


def _differs(standing: Mapping[str, Any] | None, folder: Path) -> bool:
    from data.ingest.folder import folder_hash

    return standing is None or standing["hash"] != folder_hash(folder)


def load(conn: db.Conn, folder: Path) -> str:
    from data.ingest.folder import read_folder

    city = read_folder(folder)
    standing = store.loaded(conn)
    if standing is not None and standing["root"] != city.root:
        raise Refusal(
            "other_city",
            f"这里存放的是 {standing['name_zh']}（{standing['root']}），"
            f"不能改装 {city.name_zh}（{city.root}）；请另设 CITYOPS_HOME",
            f"this home holds {standing['name_en']} ({standing['root']}), not {city.name_en} ({city.root}); "
            "set another CITYOPS_HOME",
            status=409,
        )
    facts = _facts(city)
    with conn.transaction():
        store.load(conn, city, facts)
        news.tell(conn, "city", [f"{city.root}/"])
    conn.execute("ANALYZE")
    return (
        f"city: {city.name_en}, {len(city.places)} places, {len(city.signs)} signs, {len(city.assets)} assets"
    )


def _facts(city: City) -> dict[str, dict[str, Any]]:
    """What is not in the rows themselves: each place's cell, centre and the words it is sought by."""
    from data.ingest.shapes import cells

    words = sought(city.places)
    return {cell.code: {**shape_of(cell), "sought": words[cell.code]} for cell in cells(city)}


def shape_of(cell: Any) -> dict[str, Any]:
    """The columns of a place that its cell fills."""
    from data.ingest.shapes import geojson

    geometry = geojson(cell.geometry) if cell.geometry else None
    return {
        "centre": None if cell.lon is None else (cell.lon, cell.lat),
        "geometry": geometry,
        "outline": cell.drawing,
        "bounds": bounds(geometry) if geometry else None,
        "schematic": cell.schematic,
    }


def sought(places: Iterable[PlaceRow]) -> dict[str, str]:
    """`420106 武昌区 wuchang district wuchangqu wcq`: code, names, pinyin and initials in lower case."""
    from data.ingest.names import pinyin

    found = {}
    for place in places:
        parts = [place.code, place.name_zh, place.name_en, *pinyin(place.name_zh)]
        found[place.code] = " ".join(part.lower() for part in parts if part)
    return found
