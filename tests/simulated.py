"""A city of paper: the catalogue's signs at a few places, without a database."""

import csv
from collections.abc import Iterator
from datetime import datetime

import numpy as np

from data.config.setting import ROOT
from data.domain.incident import Act, Holder, Move, Standing, advance, begin
from data.domain.sign import limits
from data.domain.threshold import thresholds
from data.ingest.durations import duration
from data.store.simulation import Sign
from data.work.simulate import scenario as scenarios
from data.work.simulate import series
from data.work.simulate.cases import Case
from data.work.simulate.profile import profiles
from data.work.simulate.scenario import Scenario
from data.work.simulate.series import Due
from data.work.simulate.values import Model

ZONE = "Asia/Shanghai"
DAY = 86_400


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+08:00").timestamp())


def catalogue() -> list[dict[str, str]]:
    with (ROOT / "data" / "seed" / "wuhan" / "signs.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def sign_of(cells: dict[str, str]) -> Sign:
    period = None if cells["period"] == "event" else duration(cells["period"])
    first = limits_of(cells)
    return Sign(
        cells["code"], cells["unit"], period, duration(cells["freshness"]), cells["direction"],
        cells["fold_space"], first.lo[0] if cells["direction"] == "L" else first.hi[0], bool(cells["kind"]),
        first.hi[0] - first.lo[0] if None not in (first.hi[0], first.lo[0]) else None,
    )  # fmt: skip


def limits_of(cells: dict[str, str]):
    direction = cells["direction"]
    levels = thresholds(direction, cells["t1"], cells["t2"], cells["t3"])
    return limits(levels, "", capacity=10_000.0)


def rows_of(cells: dict[str, str], districts: int = 4, each: int = 2) -> Iterator[dict[str, object]]:
    found = limits_of(cells)
    for d in range(districts):
        for n in range(each):
            place = f"1-{d}-{n}"
            yield {
                "id": d * 10 + n, "sign": cells["code"], "place": place, "path": f"1/1-{d}/{place}/",
                "asset": f"{cells['kind']}-{d}-{n}" if cells["kind"] else "", "district": f"1-{d}",
                "capacity": 10_000.0, "lo": found.lo, "hi": found.hi, "lon": 114.0 + d / 10, "last": None,
            }  # fmt: skip


def model_of(scenario: Scenario, *codes: str, seed: int = 7, districts: int = 4) -> Model:
    cells = [cells for cells in catalogue() if not codes or cells["code"] in codes]
    rows = [row for one in cells for row in rows_of(one, districts)]
    people = {str(row["place"]): 200_000.0 + 60_000 * (int(str(row["id"])) % 3) for row in rows}
    found = series.gather(rows, map(sign_of, cells), profiles(), series.Setting(people, seed, ZONE))
    return Model(found, scenario, profiles(), seed)


def during(model: Model, code: str, since: int, until: int, step: int = 300) -> tuple[Due, np.ndarray]:
    one = model.series[code]
    due = one.due(since, until, coarsest=step)
    return due, model.readings(one, due)


def means(model: Model, code: str, since: int, until: int) -> np.ndarray:
    """The mean over places, hour by hour."""
    due, values = during(model, code, since, until)
    hours = (due.at - since) // 3600
    return np.array([values[hours == hour].mean() for hour in range((until - since) // 3600)])


ORDINARY, STORM = scenarios.read("ordinary-day"), scenarios.read("rainstorm")
DRY = STORM.model_copy(update={"rains": STORM.rains.model_copy(update={"curve": ()}), "name": "dry"})
STORMY = at("2020-07-05T00:00"), at("2020-07-07T00:00")


def stood(case: Case, moves: list[Move]) -> Standing:
    standing = begin(Move(Act.REPORT, case.at, "x", Holder("1-0")), case.severity)
    for move in moves:
        standing = advance(standing, move)
    return standing
