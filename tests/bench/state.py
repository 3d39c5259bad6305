"""How much does a page's state cost: beside its raw SQL, beside plain Dash, and with ten times the past?"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from data import db
from tests.bench import statements
from tests.bench.peer import Peer
from tests.bench.rounds import Clock, Rounds, run
from tests.bench.told import Row
from tests.conftest import Postgres, environment

WARM = 6  # turns after which both sides have prepared what they prepare
PAGES = ("overview", "signs", "sign", "incidents", "sources", "wall")


Question = tuple[Any, Any, Any]


@dataclass(frozen=True)
class View:
    """A page about a subject, and what it sends."""

    page: str
    tier: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.page} {self.tier}"

    @property
    def path(self) -> str:
        return f"/{self.page}/{self.text}".rstrip("/")


@contextmanager
def pinned(postgres: Postgres, database: str) -> Iterator[None]:
    """The product in a set, in which it is always the same moment."""
    with environment(
        CITYOPS_DSN=postgres.dsn("cityops_replay", database),
        CITYOPS_OWNER_DSN=postgres.dsn("cityops_owner", database),
    ):
        yield


def views() -> list[View]:
    """Every page at every tier, down the path of the place with most children; a sign that is lent down."""
    with closing(db.connect()) as conn:
        row = conn.execute(
            """SELECT min(path) AS path FROM place WHERE tier = 5 AND district =
                 (SELECT parent FROM place WHERE tier = 3 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)"""
        ).fetchone()
        sign = conn.execute(
            """SELECT sign FROM node n JOIN sign s ON s.code = n.sign WHERE n.leaf AND s.shared
               GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"""
        ).fetchone()
    assert row and sign
    codes = row["path"].rstrip("/").split("/")
    found = [
        View(page, tier, f"{sign['sign']}/{code}" if page == "sign" else code)
        for page in PAGES
        for tier, code in enumerate(codes, 1)
        if page != "sources"
    ]
    return [*found, View("sources", 1, "")]


def asked(view: View) -> Question:
    """The page, its subject and who asks."""
    import app  # noqa: F401  registers the pages
    from data.domain.rights import GUEST, Viewer
    from data.live import registry

    page, viewer = registry.page(view.page), Viewer(root="", rights=GUEST)
    return page, page.subject(view.text, viewer), registry.ask(page, viewer, {})


def state(question: Question) -> bytes:
    page, subject, ask = question
    return orjson.dumps(page.look(subject, ask))


class Backends:
    """CPU seconds of the server's processes that serve one database."""

    def __init__(self, postgres: Postgres, database: str) -> None:
        with closing(postgres.admin()) as admin:
            self.pids = [
                int(str(pid))
                for (pid,) in admin.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = %s", (database,)
                )
            ]

    def seconds(self) -> float:
        total = 0.0
        for pid in self.pids:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0]) / 1e9
        return total


# ── one round ───────────────────────────────────────────────────────────────────────────────────
@dataclass
class Bench:
    postgres: Postgres
    sets: tuple[str, ...]
    repeats: int
    turn: int = 0

    def round(self) -> dict[str, float]:
        """Each set in turn, the order the other way round every second time."""
        self.turn += 1
        figures: dict[str, float] = {}
        for name in self.sets if self.turn % 2 else reversed(self.sets):
            with pinned(self.postgres, name):
                figures |= {f"{what} {name}": ms for what, ms in self._of_set(name).items()}
        return figures

    def _of_set(self, name: str) -> dict[str, float]:
        clock = Clock()
        with closing(statements.bare(db.conninfo())) as bare, closing(Peer(db.conninfo())) as peer:
            for view in views():
                question = asked(view)
                sent = statements.recorded(partial(state, question))
                for _ in range(WARM):
                    state(question)
                    statements.send(bare, sent)
                self._times(clock, view, question, partial(statements.send, bare, sent))
                self._cpu(clock, view, question, peer, name)
        return clock.medians()

    def _times(self, clock: Clock, view: View, question: Question, raw: Any) -> None:
        for n in range(self.repeats):
            pair = [("ours", partial(state, question)), ("raw", raw)]
            for what, act in pair if n % 2 else reversed(pair):
                clock.time(f"{what} {view.name}", act)

    def _cpu(self, clock: Clock, view: View, question: Question, peer: Peer, name: str) -> None:
        """Ours and the peer's both as answers of their web server, nothing from a cache."""
        served = Served(view, question)
        served.get(), peer.post(view.path)
        backends = Backends(self.postgres, name)
        acts = {
            "state": partial(state, question), "served": served.get, "peer": partial(peer.post, view.path),
        }  # fmt: skip
        for what, act in acts.items():
            before, mine = backends.seconds(), time.process_time()
            for _ in range(self.repeats):
                act()
            mine, theirs = time.process_time() - mine, backends.seconds() - before
            clock.times[f"{what} process {view.name}"].append(mine / self.repeats * 1000)
            clock.times[f"{what} cpu {view.name}"].append((mine + theirs) / self.repeats * 1000)


class Served:
    """`GET state` of the product's own server; before each one something has changed below the place."""

    def __init__(self, view: View, question: Question) -> None:
        import app

        page, subject, _ = question
        self._kind, self._path = min(page.kinds), subject.path
        self._client = app.server.test_client()
        self._address = f"/api/v1/state{view.path}"
        self._turn = 0

    def get(self) -> bytes:
        from data.live.hub import hub

        self._turn += 1
        hub().heard(self._kind, [self._path], f"bench {time.time_ns()} {self._turn}")
        answer = self._client.get(self._address)
        assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
        return answer.get_data()


# ── what came of it ─────────────────────────────────────────────────────────────────────────────
def measure(postgres: Postgres, sets: tuple[str, ...], rounds: int, repeats: int) -> list[Row]:
    """`sets`: the one that is judged first, then the one with a tenth of its past."""
    bench = Bench(postgres, sets, repeats)
    with pinned(postgres, sets[0]):
        every = views()
    done = run(bench.round, rounds)
    rows = [_over_raw(done, own, sets[0]) for own in _by_page(every)]
    rows += [_cpu(done, own, sets[0]) for own in _by_page(every)]
    rows += [_growth(done, own, *sets) for own in _by_page(every)]
    rows += [_beside_dash(done, own, sets[0]) for own in _by_page(every)]
    return rows


def _by_page(every: list[View]) -> list[list[View]]:
    return [[view for view in every if view.page == page] for page in PAGES]


def _tiers(own: list[View]) -> str:
    return f"{own[0].page}, {'every tier' if len(own) > 1 else 'the city'}"


def _row(done: Rounds, own: list[View], what: str, by_view: dict[str, float], **more: Any) -> Row:
    """The worst tier stands for the page."""
    worst = max(by_view, key=lambda name: by_view[name])
    all_of_them = " / ".join(f"{figure:.2f}" for figure in by_view.values())
    how = f"tiers {all_of_them}; {more.pop('how', '')}{done.told()}"
    return Row("state", f"{_tiers(own)}: {what}", by_view[worst], more=how, clean=done.enough, **more)


def _over_raw(done: Rounds, own: list[View], name: str) -> Row:
    found = {v.name: done.difference(f"ours {v.name} {name}", f"raw {v.name} {name}") for v in own}
    worst = max(found, key=lambda view: found[view])
    ours, raw = done.median(f"ours {worst} {name}"), done.median(f"raw {worst} {name}")
    how = f"worst {ours:.1f} against {raw:.1f} ms; "
    return _row(done, own, "over its raw SQL, uncached", found, unit="ms", goal=5, how=how)


def _cpu(done: Rounds, own: list[View], name: str) -> Row:
    found = {v.name: done.median(f"state cpu {v.name} {name}") for v in own}
    worst = max(found, key=lambda view: found[view])
    how = f"of it in our process {done.median(f'state process {worst} {name}'):.1f} ms; "
    return _row(done, own, "CPU of one state(), with PostgreSQL's", found, unit="ms", goal=10, how=how)


def _growth(done: Rounds, own: list[View], large: str, small: str) -> Row:
    found = {v.name: done.ratio(f"ours {v.name} {large}", f"ours {v.name} {small}") for v in own}
    return _row(done, own, "growth, S against S/10", found, unit="×", goal=1.2)


def _beside_dash(done: Rounds, own: list[View], name: str) -> Row:
    found = {v.name: done.ratio(f"served cpu {v.name} {name}", f"peer cpu {v.name} {name}") for v in own}
    worst = max(found, key=lambda view: found[view])
    ours, peer = (done.median(f"{who} cpu {worst} {name}") for who in ("served", "peer"))
    how = f"worst {ours:.1f} against {peer:.1f} ms; "
    return _row(done, own, "CPU of an answer, of plain Dash's", found, unit="×", goal=1, how=how)
