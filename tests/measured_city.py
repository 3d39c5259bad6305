"""A city small enough to fold by hand, in which every way of folding is met at every tier."""

import csv
from collections.abc import Iterable, Sequence
from itertools import cycle, product
from pathlib import Path

TIMES = ("mean", "sum", "max", "min", "last")
SPACES = ("sum", "mean", "max", "min", "worst", "none")
LEVELS = {
    "H": ("40", "60", "80"),
    "L": ("60", "40", "20"),
    "B": ("30..70", "20..80", "10..90"),
    "N": ("", "", ""),
}
STREETS = {"A": 8, "B": 2}

SIGN_COLUMNS = [
    "code",
    "name_zh",
    "name_en",
    "domain",
    "unit",
    "period",
    "tier",
    "kind",
    "direction",
    "t1",
    "t2",
    "t3",
    "hysteresis",
    "hold",
    "freshness",
    "fold_time",
    "fold_space",
    "weight",
    "shared",
    "department",
    "source",
    "illustrative",
]


def places() -> list[tuple[str, str]]:
    """(code, parent): C, two districts, ten streets, two communities in each, one or two grids in those."""
    rows = [("C", "")]
    for district, streets in STREETS.items():
        rows.append((district, "C"))
        for number in range(1, streets + 1):
            street = f"{district}{number}"
            rows.append((street, district))
            for community in ("x", "y"):
                rows.append((street + community, street))
                rows += [
                    (f"{street}{community}{grid}", street + community)
                    for grid in range(1 + (community == "y"))
                ]
    return rows


def signs() -> list[dict[str, str]]:
    """Every pair of fold_time and fold_space; tier (or kind), direction, weight and hold go round."""
    where = cycle([("3", ""), ("2", ""), ("", "meter"), ("5", ""), ("4", "")])
    direction = cycle("HLBNLBH")
    weight = cycle(["population", "area", "1", "area", "population"])
    rows = []
    for number, (time, space) in enumerate(product(TIMES, SPACES)):
        (tier, kind), way = next(where), next(direction)
        t1, t2, t3 = LEVELS[way]
        rows.append(
            _sign(
                f"S{number:02}", tier=tier, kind=kind, direction=way, t1=t1, t2=t2, t3=t3, fold_time=time,
                fold_space=space,
                weight=next(weight), shared="1" if number % 2 else "",
            )
        )  # fmt: skip
    rows.append(_sign("BARRIER", tier="3", fold_time="mean", fold_space="sum", direction="N"))
    rows.append(_sign("CAPACITY", tier="3", t1="70%", direction="H", fold_time="last", fold_space="sum"))
    rows.append(
        _sign(
            "HELD", tier="3", direction="H", t1="40", t2="60", t3="80", hold="10min", freshness="1h",
            hysteresis="5",
            fold_time="last", fold_space="max", shared="1",
        )
    )  # fmt: skip
    return rows


def _sign(code: str, **cells: str) -> dict[str, str]:
    row = dict.fromkeys(SIGN_COLUMNS, "") | {
        "code": code, "name_zh": f"体征{code}", "name_en": f"Sign {code}", "domain": "test", "unit": "m",
        "period": "5min", "freshness": "15min", "weight": "1", "illustrative": "1",
    }  # fmt: skip
    return row | cells


def assets() -> list[tuple[str, str, str]]:
    """(code, kind, place): none, one or three meters at places of several tiers."""
    return [
        ("m1", "meter", "A1x0"), ("m2", "meter", "A1x0"), ("m3", "meter", "A1x0"), ("m4", "meter", "A1"),
        ("m5", "meter", "B"), ("m6", "meter", "B2y"), ("m7", "meter", "C"), ("pump", "pump", "A1"),
    ]  # fmt: skip


def write(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.toml").write_text(
        'root = "C"\nname_zh = "测量市"\nname_en = "Measured City"\n'
        'timezone = "Asia/Shanghai"\nlanguages = ["zh", "en"]\n',
        encoding="utf-8",
    )
    _table(
        folder / "places.csv",
        ["code", "parent", "name_zh", "name_en", "lon", "lat", "population", "area_km2"],
        [
            (code, parent, f"地{code}", f"Place {code}", "", "", 100 + 7 * number, 1 + number / 3)
            for number, (code, parent) in enumerate(places())
        ],
    )
    _table(folder / "signs.csv", SIGN_COLUMNS, [list(row.values()) for row in signs()])
    _table(
        folder / "assets.csv",
        ["code", "kind", "place", "name_zh", "name_en", "lon", "lat", "department", "illustrative"],
        [(code, kind, place, f"表{code}", f"Meter {code}", "", "", "", "") for code, kind, place in assets()],
    )
    _table(
        folder / "series.csv",
        ["sign", "place", "asset", "capacity"],
        [("CAPACITY", "A1", "", 100), ("CAPACITY", "A2", "", 300), ("CAPACITY", "B1", "", "")],
    )
    return folder


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
