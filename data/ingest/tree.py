"""Do the rows of places make one tree?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from data.domain.city import PlaceRow
from data.domain.place import DEEPEST_TIER, path_of
from data.ingest.names import english
from data.ingest.rows import Mistake, Row


@dataclass(frozen=True, slots=True)
class Grids:
    """The rule by which communities without grids of their own get some: numbered 001, 002, …"""

    per_community: int
    name_zh: str
    name_en: str

    def under(self, community: PlaceRow) -> Iterator[PlaceRow]:
        for number in range(1, self.per_community + 1):
            code = f"{community.code}{number:03d}"
            yield PlaceRow(
                code=code,
                parent=community.code,
                tier=community.tier + 1,
                path=path_of(code, community.path),
                name_zh=self.name_zh.format(community=community.name_zh, number=number),
                name_en=self.name_en.format(community=community.name_en, number=number),
            )


def plant(rows: list[Row], *, speaks_chinese: bool) -> tuple[list[PlaceRow], list[Mistake]]:
    """The places in path order, children in code order; what does not hang on the root is a mistake."""
    by_code, mistakes = _by_code(rows)
    mistakes += _root_mistakes(by_code)
    children = defaultdict(list)
    for row in by_code.values():
        if "parent" not in row.bad:
            children[row["parent"]].append(row)
    places = list(_walk(children, speaks_chinese))
    hanging = {place.code for place in places}
    loose = [row for code, row in by_code.items() if code not in hanging and row["parent"]]
    mistakes += [mistake for row in loose for mistake in _loose_mistakes(row, by_code)]
    mistakes += _deep_mistakes(places, by_code)
    return places, mistakes


def with_grids(places: list[PlaceRow], grids: Grids | None) -> Iterator[PlaceRow]:
    parents = {place.parent for place in places}
    for place in places:
        yield place
        if grids and place.tier == DEEPEST_TIER - 1 and place.code not in parents:
            yield from grids.under(place)


def _by_code(rows: Iterable[Row]) -> tuple[dict[str, Row], list[Mistake]]:
    by_code: dict[str, Row] = {}
    mistakes = []
    for row in rows:
        code = row["code"]
        if code is None:
            continue
        first = by_code.setdefault(code, row)
        if first is not row:
            before = f"{first.file}, line {first.line}"
            mistakes.append(row.mistake("code", f"'{code}' stands already in {before}"))
        if not (row["name_zh"] or row["name_en"]) and not row.bad & {"name_zh", "name_en"}:
            mistakes.append(row.mistake("name_zh", "a place has a name"))
        if (row["lon"] is None) != (row["lat"] is None) and not row.bad & {"lon", "lat"}:
            mistakes.append(row.mistake("lon", "lon and lat are given together or not at all"))
    return by_code, mistakes


def _root_mistakes(by_code: dict[str, Row]) -> list[Mistake]:
    roots = [row for row in by_code.values() if row["parent"] is None and "parent" not in row.bad]
    return [
        row.mistake("parent", f"'{row['code']}' is a second root; the first is '{roots[0]['code']}'")
        for row in roots[1:]
    ]


def _walk(children: dict[str | None, list[Row]], speaks_chinese: bool) -> Iterator[PlaceRow]:
    waiting = [(row, "", 1) for row in children[None][:1]]
    while waiting:
        row, above, tier = waiting.pop()
        place = _place(row, above, tier, speaks_chinese)
        yield place
        below = sorted(children[place.code], key=lambda child: str(child["code"]), reverse=True)
        waiting += [(child, place.path, tier + 1) for child in below]


def _place(row: Row, above: str, tier: int, speaks_chinese: bool) -> PlaceRow:
    cells = row.cells
    name_zh, name_en = names(row, speaks_chinese=speaks_chinese)
    return PlaceRow(
        code=cells["code"],
        parent=cells["parent"],
        tier=tier,
        path=path_of(cells["code"], above),
        name_zh=name_zh,
        name_en=name_en,
        lon=cells["lon"],
        lat=cells["lat"],
        population=cells["population"],
        area_km2=cells["area_km2"],
    )


def names(row: Row, *, speaks_chinese: bool) -> tuple[str, str]:
    """(zh, en); where one is empty the other stands in, into English by pinyin."""
    name_zh, name_en = row["name_zh"] or "", row["name_en"] or ""
    if name_zh and not name_en:
        name_en = english(name_zh) if speaks_chinese else name_zh
    return name_zh or name_en, name_en


def _loose_mistakes(row: Row, by_code: dict[str, Row]) -> Iterator[Mistake]:
    """Names the row whose parent is unknown and each row of a circle; what hangs below them is not named."""
    if row["parent"] not in by_code:
        yield row.mistake("parent", f"there is no place '{row['parent']}'")
        return
    ring = [row["code"]]
    while (above := by_code[ring[-1]]["parent"]) in by_code and above not in ring:
        ring.append(above)
    if above == row["code"]:
        yield row.mistake("parent", f"the parents go in a circle: {' → '.join([*ring, above])}")


def _deep_mistakes(places: list[PlaceRow], by_code: dict[str, Row]) -> list[Mistake]:
    detail = f"a tree has {DEEPEST_TIER} tiers at most, this place is one deeper"
    return [
        by_code[place.code].mistake("parent", detail) for place in places if place.tier == DEEPEST_TIER + 1
    ]
