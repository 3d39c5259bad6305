"""Do the screens without a browser do what a browser does with the same words?"""

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest

from tests.faults import screen as module
from tests.faults.proxy import Proxy
from tests.faults.screens import Screens, addresses, astray, never_back, peak
from tests.waiting import until

Script = Callable[["Stage"], None]


def now(seconds: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


class Stage(StreamRequestHandler):
    """One connection, on which a script is played."""

    def handle(self) -> None:
        _, self.path, *_ = [*self.rfile.readline().decode().split(), "", ""]
        while self.rfile.readline().strip():
            pass
        self.server.asked.append(self.path)
        with_stream, with_state = self.server.scripts
        (with_stream if self.path.startswith("/live") else with_state)(self)

    def head(self, status: int = 200, *fields: str) -> None:
        self.wfile.write("\r\n".join([f"HTTP/1.1 {status} -", *fields, "", ""]).encode())

    def say(self, name: str, seq: int, **data: Any) -> None:
        self.wfile.write(f"event: {name}\nid: {seq}\ndata: {json.dumps({'seq': seq, **data})}\n\n".encode())

    def hello(self, seq: int = 0, at: float = 0, made: float = 0, **state: Any) -> None:
        self.say("hello", seq, build="b", now=now(at), at=now(made), etag="e", db=True, state=state)

    def diff(self, seq: int, **change: Any) -> None:
        self.say("diff", seq, at=now(), **change)

    def beat(self, seq: int = 0, at: float = 0) -> None:
        self.say("hb", seq, now=now(at), worker_at=now(), room="ample")

    def answer(self, made: float = 0, **state: Any) -> None:
        said = {
            "state": state,
            "at": now(made),
            "build": "b",
            "now": now(),
            "worker_at": now(),
            "room": "ample",
        }
        body = json.dumps(said).encode()
        self.head(200, 'ETag: W/"e"', f"Content-Length: {len(body)}")
        self.wfile.write(body)


class Server(ThreadingTCPServer):
    daemon_threads, block_on_close, allow_reuse_address = True, False, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Stage)
        self.asked: list[str] = []
        self.scripts: tuple[Script, Script] = (lambda on: on.head(), lambda on: on.answer())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of a browser's patience."""
    for name in ("SILENCE", "FIRST", "MOST", "REFUSED", "POLL", "PATIENCE", "WHOLE"):
        monkeypatch.setattr(module, name, getattr(module, name) / 10)


def play(server: Server, stream: Script, state: Script = lambda on: on.answer()) -> Screens:
    server.scripts = (stream, state)
    return Screens(server.url, addresses(1), watched="text.n")


def names(screens: Screens, *names: str) -> list[tuple[str, int, bool]]:
    return [(frame.name, frame.seq, frame.taken) for frame in screens.frames if frame.name in names]


def test_it_knows_the_patience_of_the_browser() -> None:
    assert (module.SILENCE, module.MOST) == (0.6, 3.0)


def test_changes_are_folded_into_what_hello_said(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        on.hello(4, **{"text.n": 1, "rows.a": [{"id": 1, "n": 1}, {"id": 2, "n": 1}]})
        on.diff(5, set={"text.n": 2}, rows={"rows.a": {"put": [{"id": 3}], "drop": [1], "order": [3, 2]}})
        on.beat(5)
        time.sleep(2)

    with play(server, script) as screens:
        until(lambda: names(screens, "hb"), 3, "a heart beats")
        assert screens.states() == [{"text.n": 2, "rows.a": [{"id": 3}, {"id": 2, "n": 1}]}]
        assert screens.modes() == ["live"] and never_back(screens) == astray(screens) == []
        assert re.search("page=overview&subject=99", server.asked[0])


def test_what_is_said_twice_or_is_older_is_not_taken(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        on.hello(4, **{"text.n": 4})
        on.diff(5, set={"text.n": 5})
        on.beat(5)
        on.hello(4, **{"text.n": 4})
        on.diff(5, set={"text.n": 0})
        on.beat(4)
        on.beat(5)
        time.sleep(2)

    with play(server, script) as screens:
        until(lambda: len(names(screens, "hb")) == 3, 3, "a heart beats")
        assert [taken for *_, taken in names(screens, "hello", "diff", "hb")] == [1, 1, 1, 0, 0, 0, 1]
        assert screens.states() == [{"text.n": 5}] and len(server.asked) == 1
        assert [frame.astray for frame in screens.frames] == [not frame.taken for frame in screens.frames]
        assert never_back(screens) == []


@pytest.mark.parametrize("missed", [lambda on: on.diff(6, set={"text.n": 6}), lambda on: on.beat(6)])
def test_a_gap_begins_again_with_the_whole_state(server: Server, missed: Script) -> None:
    def script(on: Stage) -> None:
        on.head()
        on.hello(4, **{"text.n": 4})
        missed(on)
        time.sleep(2)

    with play(server, script, lambda on: on.answer(**{"text.n": 4})) as screens:
        until(lambda: len(server.asked) > 1, 3, "it comes again")
        assert server.asked[1].endswith("etag=") and screens.states() == [{"text.n": 4}]
        assert " 6 of " in astray(screens)[0]


def test_silence_is_said_and_the_state_is_asked_for(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        on.hello(4, **{"text.n": 4})
        time.sleep(2)

    with play(server, script, lambda on: on.answer(**{"text.n": 7})) as screens:
        until(lambda: screens.are("live") and names(screens, "hello"), 3, "a hello")
        until(lambda: screens.are("silent", "polling"), 3, "it is noticed")
        until(lambda: screens.are("polling"), 3, "it is asked for")
        assert screens.states() == [{"text.n": 7}]


def test_what_was_held_back_on_the_way_is_not_believed(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        if len(server.asked) == 1:
            return on.hello(4, **{"text.n": 4})
        on.hello(4, at=-5, **{"text.n": 3})
        time.sleep(2)

    with play(server, script, lambda on: on.answer(**{"text.n": 5})) as screens:
        until(lambda: screens.are("polling"), 3, "it polls")
        until(lambda: screens.states() == [{"text.n": 5}], 3, "the state is asked for")
        time.sleep(0.5)
        assert never_back(screens) == []


def test_a_picture_that_was_looked_up_before_the_one_shown_is_not_taken(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        if len(server.asked) == 1:
            return on.hello(4, **{"text.n": 4})
        on.hello(4, made=-5, **{"text.n": 2})
        time.sleep(2)

    with play(server, script, lambda on: on.answer(made=-5, **{"text.n": 3})) as screens:
        until(lambda: len(names(screens, "hello", "polled")) > 2, 5, "it was told older ones")
        assert [taken for *_, taken in names(screens, "hello")][:2] == [True, False]
        assert screens.states() == [{"text.n": 4}] and never_back(screens) == []


def test_a_refused_stream_is_seldom_asked_for_again(server: Server) -> None:
    with play(server, lambda on: on.head(429, "Retry-After: 1")) as screens:
        until(lambda: screens.are("polling"), 1, "it polls at once")
        time.sleep(2)
        assert len(screens.tries) == 1
        until(lambda: len(screens.tries) == 2, 5, "it comes again")


def test_a_server_that_is_back_is_found_by_asking(server: Server) -> None:
    def script(on: Stage) -> None:
        on.head()
        on.hello()
        for _ in range(40):
            on.beat()
            time.sleep(0.1)

    server.scripts = (script, lambda on: on.answer())
    with (
        Proxy(server.server_address) as proxy,
        Screens(f"http://127.0.0.1:{proxy.port}", addresses(5)) as all,
    ):
        until(lambda: all.are("live") and len(names(all, "hb")) > 5, 3, "all look on")
        proxy.refuse()
        until(lambda: all.are("silent"), 2, "all notice it")
        assert all.reconnects == [] and len(all.tries) > 5
        proxy.pass_on()
        until(lambda: all.are("live"), 4, "all are back")
        assert len(all.reconnects) == 5 and never_back(all) == []


def test_a_screen_that_shows_an_old_picture_as_new_is_found() -> None:
    screens = Screens("http://127.0.0.1:1", addresses(1), watched="text.n")
    one = module.Screen(("127.0.0.1", 1), {}, "127.0.0.1", "text.n")
    one.frames += [
        module.Frame(0.0, "hello", 4, now(0), True, False, 4),
        module.Frame(1.0, "diff", 6, "", True, True, 3),
        module.Frame(20.0, "hb", 6, now(-9), True, False, 3),
    ]  # fmt: skip
    one.modes += [module.Mode(0.0, "live"), module.Mode(7.5, "down"), module.Mode(10.0, "live")]
    screens.all = [one]
    told = " ".join(never_back(screens))
    assert "change 6 after 4" in told and "fell from 4 to 3" in told
    assert "hb of" in told and "for 20.0 s without a word" in told


@pytest.mark.parametrize("mode", ["silent", "down", "failed"])
def test_a_screen_that_says_that_its_picture_is_old_hides_nothing(mode: str) -> None:
    screens = Screens("http://127.0.0.1:1", addresses(1))
    one = module.Screen(("127.0.0.1", 1), {}, "127.0.0.1", "")
    one.frames += [
        module.Frame(at, "hb", 0, now(at), True, False, None) for at in (0.0, 20.0, time.monotonic())
    ]
    one.modes += [module.Mode(0.0, "live"), module.Mode(7.5, mode), module.Mode(20.1, "live")]
    one.modes += [module.Mode(27.0, mode)]
    screens.all = [one]
    assert never_back(screens) == []


def test_the_peak_is_the_most_within_any_second() -> None:
    assert peak([0.0, 0.9, 0.95, 1.5, 5.0]) == 3
    assert peak([]) == 0
