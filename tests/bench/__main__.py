"""Which parts of the bench are run? `python -m tests.bench [state|live|wall|ingest|export …] [readme]`"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests import chromium
from tests.bench import export, ingest, live, sets, state, told, wall, web
from tests.bench.fill import Size
from tests.bench.told import Row
from tests.conftest import ROOT, LiveServer, Postgres, pointed_at

PARTS = ("state", "live", "wall", "ingest", "export")
RUNNING = frozenset({"live", "wall", "ingest"})  # on one city whose past ends now

RUNNING_SET = replace(sets.TENTH, name="bench_live")
LIVE, INGEST = live.Load(), ingest.Load()


@dataclass(frozen=True)
class Scale:
    """How large everything is. `sets`: with its whole past and with a tenth of it."""

    city: Path = sets.WUHAN
    sets: tuple[Size, Size] = (sets.S, sets.TENTH)
    running: Size = RUNNING_SET
    rounds: int = 5
    repeats: int = 12
    refreshes: int = 2_000
    watched: live.Load = LIVE
    sent: ingest.Load = INGEST


def bench(postgres: Postgres, parts: Sequence[str], scale: Scale) -> Iterator[tuple[str, list[Row]]]:
    if "state" in parts:
        names = tuple(sets.ready(postgres, size, scale.city) for size in scale.sets)
        yield "state", state.measure(postgres, names, scale.rounds, scale.repeats)
    if RUNNING & set(parts):
        with city(postgres, scale) as server, chromium.browser() as browser:
            yield from _running(server, browser, parts, scale)
    if "export" in parts:
        name = sets.ready(postgres, scale.sets[1], scale.city)
        with state.pinned(postgres, name), web.served(worker=False) as server:
            yield "export", export.measure(server, sets.root(), scale.rounds)


def _running(
    server: LiveServer, browser: object, parts: Sequence[str], scale: Scale
) -> Iterator[tuple[str, list[Row]]]:
    if "live" in parts:
        yield "live", live.measure(server, browser, scale.watched)
    if "wall" in parts:
        yield "wall", wall.measure(server, browser, sets.root(), scale.rounds, scale.refreshes)
    if "ingest" in parts:
        yield "ingest", ingest.measure(server, scale.sent)


@contextmanager
def city(postgres: Postgres, scale: Scale) -> Iterator[LiveServer]:
    """The whole product on a city made for this run, and dropped after it. It is proven first, so that its
    worker need not prove it in the midst of what is measured."""
    sets.make(postgres, scale.running, sets.this_minute(), scale.city)
    try:
        with pointed_at(postgres, scale.running.name):
            proven = sets.verify()
            sets.told(proven.said)
            assert proven.ok, "the bench would stand on a city that is not true"
            with web.served() as server:
                yield server
    finally:
        sets.drop(postgres, scale.running.name)


def main(words: Sequence[str]) -> int:
    parts = [word for word in words if word in PARTS] or ([] if "readme" in words else list(PARTS))
    unknown = set(words) - {*PARTS, "readme"}
    if unknown:
        sys.stderr.write(f"there is no part {', '.join(sorted(unknown))}: {', '.join(PARTS)}\n")
        return 2
    scale = Scale(
        rounds=int(os.environ.get("CITYOPS_BENCH_ROUNDS", "5")),
        refreshes=int(os.environ.get("CITYOPS_BENCH_REFRESHES", "2000")),
    )
    with sets.server() as postgres:
        for part, rows in bench(postgres, parts, scale):
            told.keep(sets.HOME, part, rows)
            sets.told(told.table(rows))
    sets.told(f"in {sets.HOME}: bench.json, bench.md")
    if "readme" in words:
        told.into(ROOT / "README.md", told.markdown(told.kept(sets.HOME)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
