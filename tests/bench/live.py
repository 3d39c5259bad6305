"""How soon is news on the screens: at rest, with a thousand viewers, in a storm, and what does it cost?"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests

from data import db
from tests.bench import sent, web
from tests.bench.rounds import Rounds, percentile, run
from tests.bench.screen import READ_OPEN, Wall
from tests.bench.sent import Caller, Told
from tests.bench.told import Row
from tests.bench.viewers import News, Viewers
from tests.conftest import LiveServer

WALL_KINDS = frozenset({"signs", "incidents", "sources", "city"})
READ_SIGN = """(() => {
  const tiles = (cityops.model["rows.domains"] ?? []).flatMap(({ signs }) => signs);
  return [...(cityops.model["rows.signs"] ?? []), ...tiles].find(({ id }) => id === "%s")?.value;
})()"""
SETTLED = 1.5  # seconds after the last change until all have heard of it


@dataclass(frozen=True)
class Load:
    viewers: int = 200
    many: int = 1_000
    streams: int = 300
    walls: int = 50
    rounds: int = 5
    changes: int = 12  # a round
    pace: float = 1.0  # seconds between two of them
    seconds: float = 20.0
    a_minute: int = 600


@dataclass
class Stage:
    """The product running, one real wall, and somebody who calls."""

    server: LiveServer
    wall: Wall
    caller: Caller
    root: str
    load: Load
    rows: list[Row] = field(default_factory=list)


def measure(server: LiveServer, browser: Any, load: Load) -> list[Row]:
    caller = Caller.here()
    wall = Wall(browser, server.url).open(f"/wall/{caller.town.root}")
    here = Stage(server, wall, caller, caller.town.root, load)
    same = [f"page=wall&subject={here.root}"]
    with Viewers(server.url, same * load.viewers) as viewers:
        here.rows += _incidents(here, viewers)
        here.rows += _readings(here)
    with Viewers(server.url, same * load.many, note_every=10) as viewers:
        here.rows += _many(here, viewers)
    here.rows += _computations(here)
    with Viewers(server.url, _asks(load)) as viewers:
        here.rows += _storm(here, viewers)
    wall.close()
    return here.rows


# ── one change after another ────────────────────────────────────────────────────────────────────
def _changes(here: Stage, viewers: Viewers, pace: float) -> dict[str, Any]:
    """`pace`: seconds between two changes."""
    base = here.wall.watch(READ_OPEN)
    viewers.take()
    turns = sent.paced(pace * here.load.changes, here.load.changes)
    told = [here.caller.commit() for _ in turns]
    time.sleep(SETTLED)
    seen = [(int(n), at) for n, at in here.wall.seen()]
    heard = [(one.open, one.at) for one in viewers.take().news if one.open is not None]
    return {"pixels": _delays(told, seen, base), "wire": _delays(told, heard, base, every=True)}


def _delays(
    told: Sequence[Told], seen: Sequence[tuple[int, float]], base: int, *, every: bool = False
) -> list[float]:
    """Milliseconds from each case until so many were shown; infinite for one that never was."""
    delays = []
    for n, case in enumerate(told, base + 1):
        shown = min((count for count, _ in seen if count >= n), default=None)
        times = [at for count, at in seen if count == shown]
        delays += [(at - case.at) * 1000 for at in (times if every else times[:1])] or [float("inf")]
    return delays


def _row(done: Rounds, what: str, name: str, goal: float, share: float = 0.95) -> Row:
    found = done.all(name)
    how = f"p50 {percentile(found, 0.5):.0f} ms, most {max(found):.0f} ms of {len(found)}"
    if done.all("wire"):
        how += f"; on the wire p95 {percentile(done.all('wire'), 0.95):.0f} ms"
    return Row(
        "live", what, percentile(found, share), "ms", goal, more=f"{how}; {done.told()}", clean=done.enough
    )


def _incidents(here: Stage, viewers: Viewers) -> list[Row]:
    done = run(partial(_changes, here, viewers, here.load.pace), here.load.rounds)
    return [_row(done, f"committed incident → pixels, {here.load.viewers} viewers, p95", "pixels", 150)]


def _readings(here: Stage) -> list[Row]:
    answer = requests.get(f"{here.server.url}/api/v1/state/wall/{here.root}", timeout=10).json()
    series = sent.gauge(sent.shown_signs(answer["state"]))

    def once() -> dict[str, Any]:
        here.wall.watch(READ_SIGN % series.sign)
        posted = []
        for _ in sent.paced(1.2 * here.load.pace * here.load.changes, here.load.changes):
            posted.append((series.post(here.server), series.value))
        time.sleep(SETTLED)
        seen = here.wall.seen()
        first = [
            min((at for value, at in seen if value == wanted), default=float("inf")) - since
            for since, wanted in posted
        ]
        return {"pixels": [delay * 1000 for delay in first]}

    done = run(once, here.load.rounds)
    what = f"posted reading → pixels, through the fold, {here.load.viewers} viewers, p95"
    return [_row(done, what, "pixels", 250)]


def _many(here: Stage, viewers: Viewers) -> list[Row]:
    before, began = web.weight(here.server), time.monotonic()
    done = run(partial(_changes, here, viewers, 0.25), here.load.rounds)
    after, lasted = web.weight(here.server), time.monotonic() - began
    many = here.load.many
    return [
        _row(done, f"{many:,} viewers, 4 changes/s: row → pixels, p95", "pixels", 250),
        Row("live", f"web server with {many:,} viewers: memory", after.memory, "MB"),
        Row("live", f"web server with {many:,} viewers: threads", after.threads, ""),
        Row(
            "live",
            "web server's part of a core meanwhile",
            100 * (after.worked - before.worked) / lasted,
            "%",
        ),
        Row("live", "viewers lost", viewers.take().lost, "", 0),
    ]


# ── how often is a state computed ───────────────────────────────────────────────────────────────
def _computations(here: Stage) -> list[Row]:
    """One a stream and change, however many watch: changes are the commits that the stream heard of."""
    found = {}
    for many in (0, here.load.many):  # besides the real wall
        with Viewers(here.server.url, [f"page=wall&subject={here.root}"] * many):
            time.sleep(SETTLED)
            found[many + 1] = _computed(here)
    told = ", ".join(f"{viewers:,} viewers {n:.2f}" for viewers, n in found.items())
    return [Row("live", "computations a change, one stream", max(found.values()), "", 1, more=told)]


def _computed(here: Stage) -> float:
    with web.News() as news:
        before = web.computed(here.server)["wall"]
        for _ in sent.paced(here.load.pace * here.load.changes, here.load.changes):
            here.caller.commit()
        time.sleep(SETTLED)
        changes = news.about(WALL_KINDS, f"{here.root}/")
        return (web.computed(here.server)["wall"] - before) / changes


# ── the storm ───────────────────────────────────────────────────────────────────────────────────
def _asks(load: Load) -> list[str]:
    """Distinct streams: walls of the highest places, then the other pages of them."""
    with closing(db.connect()) as conn:
        rows = conn.execute("SELECT code FROM place ORDER BY tier, code LIMIT %s", (load.streams,)).fetchall()
    codes = [row["code"] for row in rows]
    walls = [f"page=wall&subject={code}" for code in codes[: load.walls]]
    pages = ("overview", "incidents", "signs")
    others = [f"page={page}&subject={code}" for code in codes for page in pages]
    return [*walls, *others][: load.streams]


def _storm(here: Stage, viewers: Viewers) -> list[Row]:
    asks = list(dict.fromkeys(_asks(here.load)))
    paths = _paths([ask.rpartition("=")[2] for ask in asks])
    states = {
        n: requests.get(f"{here.server.url}/api/v1/state/{_address(ask)}", timeout=30).json()["state"]
        for n, ask in enumerate(asks)
        if "page=wall" in ask or "page=overview" in ask
    }
    counts = {n: state["text.open"] for n, state in states.items()}
    cost: list[tuple[float, float]] = []

    def once() -> dict[str, Any]:
        base = here.wall.watch(READ_OPEN)
        viewers.take()
        before, worked, began = web.computed(here.server), web.weight(here.server).worked, time.monotonic()
        told = sent.storm(here.server, here.caller, here.load.seconds, here.load.a_minute)
        time.sleep(2 * SETTLED)
        seen = [(int(n), at) for n, at in here.wall.seen()]
        wire = _on_streams(told, viewers.take().news, paths, counts)
        lasted = time.monotonic() - began
        made = sum(web.computed(here.server).values()) - sum(before.values())
        cost.append((made / lasted, (web.weight(here.server).worked - worked) / lasted * 100))
        return {"pixels": _delays(told, seen, base), "wire": wire}

    done = run(once, here.load.rounds)
    what = f"storm, {here.load.a_minute} incidents/min, {here.load.streams} streams, {here.load.walls} walls"
    made, worked = (max(column) for column in zip(*cost, strict=True))
    return [
        _row(done, f"{what}: posted → pixels, p95", "pixels", 500),
        _row(done, f"{what}: posted → pixels, p100", "pixels", 2_000, share=1.0),
        _row(done, f"{what}: posted → every stream that counts it, p95", "wire", 500),
        _row(done, f"{what}: posted → every stream that counts it, p100", "wire", 2_000, share=1.0),
        Row("live", "storm: states computed a second", made, ""),
        Row("live", "storm: web server's part of a core", worked, "%"),
        Row("live", "storm: web server's memory", web.weight(here.server).memory, "MB"),
        Row("live", "storm: web server's threads", web.weight(here.server).threads, ""),
    ]


def _address(ask: str) -> str:
    return ask.replace("page=", "").replace("&subject=", "/")


def _paths(codes: Sequence[str]) -> list[str]:
    with closing(db.connect()) as conn:
        rows = conn.execute("SELECT code, path FROM place WHERE code = ANY(%s)", (list(codes),))
        found = {row["code"]: row["path"] for row in rows}
    return [found[code] for code in codes]


def _on_streams(
    told: Sequence[Told], news: Sequence[News], paths: Sequence[str], counts: dict[int, int]
) -> list[float]:
    """Of every stream that counts open cases the delays of those below its place; counts move on."""
    delays = []
    for n, base in counts.items():
        mine = [case for case in told if case.path.startswith(paths[n])]
        seen = [(one.open, one.at) for one in news if one.stream == n and one.open is not None]
        delays += _delays(mine, seen, base)
        counts[n] = base + len(mine)
    return delays
