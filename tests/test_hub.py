"""Is a change computed once, told to everyone who watches, and to nobody twice?"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Thread

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import db, live
from data.domain.refusal import Refusal
from data.domain.rights import Viewer as Person
from data.live import answers, registry
from data.live import hub as module
from data.live.hub import Hub
from data.live.pulse import Pulses, overlap
from data.live.registry import Ask, Page, Subject
from data.live.stream import Stream
from data.live.writer import Viewer
from data.store import news
from tests.waiting import until

ROOT, DISTRICT, STREET, SIBLING = "99/", "99/9901/", "99/9901/990101/", "99/9902/"
ASK = Ask(rights="guest")


@dataclass
class Board:
    """A page whose state is whatever the test writes on it."""

    said: dict[str, object] = field(default_factory=lambda: {"text.n": 0, "rows.x": []})
    asked: int = 0
    breaks: Exception | None = None
    takes: float = 0.0

    def state(self, subject: Subject, ask: Ask) -> dict[str, object]:
        self.asked += 1
        said = dict(self.said)
        time.sleep(self.takes)
        if self.breaks:
            raise self.breaks
        return said


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def page(board: Board, monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr(registry, "_pages", {})
    made = Page(
        "board", board.state, lambda text, viewer: Subject(text, f"{text}/"), frozenset({"signs"}), ("state",)
    )
    live.register(made)
    return made


@pytest.fixture
def hub(fresh: str, page: Page) -> Iterator[Hub]:
    made = Hub()
    made.start()
    assert made.listener.caught_up(5)
    yield made
    made.stop()


class Browser:
    """The other end of a viewer's socket: events as they came."""

    def __init__(self, hub: Hub, stream: Stream, etag: str = "") -> None:
        ours, self._sock = socket.socketpair()
        ours.setblocking(False)
        self._sock.settimeout(0.05)
        self._raw = b""
        with stream.lock:
            viewer = Viewer(ours, stream.leave)
            stream.viewers.add(viewer)
            hub.writer.adopt(viewer, hub.first_words(stream, etag))

    def events(self) -> list[tuple[str, dict[str, object]]]:
        with suppress(TimeoutError):
            while chunk := self._sock.recv(65_536):
                self._raw += chunk
        blocks = [block.decode().split("\n") for block in self._raw.split(b"\n\n")[:-1]]
        return [(name[7:], json.loads(data[6:])) for name, _, data in blocks]

    def of(self, name: str) -> list[dict[str, object]]:
        return [data for said, data in self.events() if said == name]

    def leave(self) -> None:
        self._sock.close()


def change(board: Board, n: int, path: str = DISTRICT, kind: str = "signs") -> None:
    board.said = board.said | {"text.n": n}
    with db.transaction() as conn:
        news.tell(conn, kind, [path])


def watched(hub: Hub, page: Page, code: str = "99/9901") -> Stream:
    return hub.stream(page, Subject(code, f"{code}/"), ASK)


def test_one_change_is_one_computation_for_fifty_viewers(hub: Hub, page: Page, board: Board):
    stream = watched(hub, page)
    browsers = [Browser(hub, stream) for _ in range(50)]
    assert board.asked == 1
    change(board, 1)
    until(lambda: browsers[0].of("diff"))
    assert board.asked == 2
    (told,) = {json.dumps(browser.of("diff")) for browser in browsers}
    (diff,) = json.loads(told)
    assert diff.pop("at") >= str(browsers[0].of("hello")[0]["at"])
    assert diff == {"seq": 1, "set": {"text.n": 1}, "rows": {}}


def test_a_hundred_changes_in_a_second_are_computed_at_most_five_times(hub: Hub, page: Page, board: Board):
    browser = Browser(hub, watched(hub, page))
    begun = time.monotonic()
    for n in range(1, 101):
        change(board, n)
        time.sleep(0.008)
    until(lambda: browser.of("diff") and browser.of("diff")[-1]["set"] == {"text.n": 100})
    assert board.asked <= 3 + 4 * (time.monotonic() - begun)
    assert [diff["seq"] for diff in browser.of("diff")] == list(range(1, len(browser.of("diff")) + 1))


def test_a_change_that_comes_while_an_older_one_is_computed_is_not_lost(hub: Hub, page: Page, board: Board):
    browser = Browser(hub, watched(hub, page))
    board.takes = 0.15
    for n in range(1, 12):
        change(board, n)
        time.sleep(0.1)
    until(lambda: browser.of("diff") and browser.of("diff")[-1]["set"] == {"text.n": 11})


@pytest.mark.parametrize(
    "path, kind, moves",
    [
        (ROOT, "signs", True), (DISTRICT, "signs", True), (STREET, "signs", True),
        (SIBLING, "signs", False), (DISTRICT, "incidents", False),
    ],
)  # fmt: skip
def test_news_from_above_and_below_moves_a_stream_news_from_beside_does_not(
    hub: Hub, page: Page, board: Board, path: str, kind: str, moves: bool
):
    browser = Browser(hub, watched(hub, page))
    change(board, 1, path, kind)
    assert hub.listener.caught_up(5)
    time.sleep(0.3)
    assert (board.asked == 2) is moves
    assert bool(browser.of("diff")) is moves


def test_nothing_is_computed_for_nobody_and_whoever_comes_gets_the_newest(
    hub: Hub, page: Page, board: Board, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("data.live.stream.JOIN_SECONDS", 0.0)
    watched(hub, page)
    change(board, 7)
    assert hub.listener.caught_up(5)
    time.sleep(0.3)
    assert board.asked == 1
    assert Browser(hub, watched(hub, page)).of("hello")[0]["state"] == board.said


def test_who_comes_while_news_is_computed_waits_for_it(hub: Hub, page: Page, board: Board):
    """What he has been shown elsewhere may hold that news already."""
    Browser(hub, watched(hub, page))
    board.takes = 0.3
    change(board, 7)
    until(lambda: board.asked == 2)
    assert Browser(hub, watched(hub, page)).of("hello")[0]["state"] == board.said


def test_who_watches_is_told_no_less_than_who_asks(
    hub: Hub, page: Page, board: Board, monkeypatch: pytest.MonkeyPatch
):
    """Time alone has changed it, and what was kept has ended."""
    stream = watched(hub, page)
    browser = Browser(hub, stream)
    board.said = board.said | {"text.n": 5}
    monkeypatch.setattr(answers.cache, "once", lambda key, make, **_: make())
    made, _ = hub.answer(page, stream.subject, stream.ask)
    until(lambda: browser.of("diff"))
    assert browser.of("diff")[0]["at"] == made.at
    assert Browser(hub, watched(hub, page)).of("hello")[0]["state"] == made.state == board.said


def test_a_browser_that_has_the_state_is_not_sent_it_again(hub: Hub, page: Page):
    stream = watched(hub, page)
    first = Browser(hub, stream).of("hello")[0]
    again = Browser(hub, stream, str(first["etag"])).of("hello")[0]
    assert "state" in first
    assert "state" not in again
    assert set(again) == {"build", "now", "seq", "etag", "at", "db"}


def test_who_comes_before_news_can_be_heard_has_it_computed_once(
    fresh: str, page: Page, board: Board, monkeypatch: pytest.MonkeyPatch
):
    listen = db.listen
    monkeypatch.setattr(db, "listen", lambda: time.sleep(0.3) or listen())
    hub = Hub()
    hub.start()
    try:
        Browser(hub, watched(hub, page))
        assert hub.listener.caught_up(5)
        time.sleep(0.5)
        assert board.asked == 1
    finally:
        hub.stop()


def test_who_comes_while_the_first_answer_is_computed_waits_for_it(hub: Hub, page: Page, board: Board):
    board.takes = 0.2
    joined: list[Browser] = []
    threads = [Thread(target=lambda: joined.append(Browser(hub, watched(hub, page)))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [browser.of("hello")[0]["state"] for browser in joined] == [board.said] * 20
    assert board.asked == 1


def test_the_same_question_has_one_stream_another_has_its_own(hub: Hub, page: Page):
    english = Ask(rights="guest", lang="en")
    subject = Subject("99/9901", DISTRICT)
    assert hub.stream(page, subject, ASK) is hub.stream(page, subject, Ask(rights="guest"))
    assert hub.stream(page, subject, ASK) is not hub.stream(page, subject, english)
    assert hub.streams == 2


def test_hearts_beat_with_the_servers_clock_and_the_number_of_the_last_message(hub: Hub, page: Page):
    browser = Browser(hub, watched(hub, page))
    until(lambda: browser.of("hb"))
    assert set(browser.of("hb")[0]) == {"now", "seq", "worker_at", "room"}


def test_a_stream_is_forgotten_after_its_last_viewer_left(
    hub: Hub, page: Page, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.1)
    monkeypatch.setattr("data.live.stream.JOIN_SECONDS", 0.1)
    browser = Browser(hub, watched(hub, page))
    until(lambda: browser.of("hb"))
    assert (hub.streams, hub.viewers) == (1, 1)
    browser.leave()
    until(lambda: hub.streams == 0)


def test_an_answer_holds_everything_that_was_committed_before_the_question(
    hub: Hub, page: Page, board: Board
):
    for n in range(40):
        change(board, n)
        hub.check_database()
        answer, _ = hub.answer(page, Subject("99/9901", DISTRICT), ASK)
        assert answer.state["text.n"] == n


def test_an_answer_that_is_still_true_is_not_computed_again(hub: Hub, page: Page, board: Board):
    for _ in range(5):
        hub.answer(page, Subject("99/9901", DISTRICT), ASK)
    assert board.asked == 1


ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


def test_a_lost_database_is_told_at_once_and_afterwards_everything_is_computed_anew(
    postgres, fresh: str, hub: Hub, page: Page, board: Board
):
    browser = Browser(hub, watched(hub, page))
    board.said = {"text.n": 5, "rows.x": []}
    with closing(postgres.admin()) as admin:
        admin.execute("SELECT pg_current_xact_id()")
        admin.execute(f'ALTER DATABASE "{fresh}" ALLOW_CONNECTIONS false')
        admin.execute(ENDED, (fresh,))
        until(lambda: browser.of("source"))
        admin.execute(f'ALTER DATABASE "{fresh}" ALLOW_CONNECTIONS true')
    until(lambda: [source["db"] for source in browser.of("source")] == [False, True])
    until(lambda: browser.of("diff"))
    assert browser.of("diff")[-1]["set"] == {"text.n": 5}


def test_a_state_that_cannot_be_computed_leaves_the_picture_and_comes_later(
    hub: Hub, page: Page, board: Board, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("data.live.computing.AGAIN_SECONDS", 0.2)
    browser = Browser(hub, watched(hub, page))
    board.breaks = psycopg.OperationalError("the pool is empty")
    change(board, 3)
    until(lambda: board.asked >= 2)
    assert browser.of("diff") == []
    board.breaks = None
    until(lambda: browser.of("diff"))
    assert browser.of("diff")[0]["set"] == {"text.n": 3}


def test_without_a_database_the_last_answer_is_still_known(fresh: str, page: Page, board: Board):
    person = Person(root="", rights="guest")
    said, etag = live.answer("board", "99/9901", person, {})
    try:
        board.breaks = psycopg.OperationalError("gone")
        change(board, 1)
        with pytest.raises(psycopg.OperationalError):
            live.answer("board", "99/9901", person, {})
        last = live.last("board", "99/9901", person, {})
        assert last is not None
        assert (last[0]["state"], last[1]) == (said["state"], etag)
        assert live.last("board", "99/9901", Person(root="", rights="other"), {}) is None
    finally:
        live.stop()


def test_every_computation_is_counted(hub: Hub, page: Page):
    before = answers.computed["board"]
    watched(hub, page)
    counted = next(iter(live.metrics())).samples
    assert [one.value for one in counted if one.labels == {"page": "board"}] == [before + 1]


# ── pulses ──────────────────────────────────────────────────────────────────────────────────────
paths = st.sampled_from([ROOT, DISTRICT, STREET, SIBLING, "99/9901/990102/", "98/"])


@given(st.lists(paths), paths)
def test_the_pulse_of_a_place_is_the_last_news_that_overlaps_it(heard: list[str], path: str):
    pulses = Pulses()
    pulses.restart("start")
    for n, told in enumerate(heard):
        pulses.hear("signs", told, str(n))
    last = [str(n) for n, told in enumerate(heard) if overlap(told, path)]
    assert pulses.of(["signs", "city"], path) == (last[-1] if last else "start")


def test_an_older_transaction_that_commits_later_is_news_too():
    pulses = Pulses()
    pulses.restart("start")
    pulses.hear("signs", DISTRICT, "101")
    pulses.hear("signs", DISTRICT, "99")
    assert pulses.of(["signs"], DISTRICT) == "99"


def test_a_street_beside_is_never_taken_for_one_below():
    assert not overlap("99/9901/", "99/99010/")


def test_while_the_database_is_away_nobody_knows_the_pulse():
    pulses = Pulses()
    assert pulses.of(["signs"], ROOT) is None
    pulses.restart("start")
    pulses.lose()
    assert pulses.of(["signs"], ROOT) is None


# ── what may be asked ───────────────────────────────────────────────────────────────────────────
def test_a_parameter_that_the_page_does_not_know_is_refused(page: Page):
    person = Person(root="", rights="guest")
    assert registry.ask(page, person, {"state": "open", "lang": "en"}).get("state") == "open"
    for given_ in ({"color": "red"}, {"lang": "fr"}, {"state": "x" * 201}):
        with pytest.raises(Refusal):
            registry.ask(page, person, given_)


def test_an_address_with_other_things_in_it_still_opens(page: Page):
    assert registry.known(page, {"skin": "light", "state": "", "lang": "fr"}) == {"lang": "zh"}
