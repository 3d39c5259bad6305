"""What does a person see when the line between screen and server is bad, and is it true?"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psutil
import pytest

from tests.browser.looking import LIVE
from tests.faults.house import House
from tests.faults.invariants import proven
from tests.faults.proxy import PIECE, Proxy
from tests.faults.screens import Screens, addresses, never_back, peak
from tests.tiny import file_case
from tests.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

OPEN = "[data-key='text.open']"
PROMISE = 8  # seconds within which an old picture says so
MB = 1 << 20
keys = map("network {}".format, count())


@pytest.fixture(scope="module", autouse=True)
def proven_at_last(shared_house: House) -> Iterator[None]:
    yield
    proven(shared_house)


@pytest.fixture
def proxy(shared_house: House) -> Iterator[Proxy]:
    with Proxy(("127.0.0.1", shared_house.port)) as proxy:
        yield proxy


def looking_on(proxy: Proxy, people: int) -> Screens:
    """Their number of open cases only rises: nothing here closes one."""
    return Screens(f"http://127.0.0.1:{proxy.port}", addresses(people), watched="text.open")


@contextmanager
def opened(chromium: Any, proxy: Proxy, live: str = LIVE) -> Iterator[Any]:
    page = chromium.new_context(locale="zh-CN", viewport={"width": 1440, "height": 900}).new_page()
    page.goto(f"http://127.0.0.1:{proxy.port}/overview/99")
    page.wait_for_selector(live, state="attached", timeout=30_000)
    page.evaluate("window.notReloaded = true")
    yield page
    assert page.evaluate("window.notReloaded")
    page.context.close()


def shown_by(house: House) -> int:
    return int(house.get("state/overview/99").json()["state"]["text.open"])


def all_show(screens: Screens, number: int) -> bool:
    return all(state.get("text.open") == number for state in screens.states())


def ended(house: House, screens: Screens) -> None:
    until(lambda: screens.are("live"), 30, "all are live")
    until(lambda: all_show(screens, shown_by(house)), 30, "all show the newest number")
    assert never_back(screens) == []


@pytest.mark.parametrize("people", [20, pytest.param(50, marks=pytest.mark.slow)])
def test_in_a_black_hole_the_picture_dims_stays_and_comes_back(
    chromium: Any, shared_house: House, proxy: Proxy, people: int, record_property: Callable[..., None]
) -> None:
    file_case(shared_house, next(keys))
    with looking_on(proxy, people) as screens, opened(chromium, proxy) as page:
        until(lambda: screens.are("live"), 20, "all look on")
        words = page.locator("main").inner_text()
        proxy.swallow()
        page.wait_for_timeout(1)
        begun = time.monotonic()
        page.wait_for_selector("html[data-dim][data-live=silent]", state="attached", timeout=2_000 * PROMISE)
        record_property("dim in a black hole", f"{time.monotonic() - begun:.1f} s")
        expect(page.locator("[data-connection]")).to_contain_text("连接中断")
        assert len(page.locator("main").inner_text()) >= 0.9 * len(words)
        until(lambda: screens.are("silent"), PROMISE, "all screens notice it")
        file_case(shared_house, next(keys))
        proxy.pass_on()
        begun = time.monotonic()
        page.wait_for_selector(LIVE, state="attached", timeout=30_000)
        expect(page.locator(OPEN).first).to_have_text(str(shown_by(shared_house)))
        record_property("back from a black hole", f"{time.monotonic() - begun:.1f} s")
        ended(shared_house, screens)


class Buffers(Proxy):
    """Reads a stream to its end before it passes any of it on, as some company proxies do."""

    async def _take(self, reader: asyncio.StreamReader, queue: "asyncio.Queue[tuple[float, bytes]]") -> None:
        piece = b"."
        while piece:
            piece = await reader.read(PIECE)
            if b"text/event-stream" in piece:
                piece += await reader.read()
            await queue.put((0.0, piece))


def test_behind_a_proxy_that_buffers_the_state_is_polled_and_the_page_says_so(
    chromium: Any, shared_house: House, record_property: Callable[..., None]
) -> None:
    polls = "html[data-live=polling]:not([data-dim])"
    with Buffers(("127.0.0.1", shared_house.port)) as proxy, opened(chromium, proxy, polls) as page:
        took = time.time() - page.evaluate("performance.timeOrigin") / 1000
        record_property("polling behind a buffering proxy", f"{took:.1f} s after the page was asked for")
        assert took <= 2 * 15
        expect(page.locator("[data-connection] .trouble")).to_have_text("轮询")
        file_case(shared_house, next(keys))
        expect(page.locator(OPEN).first).to_have_text(str(shown_by(shared_house)), timeout=8_000)
        page.wait_for_timeout(3_000)
        assert page.locator(polls).count() == 1


@pytest.mark.parametrize("every, times", [(2, 1), pytest.param(60, 3, marks=pytest.mark.slow)])
def test_a_proxy_that_drops_streams_after_a_while_is_hardly_noticed(
    shared_house: House, proxy: Proxy, every: int, times: int, record_property: Callable[..., None]
) -> None:
    with looking_on(proxy, 20) as screens:
        until(lambda: screens.are("live"), 20, "all look on")
        for _ in range(times):
            time.sleep(every)
            proxy.cut()
            file_case(shared_house, next(keys))
        until(lambda: len(screens.reconnects) >= 20 * times, 30, "all come back each time")
        record_property("reconnects after a drop", f"{peak(screens.reconnects)} in the busiest second, of 20")
        assert {mode.mode for one in screens for mode in one.modes} <= {"live", "polling"}
        ended(shared_house, screens)


def web_memory(house: House) -> float:
    return sum(psutil.Process(pid).memory_info().rss for pid in house.pids("web worker")) / MB


@pytest.mark.parametrize(
    "rate, seconds",
    [
        (64_000, 5),
        pytest.param(64_000, 120, marks=pytest.mark.slow),
        pytest.param(600, 120, marks=pytest.mark.slow),
    ],
)
def test_a_slow_line_gets_the_newest_and_costs_the_server_nothing(
    shared_house: House, proxy: Proxy, rate: int, seconds: int, record_property: Callable[..., None]
) -> None:
    """600 bytes a second is less than is said: they are let go and come back to the newest state."""
    with looking_on(proxy, 10) as slow:
        until(lambda: slow.are("live"), 20, "all look on")
        before, begun = web_memory(shared_house), time.monotonic()
        proxy.throttle(rate)
        proxy.delay(800)
        while time.monotonic() - begun < seconds:
            file_case(shared_house, next(keys))
            time.sleep(0.25)
        newest, begun = shown_by(shared_house), time.monotonic()
        if rate == 64_000:
            until(lambda: all_show(slow, newest), 10, "the slow ones show the newest")
            record_property(
                "newest on a slow line", f"{time.monotonic() - begun:.1f} s after the last change"
            )
            assert slow.are("live")
        record_property(f"web memory, {rate} B/s", f"{before:.0f} → {web_memory(shared_house):.0f} MB")
        assert web_memory(shared_house) - before < 20
        proxy.pass_on()
        ended(shared_house, slow)


class Mixes:
    """Says each message twice, and every other pair of changes in the wrong order."""

    def __init__(self) -> None:
        self.held, self.mixed = b"", 0

    def __call__(self, piece: bytes) -> bytes:
        if not piece.startswith(b"event: "):
            return piece
        if piece.startswith(b"event: diff") and not self.held:
            self.held = piece
            return b""
        held, self.held = self.held, b""
        self.mixed += bool(held)
        return piece + held + piece + held


FELL = """() => {
  let most = 0;
  window.fell = [];
  const look = () => {
    const n = cityops.model["text.open"];
    if (n < most) fell.push([most, n]);
    most = n;
    requestAnimationFrame(look);
  };
  look();
}"""


def test_messages_that_come_twice_late_or_in_the_wrong_order_do_not_turn_a_screen_back(
    chromium: Any, shared_house: House, proxy: Proxy
) -> None:
    with (
        Proxy(proxy.target) as own,
        looking_on(proxy, 1) as screens,
        opened(chromium, own) as page,
    ):
        until(lambda: screens.are("live"), 20, "it looks on")
        page.evaluate(FELL)
        proxy.change, own.change = mixes = Mixes(), Mixes()
        for _ in range(8):
            file_case(shared_house, next(keys))
            time.sleep(0.3)
        proxy.replay(3)
        own.replay(3)
        file_case(shared_house, next(keys))
        newest = shown_by(shared_house)
        until(lambda: all_show(screens, newest), 20, "it shows the newest")
        expect(page.locator(OPEN).first).to_have_text(str(newest), timeout=20_000)
        assert page.evaluate("window.fell") == []
        assert all(one.mixed for one in mixes)
        assert any(frame.astray and not frame.taken for frame in screens.frames)
        proxy.change = own.change = lambda piece: piece
        ended(shared_house, screens)


@pytest.mark.slow
def test_a_page_that_wants_to_begin_anew_waits_until_the_server_is_there(
    chromium: Any, shared_house: House, proxy: Proxy
) -> None:
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{proxy.port}/overview/99")
    page.wait_for_selector(LIVE, state="attached", timeout=30_000)
    page.route("**/readyz", lambda route: route.abort())  # the moment between the greeting and the end
    page.evaluate(
        "window.old = true; cityops.live.first.build = 'an old one'; dispatchEvent(new Event('online'))"
    )
    page.wait_for_event("requestfailed", lambda one: one.url.endswith("/readyz"), timeout=20_000)
    proxy.refuse()
    page.unroute("**/readyz")
    page.wait_for_timeout(3_000)
    assert page.evaluate("window.old") and page.locator("main").inner_text()
    with page.expect_navigation(timeout=20_000):
        proxy.pass_on()
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    context.close()
