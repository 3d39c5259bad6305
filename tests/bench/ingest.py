"""How fast are readings taken in while people watch, beside bare COPY and upsert, and is none lost?"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import orjson
import requests

from data import db
from data.commands import readings
from tests.bench import fill, sets
from tests.bench.rounds import Rounds, run
from tests.bench.told import Row
from tests.bench.viewers import Viewers
from tests.conftest import LiveServer

WINDOW = timedelta(minutes=10)  # in which the readings lie
PATIENCE = 300.0
FIRST_WORDS = 200  # characters of what verify says

BARE = """
INSERT INTO bare (id, at, value, received_at)
SELECT n.id, s.at, s.value, now() FROM stage s JOIN node n USING (place, sign, asset)
WHERE n.leaf AND s.at <= now() + interval '2 min' ON CONFLICT DO NOTHING"""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Load:
    viewers: int = 50
    rounds: int = 5
    writers: int = 4
    batches: int = 4  # a writer and round
    batch: int = 5_000


@dataclass
class Feed:
    """Readings of any series at any time of the last minutes, in no order, none twice."""

    keys: Sequence[tuple[str, str, str]]
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    drawn: set[tuple[tuple[str, str, str], datetime]] = field(default_factory=set)

    @classmethod
    def here(cls) -> "Feed":
        with closing(db.connect()) as conn:
            rows = conn.execute(
                "SELECT sign, place, asset FROM node WHERE leaf AND until = 'infinity' ORDER BY id"
            )
            return cls([(row["sign"], row["place"], row["asset"]) for row in rows])

    def rows(self, count: int) -> Rows:
        return [self.row(*self._draw(datetime.now(UTC))) for _ in range(count)]

    def _draw(self, now: datetime) -> tuple[tuple[str, str, str], datetime]:
        found = self.chance.choice(self.keys), now - WINDOW * self.chance.random()
        if found in self.drawn:
            return self._draw(now)
        self.drawn.add(found)
        return found

    def row(self, key: tuple[str, str, str], at: datetime) -> dict[str, Any]:
        sign, place, asset = key
        of = {"asset": asset} if asset else {"place": place}
        return {"sign": sign, **of, "at": at.isoformat(), "value": round(50 + 10 * self.chance.random(), 2)}

    def work(self, load: Load) -> list[list[Rows]]:
        """A writer's batches for each writer."""
        return [[self.rows(load.batch) for _ in range(load.batches)] for _ in range(load.writers)]


def measure(server: LiveServer, load: Load) -> list[Row]:
    feed = Feed.here()
    with closing(db.owner()) as conn:
        conn.execute("CREATE TABLE IF NOT EXISTS bare (LIKE reading, PRIMARY KEY (id, at))")
        conn.execute("GRANT SELECT, INSERT ON bare TO cityops_app")
        places = {row["code"]: row["place"] for row in conn.execute("SELECT code, place FROM asset")}
    tally = Tally(_counted())
    with closing(db.connect()) as conn:
        root = conn.execute("SELECT root FROM city").fetchone()
    assert root is not None
    with Viewers(server.url, [f"page=wall&subject={root['root']}"] * load.viewers, note_every=1000):
        done = run(lambda: _round(server, feed, load, places, tally), load.rounds)
    return [*_rates(done, load), tally.row(server, feed), _verified()]


# ── one round: ours over HTTP, the same without HTTP, and bare ──────────────────────────────────
def _round(
    server: LiveServer, feed: Feed, load: Load, places: Mapping[str, str], tally: "Tally"
) -> dict[str, float]:
    rows = load.writers * load.batches * load.batch
    work = [[_lines(batch) for batch in mine] for mine in feed.work(load)]
    started = time.monotonic()
    posted = _spent(work, lambda: _Poster(server), lambda poster, batch: tally.add(poster.post(batch)))
    _until_folded()
    folded = time.monotonic() - started
    called = _spent(feed.work(load), lambda: None, lambda _, batch: tally.add(_called(batch)))
    _until_folded()
    staged = [[_columns(batch, places) for batch in mine] for mine in feed.work(load)]
    barely = _spent(staged, _stage, _bare)
    return {"posted": rows / posted, "folded": rows / folded, "called": rows / called, "bare": rows / barely}


def _spent(
    work: Sequence[Sequence[Any]], tool: Callable[[], Any], send: Callable[[Any, Any], object]
) -> float:
    """Seconds until the last writer is done; each has a tool of its own."""

    def write(mine: Sequence[Any]) -> None:
        own = tool()
        for batch in mine:
            send(own, batch)

    started = time.monotonic()
    with ThreadPoolExecutor(len(work)) as writers:
        list(writers.map(write, work))
    return time.monotonic() - started


def _lines(rows: Rows) -> bytes:
    return b"\n".join(map(orjson.dumps, rows))


class _Poster:
    def __init__(self, server: LiveServer) -> None:
        self._session = requests.Session()
        self._session.headers.update(
            {"Authorization": f"Bearer {server.token}", "Content-Type": "application/x-ndjson"}
        )
        self._url = f"{server.url}/api/v1/readings?source={fill.FEED}"

    def post(self, batch: bytes) -> dict[str, Any]:
        """Again with the same where the server says that it is busy, as a feed would."""
        while (answer := self._session.post(self._url, data=batch, timeout=60)).status_code == 503:
            time.sleep(0.5)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _called(batch: Rows) -> dict[str, Any]:
    return readings.post(batch, feed=fill.FEED, patience=0)


def _columns(batch: Rows, places: Mapping[str, str]) -> str:
    return "".join(
        f"{row['sign']}\t{row.get('place') or places[row['asset']]}\t{row.get('asset', '')}"
        f"\t{row['at']}\t{row['value']}\n"
        for row in batch
    )


def _stage() -> db.Conn:
    conn = db.connect()
    conn.execute("CREATE TEMP TABLE stage (sign text, place text, asset text, at timestamptz, value float8)")
    return conn


def _bare(conn: db.Conn, batch: str) -> None:
    with conn.transaction():
        conn.execute("TRUNCATE stage")
        with conn.cursor().copy("COPY stage FROM STDIN") as copy:
            copy.write(batch)
        stored = conn.execute(BARE).rowcount
    assert stored == batch.count("\n"), "the bare way stored less than ours"


def _until_folded() -> None:
    deadline = time.monotonic() + PATIENCE
    with closing(db.connect()) as conn:
        while _count(conn, "SELECT count(*) AS n FROM inbox"):
            assert time.monotonic() < deadline, "the readings were not folded"
            time.sleep(0.02)


def _count(conn: db.Conn, query: str) -> int:
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row["n"] or 0)


# ── what came of it ─────────────────────────────────────────────────────────────────────────────
def _rates(done: Rounds, load: Load) -> list[Row]:
    what = f"ingest, {load.writers} writers of {load.batch:,} rows in random order, {load.viewers} viewers"
    bare = f"bare {done.median('bare'):,.0f} rows/s; {done.told()}"
    posted, called = (f"{done.median(name):,.0f} rows/s against {bare}" for name in ("posted", "called"))
    clean = done.enough
    return [
        Row("ingest", f"{what}: acknowledged over HTTP, of bare COPY + upsert", done.ratio("posted", "bare"),
            "×", 0.5, least=True, more=posted, clean=clean),
        Row("ingest", "the same without HTTP and JSON", done.ratio("called", "bare"), "×", 0.5, least=True,
            more=called, clean=clean),
        Row("ingest", "all folded, hours and days too", done.median("folded"), "rows/s", 4_000, least=True,
            more=done.told(), clean=clean),
    ]  # fmt: skip


def _counted() -> int:
    with closing(db.connect()) as conn:
        return _count(conn, "SELECT count(*) AS n FROM reading")


@dataclass
class Tally:
    """What was acknowledged, beside what stands."""

    before: int
    stored: int = 0
    strange: int = 0  # same or rejected, where every row was new and right

    def __post_init__(self) -> None:
        self._lock = Lock()

    def add(self, taken: Mapping[str, Any]) -> None:
        with self._lock:
            self.stored += taken["stored"]
            self.strange += taken["received"] - taken["stored"]

    def row(self, server: LiveServer, feed: Feed) -> Row:
        """Readings and their sums in the hours; and a batch sent again changes neither."""
        again = _lines(feed.rows(100))
        poster = _Poster(server)
        self.add(poster.post(again))
        second = poster.post(again)
        _until_folded()
        lost = abs(_counted() - self.before - self.stored) + self.strange + 100 - second["same"]
        with closing(db.connect()) as conn:
            hours = "SELECT sum(h.n) AS n FROM rollup_hour h JOIN node n ON n.id = h.id WHERE n.leaf"
            lost += abs(_count(conn, hours) - _counted())
        return Row("ingest", "readings lost or doubled", lost, "", 0, more=f"of {self.stored:,} acknowledged")


def _verified() -> Row:
    """By the product's own proof."""
    proven = sets.verify()
    broken = [line for line in proven.said.splitlines() if not line.startswith("ok")]
    how = "" if proven.ok else " ".join(broken)[:FIRST_WORDS]
    return Row("ingest", "flask verify afterwards: broken", 0 if proven.ok else 1, "", 0, more=how)
