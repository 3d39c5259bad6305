"""Is what stands on an open screen true, and does it say so when it is not?"""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.browser.looking import LIVE
from tests.conftest import LiveServer
from tests.tiny import file_case
from tests.waiting import frozen, until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

OPEN = "[data-key='text.open']"


def now() -> str:
    return ago(0)


def ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def opened(page, server: LiveServer, path: str = "/overview/99"):
    """The page, live, with a mark that a reload would wipe out."""
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    page.evaluate("window.notReloaded = true")
    return page


def count(page) -> int:
    return int(page.locator(OPEN).first.inner_text())


def dry(server: LiveServer) -> None:
    """So that a flood is news."""
    for post in ("flood-1", "flood-3"):
        server.post_reading(sign="W2", asset=post, at=now(), value=1)


def is_same_page(page) -> bool:
    return bool(page.evaluate("window.notReloaded === true"))


def metric(server: LiveServer, name: str) -> float:
    text = requests.get(f"{server.url}/metrics", timeout=5).text
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


class Ear:
    """A viewer without a browser."""

    def __init__(self, server: LiveServer, **asked: str) -> None:
        where = urlsplit(server.url)
        query = urlencode({"page": "overview", "subject": "99", **asked})
        self._sock = socket.create_connection((where.hostname, where.port))
        self._sock.sendall(f"GET /live?{query} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
        self._sock.settimeout(0.05)
        self.raw = b""

    def read(self) -> bytes:
        try:
            while chunk := self._sock.recv(65_536):
                self.raw += chunk
        except TimeoutError:
            pass
        return self.raw

    def of(self, name: str) -> list[dict[str, object]]:
        found = re.findall(rb"event: (\w+)\nid: \d+\ndata: (.*)\n\n", self.read())
        return [json.loads(data) for said, data in found if said == name.encode()]

    def close(self) -> None:
        self._sock.close()


@contextmanager
def ears(server: LiveServer, count: int) -> Iterator[list[Ear]]:
    listening = [Ear(server) for _ in range(count)]
    try:
        until(lambda: all(ear.of("hello") for ear in listening), 10)
        yield listening
    finally:
        for ear in listening:
            ear.close()


# ── on the wire ─────────────────────────────────────────────────────────────────────────────────
def test_a_stream_says_hello_then_what_changes_and_keeps_its_heart_beating(live_module: LiveServer):
    with ears(live_module, 1) as (ear,):
        head = ear.raw.split(b"\r\n\r\n")[0].lower()
        assert b"200 ok" in head and b"text/event-stream" in head and b"x-accel-buffering: no" in head
        hello = ear.of("hello")[0]
        assert {"build", "now", "seq", "etag", "state"} <= set(hello)
        file_case(live_module, "wire")
        until(lambda: ear.of("diff") and ear.of("hb"), 10)
        assert ear.of("diff")[0]["seq"] == hello["seq"] + 1
        assert {"now", "seq", "worker_at"} <= set(ear.of("hb")[0])


def test_who_has_the_state_is_not_sent_it_again(live_module: LiveServer):
    with ears(live_module, 1) as (ear,):
        etag = str(ear.of("hello")[0]["etag"])
        again = Ear(live_module, etag=etag)
        until(lambda: again.of("hello"), 10)
        assert "state" not in again.of("hello")[0]
        again.close()


@pytest.mark.parametrize(
    "asked, status",
    [
        ({"page": "nothing"}, 404),
        ({"subject": "nowhere"}, 404),
        ({"colour": "red"}, 422),
        ({"lang": "fr"}, 422),
    ],
)
def test_a_stream_of_nothing_is_refused_in_words(live_module: LiveServer, asked: dict[str, str], status: int):
    answer = requests.get(
        f"{live_module.url}/live", params={"page": "overview", "subject": "99"} | asked, timeout=5
    )
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("viewers", [1, 50])
def test_one_change_is_computed_once_however_many_watch(live_module: LiveServer, viewers: int):
    name = 'cityops_state_computations_total{page="overview"}'
    with ears(live_module, viewers) as listening:
        assert metric(live_module, "cityops_viewers") == viewers
        time.sleep(1)
        before = metric(live_module, name)
        file_case(live_module, f"counted {viewers}")
        until(lambda: all(ear.of("diff") for ear in listening), 10)
        time.sleep(0.5)
        assert metric(live_module, name) == before + 1
    until(lambda: metric(live_module, "cityops_viewers") == 0, 10)


# ── on the screen ───────────────────────────────────────────────────────────────────────────────
def test_a_posted_case_and_a_posted_reading_reach_an_open_page_without_a_reload(
    page, live_module: LiveServer
):
    dry(live_module)
    opened(page, live_module)
    before = count(page)
    file_case(live_module, "seen")
    expect(page.locator(OPEN).first).to_have_text(str(before + 1), timeout=3_000)
    live_module.post_reading(sign="W2", asset="flood-1", at=now(), value=34)
    cell = page.locator("path[data-code='9901']")
    expect(cell).to_have_attribute("data-status", "alarm", timeout=5_000)
    assert is_same_page(page)


@pytest.mark.slow
def test_of_a_hundred_pairs_of_messages_none_is_lost(page, live_module: LiveServer):
    opened(page, live_module)
    lost = page.evaluate(
        """async () => {
          const wait = (ms) => new Promise((done) => setTimeout(done, ms));
          const frame = () => new Promise((done) => requestAnimationFrame(done));
          const read = (key) => document.querySelector(`[data-key="${key}"]`).textContent;
          let lost = 0;
          for (const gap of [0, 3, 10, 30]) for (let i = 0; i < 25; i++) {
            cityops.fold({ set: { "text.overdue": 1000 + i + gap } });
            if (gap) await wait(gap);
            cityops.fold({ set: { "text.open": 5000 + i + gap } });
            for (let n = 0; n < 6; n++) await frame();
            const shows = (key, n) => read(key).includes(n.toLocaleString("en-US"));
            if (!shows("text.overdue", 1000 + i + gap) || !shows("text.open", 5000 + i + gap)) lost += 1;
          }
          return lost;
        }"""
    )
    assert lost == 0


def test_pairs_of_commits_in_quick_succession_all_arrive(page, live_module: LiveServer):
    opened(page, live_module)
    filed = count(page)
    for gap in (0, 0.003, 0.01, 0.03):
        for _ in range(5):
            for _ in range(2):
                filed += 1
                file_case(live_module, f"pair {filed}")
                time.sleep(gap)
            expect(page.locator(OPEN).first).to_have_text(str(filed), timeout=6_000)


def web_processes(server: LiveServer) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(server.web.pid)], capture_output=True, text=True, check=True)
    return [int(pid) for pid in found.stdout.split()]


@pytest.mark.slow
def test_a_frozen_server_dims_the_picture_within_eight_seconds_and_it_comes_back(
    page, live_module: LiveServer
):
    opened(page, live_module)
    shown = page.locator("main").inner_text()
    begun = time.monotonic()
    with frozen(*web_processes(live_module)):
        page.wait_for_selector("html[data-dim]", state="attached", timeout=16_000)
        assert time.monotonic() - begun <= 16
        assert re.search(r"数据截至 \d\d:\d\d:\d\d", page.locator("[data-connection]").inner_text())
        assert len(page.locator("main").inner_text()) >= 0.9 * len(shown)
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    assert is_same_page(page)


@contextmanager
def database_away(postgres, name: str) -> Iterator[None]:
    with closing(postgres.admin()) as admin:
        admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            yield
        finally:
            admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.slow
def test_a_lost_database_dims_the_picture_nothing_blanks_and_all_comes_back(
    page, chromium, postgres, fresh_module: str, live_module: LiveServer
):
    opened(page, live_module)
    second = chromium.new_context(locale="zh-CN").new_page()
    with database_away(postgres, fresh_module):
        page.wait_for_selector("html[data-dim][data-live=down]", state="attached", timeout=8_000)
        assert "数据库中断" in page.locator("[data-connection]").inner_text()
        second.goto(f"{live_module.url}/overview/99")
        expect(second.locator(".said")).to_contain_text("最后一次的画面", timeout=15_000)
        expect(second.locator(OPEN).first).to_have_text(page.locator(OPEN).first.inner_text())
    for one in (page, second):
        one.wait_for_selector(LIVE, state="attached", timeout=40_000)
    before = count(page)
    file_case(live_module, "afterwards")
    for one in (page, second):
        expect(one.locator(OPEN).first).to_have_text(str(before + 1), timeout=10_000)
    assert is_same_page(page)
    second.context.close()


def test_a_new_build_reloads_the_page(page, live_module: LiveServer):
    opened(page, live_module)
    with page.expect_navigation(timeout=15_000):
        page.evaluate("cityops.live.first.build = 'an old one'; dispatchEvent(new Event('online'))")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)


def test_without_a_stream_the_same_state_is_asked_for(page, live_module: LiveServer):
    page.route("**/live?*", lambda route: route.fulfill(status=429, body=""))
    page.goto(f"{live_module.url}/overview/99")
    page.wait_for_selector("html[data-live=polling]:not([data-dim])", state="attached", timeout=20_000)
    before = count(page)
    file_case(live_module, "polled")
    expect(page.locator(OPEN).first).to_have_text(str(before + 1), timeout=8_000)


HIDE = """(hidden) => {
  const value = hidden ? "hidden" : "visible";
  Object.defineProperty(document, "visibilityState", { value, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_hidden_tab_closes_its_stream_and_comes_back_with_the_newest_state(page, live_module: LiveServer):
    opened(page, live_module)
    before = count(page)
    until(lambda: metric(live_module, "cityops_viewers") == 1, 10)
    page.evaluate(HIDE, True)
    until(lambda: metric(live_module, "cityops_viewers") == 0, 10)
    file_case(live_module, "while nobody looked")
    page.evaluate(HIDE, False)
    expect(page.locator(OPEN).first).to_have_text(str(before + 1), timeout=6_000)
    page.wait_for_selector(LIVE, state="attached")


def test_a_wall_never_closes_its_stream(page, live_module: LiveServer):
    opened(page, live_module, "/wall/99")
    until(lambda: metric(live_module, "cityops_viewers") == 1, 10)
    page.evaluate(HIDE, True)
    time.sleep(1)
    assert metric(live_module, "cityops_viewers") == 1


# ── in the hands of a person ────────────────────────────────────────────────────────────────────
def test_the_view_of_the_map_and_the_focus_survive_an_update(page, live_module: LiveServer):
    dry(live_module)
    opened(page, live_module)
    page.wait_for_selector("path[data-code='9901']")
    view = "(([map]) => [map.getZoom(), map.getCenter().lat.toFixed(3)])([...cityops.map.maps])"
    page.evaluate("[...cityops.map.maps][0].setView([30.07, 110.03], 12, { animate: false })")
    before = page.evaluate(view)
    page.locator("path[data-code='9902']").focus()
    live_module.post_reading(sign="W2", asset="flood-1", at=now(), value=34)
    expect(page.locator("path[data-code='9901']")).to_have_attribute("data-status", "alarm", timeout=5_000)
    assert page.evaluate(view) == before
    assert page.evaluate("document.activeElement.dataset.code") == "9902"


AGES = """(count) => {
  const age = () => cityops.tick("age", new Date().toISOString());
  window.ages = Array.from({ length: count }, () => new WeakRef(age()));
}"""


def test_what_came_and_went_within_a_second_is_let_go(page, live_module: LiveServer):
    """A wall runs for weeks, and rows that tick come and go."""
    opened(page, live_module)
    page.evaluate(AGES, 50)
    page.wait_for_timeout(3_000)
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
    assert page.evaluate("ages.filter((one) => one.deref()).length") == 0


def test_the_zoom_of_a_chart_survives_an_update_until_a_double_click(page, live_module: LiveServer):
    for minutes, value in ((50, 3), (30, 5), (10, 4)):
        live_module.post_reading(sign="W2", asset="flood-1", at=ago(minutes), value=value)
    opened(page, live_module, "/sign/W2/9901-1-1")
    drag = page.locator("#chart-series .nsewdrag").first
    drag.wait_for(state="attached")
    shown = "JSON.stringify(document.querySelector('#chart-series .js-plotly-plot').layout.xaxis.range)"
    whole, box = page.evaluate(shown), drag.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 64, steps=6)
    page.mouse.up()
    until(lambda: page.evaluate(shown) != whole, 10)
    zoomed, seq = page.evaluate(shown), page.evaluate("cityops.model['chart.series']")
    live_module.post_reading(sign="W2", asset="flood-1", at=now(), value=50)
    until(lambda: page.evaluate("cityops.model['chart.series']") != seq, 10)
    time.sleep(0.5)
    assert page.evaluate(shown) == zoomed
    page.mouse.dblclick(box["x"] + box["width"] * 0.5, box["y"] + 60)
    until(lambda: page.evaluate(shown) != zoomed, 10)


def test_a_place_is_found_by_pinyin_with_the_keyboard_alone(page, live_module: LiveServer):
    opened(page, live_module)
    page.keyboard.press("/")
    page.keyboard.type("changqiao")
    expect(page.locator("#found [aria-selected=true]")).to_contain_text("长桥街道")
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview/9901-2**")


def test_skin_and_language_are_in_the_address_and_the_skin_is_remembered(page, live_module: LiveServer):
    opened(page, live_module, "/overview/99?skin=light&lang=en")
    expect(page.locator("html")).to_have_attribute("data-skin", "light")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator(".rail [aria-current=page]")).to_have_text("Overview")
    for link in page.locator(".rail a, .kids a, .crumb a").all():
        assert "lang=en" in (link.get_attribute("href") or "")
    opened(page, live_module)
    expect(page.locator("html")).to_have_attribute("data-skin", "light")


def test_a_server_without_sockets_to_give_says_so(app_client):
    answer = app_client.get("/live?page=overview&subject=99")
    assert (answer.status_code, answer.get_json()["code"]) == (501, "no_stream")
