"""Does every screen say what is wrong, the gravest first, and does it keep its patience?"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from data import db
from data.config import build
from data.store import news
from tests.browser import looking
from tests.conftest import LiveServer, Postgres

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

SIZES = {"/overview/99": ((1440, 900), (390, 844)), "/wall/99": ((1920, 1080), (3840, 1080))}
SKIN = "(skin) => { document.documentElement.dataset.skin = skin; cityops.paintAll(); }"
MOVES = "document.getAnimations().some((one) => one.playState === 'running')"
TROUBLE, STATUS = "[data-connection] .trouble", "[data-connection] [role=status]"
NOTICE = ".notice"
POLLS = "html[data-live=polling]:not([data-dim])"
OPEN = "[data-key='text.open']"


def now(**later: float) -> str:
    return (datetime.now(UTC) + timedelta(**later)).isoformat(timespec="milliseconds")


def event(name: str, **said: Any) -> str:
    return f"event: {name}\nid: 0\ndata: {json.dumps({'seq': 0, **said})}\n\n"


def hello(**more: Any) -> str:
    said = {"build": build(), "now": now(), "at": now(), "etag": "e", "db": True}
    return event("hello", **(said | more))


def beat(**more: Any) -> str:
    return event("hb", **{"now": now(), "worker_at": now(), "room": "ample", **more})


def streams(page: Any, *words: Callable[[], str]) -> list[str]:
    """The page's stream says this, and ends, instead of what the server would; when it was asked for."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(content_type="text/event-stream", body="".join(word() for word in words))

    page.route("**/live?*", answer)
    return asked


def opened(page: Any, server: LiveServer, path: str = "/overview/99") -> Any:
    width, height = SIZES.get(path.partition("?")[0], SIZES["/overview/99"])[0]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{server.url}{path}")
    page.wait_for_selector("html:not([data-live=opening])", state="attached", timeout=20_000)
    page.evaluate("window.notReloaded = true")
    return page


def faults(page: Any, path: str) -> list[str]:
    found = []
    for skin in ("dark", "light"):
        for width, height in SIZES[path]:
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(SKIN, skin)
            page.wait_for_timeout(200)
            found += [f"{skin} {width}: {fault}" for fault in looking.faults(page)]
    return found


# ── said ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path, lang", [("/overview/99", "en"), ("/wall/99", "en"), ("/wall/99", "zh")])
def test_a_short_disk_and_stopped_clocks_are_said_large_and_nothing_moves(
    page: Any, live_module: LiveServer, path: str, lang: str
) -> None:
    streams(page, hello, partial(beat, room="reports", worker_at=now(minutes=-1)))
    opened(page, live_module, f"{path}?lang={lang}")
    disk, refused, clocks = {
        "zh": ("磁盘不足", "暂不接收读数和上报", "时钟停止"),
        "en": ("Disk short", "Readings and reports are refused", "Clocks stopped"),
    }[lang]
    for words in (disk, refused, clocks):
        expect(page.locator(NOTICE)).to_contain_text(words, timeout=20_000)
    expect(page.locator(TROUBLE)).to_have_text(disk)
    expect(page.locator(STATUS)).to_contain_text(clocks)
    assert page.title().startswith(f"{disk} · {clocks} · ")
    assert faults(page, path) == []
    assert not page.evaluate(MOVES)


@pytest.mark.parametrize("path", SIZES)
def test_an_old_picture_is_legible_in_english_too(page: Any, live_module: LiveServer, path: str) -> None:
    streams(page, partial(hello, db=False))
    opened(page, live_module, f"{path}?lang=en")
    page.wait_for_selector("html[data-dim][data-live=down]", state="attached", timeout=20_000)
    assert faults(page, path) == []


ROOM = {
    "low": "目前照常接收",
    "readings": "暂不接收读数；",
    "reports": "暂不接收读数和上报",
    "acts": "暂停一切写入",
}


@pytest.mark.parametrize("room", ROOM)
def test_each_step_of_a_short_disk_says_what_is_refused(
    page: Any, live_module: LiveServer, room: str
) -> None:
    streams(page, hello, partial(beat, room=room))
    expect(opened(page, live_module).locator(NOTICE)).to_contain_text(f"磁盘不足{ROOM[room]}", timeout=20_000)


@pytest.mark.parametrize(
    "words, told",
    [
        ([partial(hello, db=False), partial(beat, room="acts")], "数据库中断; 磁盘不足 · 停止写入"),
        ([hello, partial(beat, room="low", worker_at=None)], "磁盘不足; 时钟停止"),
        ([hello, partial(beat, worker_at=now(minutes=-1))], "时钟停止"),
        ([hello, beat], ""),
    ],
)
def test_of_several_troubles_the_gravest_stands_first(
    page: Any, live_module: LiveServer, words: list[Callable[[], str]], told: str
) -> None:
    streams(page, *words)
    expect(opened(page, live_module).locator(STATUS)).to_have_text(told, timeout=20_000)
    expect(page.locator(TROUBLE)).to_have_text(told.partition(";")[0].partition(" ·")[0])


HEARD = """
  window.heard = new Set();
  const note = () => {
    const says = "title, [data-connection] .trouble, [data-connection] [role=status]";
    for (const { textContent } of document.querySelectorAll(says)) heard.add(textContent);
  };
  new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
"""


def heard(page: Any) -> str:
    """All that bar, title and status have said since the page began."""
    return "\n".join(page.evaluate("[...heard]"))


@pytest.mark.parametrize("streaming", [True, False])
def test_a_page_that_failed_never_says_that_the_database_is_away(
    page: Any, postgres: Postgres, fresh_module: str, live_module: LiveServer, streaming: bool
) -> None:
    """A column that /sources alone reads is gone: a mistake as ours would be."""
    page.add_init_script(HEARD)
    if not streaming:
        page.route("**/live?*", lambda route: None)
        page.route("**/api/v1/state/**", lambda route: None)
    opened(page, live_module, "/sources")
    with postgres.admin(fresh_module) as admin:
        admin.execute("ALTER TABLE source RENAME first_at TO gone")
        try:
            with db.transaction() as conn:
                news.tell(conn, "sources", ["99/"])
            opened(page, live_module, "/sources")
            expect(page.locator(TROUBLE)).to_have_text("本页出错")
            page.wait_for_timeout(3_000 if streaming else 0)
        finally:
            admin.execute("ALTER TABLE source RENAME gone TO first_at")
    assert page.title().startswith("本页出错 · ")
    assert "本页出错" in heard(page) and "数据库中断" not in heard(page)


def test_a_stream_that_begins_with_a_page_that_failed_says_nothing_else(
    page: Any, live_module: LiveServer
) -> None:
    page.add_init_script(HEARD)
    streams(page, partial(hello, db=False), partial(event, "source", db=True, page=False, since=now()), beat)
    opened(page, live_module).wait_for_selector("html[data-live=failed]", state="attached", timeout=20_000)
    expect(page.locator(STATUS)).to_have_text("本页出错")
    assert "数据库中断" not in heard(page)


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_frozen_worker_stops_the_clocks_on_page_and_wall_live_or_polling(
    chromium: Any, postgres: Postgres, fresh_module: str, live_module: LiveServer
) -> None:
    context = chromium.new_context(locale="zh-CN")
    pages = [opened(context.new_page(), live_module, path) for path in SIZES]
    polling = context.new_page()
    polling.route("**/live?*", lambda route: route.fulfill(status=429))
    pages.append(opened(polling, live_module))
    assert live_module.worker is not None
    with frozen(live_module.worker.pid), postgres.admin(fresh_module) as admin:
        for beats, meaning in (("SET at = at - interval '14 s'", "停在"), ("", "没有更新")):
            admin.execute(f"UPDATE beat {beats}" if beats else "DELETE FROM beat")
            for page in pages:
                expect(page.locator(NOTICE)).to_contain_text("时钟停止", timeout=20_000)
                expect(page.locator(NOTICE)).to_contain_text(meaning, timeout=20_000)
    for page in pages:
        expect(page.locator(NOTICE)).to_be_hidden(timeout=20_000)
    context.close()


# ── done ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("status", [429])
def test_a_refused_stream_is_polled_at_once_and_seldom_asked_for_again(
    page: Any, live_module: LiveServer, status: int
) -> None:
    asked: list[str] = []
    page.route("**/live?*", lambda route: asked.append("") or route.fulfill(status=status))
    opened(page, live_module).wait_for_selector(POLLS, state="attached", timeout=4_000)
    expect(page.locator(TROUBLE)).to_have_text("轮询")
    page.wait_for_timeout(5_000)
    assert len(asked) == 1


def test_a_browser_that_cannot_join_two_signals_polls_too_and_leaves_a_question_without_an_answer(
    page: Any, live_module: LiveServer
) -> None:
    page.add_init_script("delete AbortSignal.any")
    asked: list[str] = []
    page.route("**/live?*", lambda route: route.fulfill(status=429))
    page.route("**/api/v1/state/**", lambda route: asked.append("") or (len(asked) > 1 and route.continue_()))
    opened(page, live_module).wait_for_selector(POLLS, state="attached", timeout=4_000)
    since = page.evaluate("cityops.live.asOf")
    page.wait_for_function("(since) => cityops.live.asOf > since", arg=since, timeout=20_000)
    page.wait_for_selector(POLLS, state="attached", timeout=4_000)
    assert len(asked) > 1


@pytest.mark.parametrize("reason, begins_anew", [("rights", True), ("moved", False)])
def test_a_farewell_is_obeyed(page: Any, live_module: LiveServer, reason: str, begins_anew: bool) -> None:
    opened(page, live_module)
    asked = streams(page, hello, beat, partial(event, "bye", reason=reason))
    page.evaluate("dispatchEvent(new Event('online'))")
    if begins_anew:
        page.wait_for_event("framenavigated", timeout=20_000)
        return
    while len(asked) < 2:
        page.wait_for_timeout(100)
    assert page.evaluate("window.notReloaded")


@pytest.mark.parametrize("old", ["now", "at"])
def test_what_was_held_back_or_looked_up_earlier_is_not_shown(
    page: Any, live_module: LiveServer, old: str
) -> None:
    late = partial(hello, **{old: now(hours=-1)}, state={"text.open": 999})
    streams(page, late, partial(event, "diff", seq=1, at=now(), set={"text.open": 998}))
    opened(page, live_module).wait_for_selector(POLLS, state="attached", timeout=20_000)
    expect(page.locator(OPEN).first).to_have_text("0")


WRONG = """(() => {
  const Right = Date;
  const wrong = () => Right.now() - 3 * 366 * 86_400_000;
  window.Date = class extends Right {
    constructor(...given) { super(...(given.length ? given : [wrong()])); }
    static now() { return wrong(); }
  };
})()"""


def test_a_machine_whose_clock_is_years_off_shows_the_right_time_and_age(
    page: Any, live_module: LiveServer
) -> None:
    page.add_init_script(WRONG)
    live_module.post_reading(sign="W2", asset="flood-1", at=now(minutes=-1), value=34)
    opened(page, live_module).wait_for_selector(looking.LIVE, state="attached", timeout=20_000)
    expect(page.locator(".clock").first).to_contain_text(str(datetime.now(UTC).year))
    expect(page.locator(".worst [data-id=W2]")).to_contain_text("1\u2009分", timeout=20_000)
