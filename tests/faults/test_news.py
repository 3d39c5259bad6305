"""Does every change reach the screens, whatever becomes of its news, and does what fails fail alone?"""

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from data import db, live
from data.embedded.ground import PORT
from data.live import computing, listener, registry
from data.live.hub import Hub
from data.live.missed import GRACE_SECONDS, Missed
from data.live.registry import Page, Subject
from data.store import news
from tests.api.conftest import V1, is_problem
from tests.conftest import LiveServer, Postgres, environment
from tests.faults.proxy import Proxy
from tests.faults.test_database import drawn
from tests.test_hub import ASK, Board, Browser, change, watched
from tests.test_hub import board as board  # fixtures
from tests.test_hub import hub as hub
from tests.test_hub import page as page
from tests.waiting import until

NOTIFIED = 5.0  # seconds a change may be late when its news is lost
HALF_OPEN = 15.0
OLD = '"frozen":"failed"'
DIM = 8.0  # seconds in which an old picture says so
Tell = Callable[[str, object], None]


class Deaf:
    """Takes NOTIFY out of what PostgreSQL says; `share` of it is lost."""

    def __init__(self, seed: int) -> None:
        self.share = 0.0
        self.lost = 0
        self._chance = random.Random(seed)

    def __call__(self, piece: bytes) -> bytes:
        """Our small messages come whole; what does not is passed on as it is."""
        kept, at = b"", 0
        while at + 5 <= len(piece):
            end = at + 1 + struct.unpack_from("!I", piece, at + 1)[0]
            if piece[at : at + 1] == b"A" and end <= len(piece) and self._chance.random() < self.share:
                self.lost += 1
            else:
                kept += piece[at:end]
            at = end
        return kept + piece[at:]


@contextmanager
def through(proxy: Proxy, page: Page, database: str) -> Iterator[Hub]:
    """A hub whose line to the database is the proxy; everybody else has his own."""
    with environment(CITYOPS_DSN=f"postgresql://cityops_app@127.0.0.1:{proxy.port}/{database}"):
        hub = Hub()
        hub.start()
        assert hub.listener.caught_up(5)
    try:
        yield hub
    finally:
        hub.stop()


@contextmanager
def proxied(postgres: Postgres) -> Iterator[Proxy]:
    with Proxy(f"{postgres.socket}/.s.PGSQL.{PORT}") as proxy:
        yield proxy


def lateness(browser: Browser, board: Board, n: int) -> float:
    """Seconds from the commit until a screen shows it."""
    change(board, n)
    began = time.monotonic()
    until(lambda: browser.of("diff") and browser.of("diff")[-1]["set"] == {"text.n": n}, 30)
    return time.monotonic() - began


# ── rows 20, 21 ─────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "share, changes",
    [(1.0, 1), (0.5, 2), pytest.param(0.5, 100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
def test_a_change_whose_news_is_lost_is_on_screen_five_seconds_later(
    postgres: Postgres,
    fresh: str,
    page: Page,
    board: Board,
    share: float,
    changes: int,
    record_property: Tell,
) -> None:
    with proxied(postgres) as proxy, through(proxy, page, fresh) as hub:
        proxy.change = deaf = Deaf(changes)
        browser = Browser(hub, watched(hub, page))
        assert lateness(browser, board, 1) < NOTIFIED
        deaf.share = share
        late = [lateness(browser, board, n) for n in range(2, 2 + changes)]
        record_property(
            f"{share:.0%} of the news lost, {changes} changes: latest on screen", f"{max(late):.1f} s"
        )
        assert deaf.lost
        assert max(late) < 2 * NOTIFIED


def test_news_that_arrives_computes_nothing_twice(hub: Hub, page: Page, board: Board) -> None:
    browser = Browser(hub, watched(hub, page))
    lateness(browser, board, 1)
    asked = board.asked
    time.sleep(2.2 * GRACE_SECONDS)
    assert board.asked == asked


def test_a_listener_that_is_ended_listens_again_and_nobody_is_told(
    postgres: Postgres, fresh: str, hub: Hub, page: Page, board: Board, record_property: Tell
) -> None:
    browser = Browser(hub, watched(hub, page))
    with closing(postgres.admin()) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND query LIKE '%%last_value AS news%%' AND pid <> pg_backend_pid()",
            (fresh,),
        )
        late = lateness(browser, board, 1)
    record_property("after the LISTEN connection was ended: on screen", f"{late:.2f} s")
    assert late < 2 * NOTIFIED
    assert browser.of("source") == []


@pytest.mark.parametrize("patience", [1.0, pytest.param(listener.FROZEN_SECONDS, marks=pytest.mark.slow)])
def test_a_line_that_swallows_everything_is_given_up_and_another_is_taken(
    postgres: Postgres, fresh: str, page: Page, board: Board, patience: float, record_property: Tell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Nothing comes and nothing is refused: only the missing answer shows it. The next line is a good one."""
    monkeypatch.setattr(listener, "FROZEN_SECONDS", patience)
    with proxied(postgres) as proxy, through(proxy, page, fresh) as hub:
        browser = Browser(hub, watched(hub, page))
        assert lateness(browser, board, 1) < NOTIFIED
        proxy.swallow()
        late = lateness(browser, board, 2)
    record_property(f"a line that swallows, {patience} s of patience: on screen", f"{late:.1f} s")
    assert late < 2 * HALF_OPEN


def test_what_was_given_out_and_never_heard_was_missed_once() -> None:
    missed = Missed(10, 0.0)
    assert not missed.look(12, 1.5)  # 11 and 12 may still be on their way
    missed.hear(11)
    assert missed.look(12, 3.0)
    assert not missed.look(12, 4.5)
    missed.hear(13)
    assert not missed.look(13, 6.0) and not missed.look(13, 7.5)


# ── row 18 ──────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("wait", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_transaction_left_open_holds_back_no_screen_is_counted_and_ends(
    app_client: FlaskClient, hub: Hub, page: Page, board: Board, wait: bool
) -> None:
    browser = Browser(hub, watched(hub, page))
    with closing(db.connect()) as idle:
        assert held_back(app_client) == 0
        idle.execute("BEGIN")
        idle.execute("SELECT pg_current_xact_id()")
        assert max(lateness(browser, board, n) for n in range(1, 4)) < NOTIFIED
        assert held_back(app_client) >= 3
        assert idle.execute("SHOW idle_in_transaction_session_timeout").fetchone() == {
            "idle_in_transaction_session_timeout": "15s"
        }
        if wait:
            until(lambda: held_back(app_client) == 0, 30)
    until(lambda: held_back(app_client) == 0)


def test_other_programs_too_end_when_they_leave_a_transaction_open(postgres: Postgres, template: str) -> None:
    with closing(postgres.admin()) as admin:
        rows = admin.execute(
            "SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
            " WHERE d.datname = %s AND setrole = 0",
            (template,),
        ).fetchall()
    assert rows == [(["idle_in_transaction_session_timeout=10min"],)]


def held_back(client: FlaskClient) -> float:
    families = text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))
    (family,) = [one for one in families if one.name == "cityops_held_back_transactions"]
    return family.samples[0].value


# ── row 9 ───────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def other(page: Page) -> tuple[Page, Board]:
    """A second page beside the first."""
    board = Board()
    made = Page("other", board.state, lambda text, viewer: Subject(text, f"{text}/"), frozenset({"signs"}))
    live.register(made)
    return made, board


def test_a_page_that_fails_says_so_with_its_age_and_fails_alone(
    hub: Hub, page: Page, board: Board, other: tuple[Page, Board]
) -> None:
    broken, whole = Browser(hub, watched(hub, page)), Browser(hub, watched(hub, other[0]))
    board.breaks = ValueError("a mistake of ours")
    other[1].said = {"text.n": 1, "rows.x": []}
    change(board, 1)
    until(lambda: broken.of("source") and whole.of("diff"))
    said = broken.of("source")[0]
    assert (said["db"], said["page"]) == (True, False) and said["since"]
    assert broken.of("diff") == [] and whole.of("source") == []
    late = Browser(hub, watched(hub, page))  # who comes now gets the last picture and the same word
    until(lambda: late.of("source"))
    assert late.of("hello")[0]["state"]["text.n"] == 0 and not late.of("hello")[0]["db"]
    board.breaks = None
    until(lambda: broken.of("diff"), 10)
    assert [source["page"] for source in (broken.of("source")[-1], late.of("source")[-1])] == [True, True]
    assert whole.of("source") == []


@pytest.fixture
def failing(app_client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[FlaskClient]:
    """The overview cannot be computed any more; it could before."""
    drawn(app_client, "/overview/99")
    whole = registry.page("overview")

    def fails(*_: Any) -> Any:
        raise ValueError("a mistake of ours")

    monkeypatch.setitem(registry._pages, "overview", replace(whole, state=fails))
    tell("signs")
    yield app_client
    live.stop()


def test_the_api_says_of_that_page_alone_that_it_is_a_defect(failing: FlaskClient) -> None:
    assert is_problem(failing.get(f"{V1}/state/overview/99"), 500, "defect")
    for subject in ("signs/99", "incidents/99", "wall/99", "sources"):
        assert failing.get(f"{V1}/state/{subject}").status_code == 200, subject


def test_a_page_that_fails_opens_with_its_last_picture(failing: FlaskClient) -> None:
    assert OLD in (picture := drawn(failing, "/overview/99"))
    assert picture.count("本页出错，下面是最后一次的画面") == 2  # in the table of words, and said
    assert (
        drawn(failing, "/overview/9901").count("本页出错") > picture.count("本页出错") - 1
    )  # never seen before
    assert OLD not in drawn(failing, "/signs/99")


@pytest.mark.slow
@pytest.mark.browser
def test_a_screen_of_a_page_that_fails_says_so_and_the_others_stay_live(
    chromium: Any, live_server: LiveServer, postgres: Postgres, fresh: str
) -> None:
    """A column that /sources alone reads is gone: a mistake as ours would be."""
    screens = {}
    for path in ("/sources", "/overview/99"):
        screens[path] = chromium.new_context(locale="zh-CN").new_page()
        screens[path].goto(f"{live_server.url}{path}")
        screens[path].wait_for_selector("html[data-live=live]", state="attached", timeout=20_000)
    with closing(postgres.admin(fresh)) as admin:
        admin.execute("ALTER TABLE source RENAME first_at TO gone")
        tell("sources")
        failing = screens["/sources"].wait_for_selector(
            "html[data-dim][data-live=failed]", state="attached", timeout=10_000
        )
        assert failing
        words = screens["/sources"].locator("[data-connection]").first
        assert "本页出错" in words.inner_text() and "数据截至" in words.inner_text()
        time.sleep(3)
        assert screens["/overview/99"].locator("html[data-live=live]:not([data-dim])").count() == 1
        admin.execute("ALTER TABLE source RENAME gone TO first_at")
    for screen in screens.values():
        screen.wait_for_selector("html[data-live=live]:not([data-dim])", state="attached", timeout=20_000)
        screen.context.close()


def tell(kind: str) -> None:
    with db.transaction() as conn:
        news.tell(conn, kind, ["99/"])


@pytest.mark.parametrize("budget", [1.0, pytest.param(computing.COMPUTE_SECONDS, marks=pytest.mark.slow)])
def test_pages_that_wait_for_a_locked_table_hold_up_no_other(
    postgres: Postgres, fresh: str, hub: Hub, other: tuple[Page, Board], budget: float, record_property: Tell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(computing, "COMPUTE_SECONDS", budget)

    def cases(*_: Any) -> dict[str, Any]:
        with db.read() as conn:
            return {"text.n": conn.execute("SELECT count(*) AS n FROM incident").fetchall()[0]["n"]}

    waiting = Page("cases", cases, lambda text, viewer: Subject(text, f"{text}/"), frozenset({"incidents"}))
    live.register(waiting)
    stuck = [Browser(hub, watched(hub, waiting, f"99/{n}")) for n in range(12)]
    browser = Browser(hub, watched(hub, other[0]))
    with closing(postgres.admin(fresh)) as admin, admin.transaction():
        admin.execute("LOCK TABLE incident")
        tell("incidents")
        late = [lateness(browser, other[1], n) for n in range(1, 5)]
        until(lambda: all(one.of("source") for one in stuck), 2 * DIM)
        late += [lateness(browser, other[1], n) for n in range(5, 9)]
    what = f"12 streams wait {budget} s for a locked table: another's change on screen"
    record_property(what, f"{max(late):.1f} s")
    assert max(late) < 2 * NOTIFIED
    until(lambda: all(one.of("source")[-1]["db"] for one in stuck), 30)
    assert browser.of("source") == []


def test_a_computation_that_never_ends_holds_up_nobody_else(
    hub: Hub, page: Page, board: Board, other: tuple[Page, Board], monkeypatch: pytest.MonkeyPatch,
    record_property: Tell,
) -> None:  # fmt: skip
    monkeypatch.setattr(computing, "COMPUTE_SECONDS", 0.5)
    stuck, whole = Browser(hub, watched(hub, page)), Browser(hub, watched(hub, other[0]))
    board.takes = 4.5
    other[1].said = {"text.n": 1, "rows.x": []}
    change(board, 1)
    took = until(lambda: whole.of("diff"))
    record_property("beside a computation that never ends, another's change on screen", f"{took:.2f} s")
    assert stuck.of("diff") == []  # it goes on
    until(lambda: stuck.of("source"), 2 * DIM)
    assert not stuck.of("source")[0]["page"]
    assert hub.stream(page, Subject("99/9901", "99/9901/"), ASK).answer is not None
    until(lambda: stuck.of("diff") and stuck.of("source")[-1]["page"], 20)
