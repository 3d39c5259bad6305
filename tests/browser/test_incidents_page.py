"""Does the list of cases stay in its reader's hands while it changes, and is it all reached by keyboard?"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from data.commands import incidents as commands
from data.domain.incident import Act, Move
from data.domain.report import Life, Report
from tests.conftest import LiveServer, running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

LIVE = "html[data-live=live]:not([data-dim])"
ROWS = ".cases .ag-center-cols-container .ag-row"
ALL = """() => {
  const all = [];
  dash_ag_grid.getApi("cases").forEachNodeAfterFilterAndSort(({data}) => all.push(data));
  return all;
}"""
IDS = f"({ALL})().map((row) => row.source_id)"
TOP = "dash_ag_grid.getApi('cases').getVerticalPixelRange().top"


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def case(key: str, **given: Any) -> Report:
    told: dict[str, Any] = {"kind": "E0506", "place": "9901-1-1-1", "at": ago(minutes=30)}
    return Report(source="test", source_id=key, **{**told, **given})


def file_many(count: int) -> list[UUID]:
    """The newer one has the lower number, and the earlier due."""
    lives = [
        Life(case(f"case-{n:03}", at=ago(minutes=100 - n / 10), severity=n % 5 or None)) for n in range(count)
    ]
    return [filed.id for filed in commands.live_through(lives)]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def many(home, clone, template: str) -> Iterator[LiveServer]:
    """More cases than one page holds; for tests that store nothing."""
    with clone(template):
        file_many(130)
        with running(home) as server:
            yield server


def opened(page, server: LiveServer, path: str = "/incidents/99"):
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    page.wait_for_selector(f"{ROWS}, .cases .nothing:not([hidden])", timeout=20_000)
    page.evaluate("window.notReloaded = true")
    return page


def count(page, tab: str) -> Any:
    return page.locator(f".tabs li[data-id={tab}] a span")


# ── while it changes ────────────────────────────────────────────────────────────────────────────
def test_an_untouched_list_follows_what_happens(page, live_server: LiveServer):
    opened(page, live_server)
    expect(page.locator(".nothing h2")).to_have_text("没有在办的案件")
    commands.report(case("first"))
    expect(page.locator(ROWS)).to_have_count(1, timeout=4_000)
    expect(count(page, "open")).to_have_text("1")
    assert page.evaluate("window.notReloaded")


def test_selection_scroll_and_search_survive_an_update_and_new_rows_wait(page, live_server: LiveServer):
    file_many(60)
    opened(page, live_server)
    page.evaluate("dash_ag_grid.getApi('cases').ensureIndexVisible(30, 'top')")
    page.locator(ROWS).nth(8).click()
    expect(page.locator("#case h2")).to_have_text("道路积水")
    chosen = "dash_ag_grid.getApi('cases').getSelectedRows()[0].source_id"
    before = [page.evaluate(one) for one in (IDS, TOP, chosen)]
    commands.report(case("new", severity=1, at=ago(minutes=200)))
    expect(page.locator(".news button")).to_contain_text("有 1 条更新", timeout=4_000)
    assert [page.evaluate(one) for one in (IDS, TOP, chosen)] == before
    page.locator(".news button").click()
    expect(page.locator(".news")).to_be_hidden()
    assert page.evaluate(chosen) == before[2]
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    page.keyboard.type("case-01")
    expect(page.locator(ROWS)).to_have_count(10)
    commands.report(case("case-01 more"))
    expect(page.locator(ROWS)).to_have_count(11, timeout=4_000)
    assert "find=case-01" in page.url and page.locator(".find-box input").input_value() == "case-01"


def test_a_row_that_changes_under_the_reader_keeps_its_place_until_he_moves(page, live_server: LiveServer):
    ids = file_many(5)
    opened(page, live_server)
    before = page.evaluate(IDS)
    page.locator(ROWS).nth(1).click()
    commands.move(ids[1], Move(Act.CLOSE, ago(), "desk"), version=1)
    expect(page.locator(f"{ROWS}.gone")).to_have_count(1, timeout=4_000)
    assert page.evaluate(IDS) == before
    expect(page.locator("#case dl")).to_contain_text("结案")
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(4, timeout=4_000)
    assert page.evaluate(IDS) == [one for one in before if one != "case-001"]
    assert page.evaluate("window.notReloaded")


def test_an_open_menu_survives_an_update(page, live_server: LiveServer):
    file_many(3)
    opened(page, live_server)
    page.locator("[data-menu=class] summary").click()
    commands.report(case("another"))
    expect(count(page, "open")).to_have_text("4", timeout=4_000)
    expect(page.locator("[data-menu=class]")).to_have_attribute("open", "")


# ── further pages ───────────────────────────────────────────────────────────────────────────────
def test_the_next_page_comes_from_the_api_and_follows_the_first(page, many: LiveServer):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    opened(page, many)
    expect(page.locator(".loaded")).to_contain_text("已载入 100 / 130 起")
    page.locator(".foot .more").click()
    expect(page.locator(".loaded")).to_contain_text("共 130 起，已全部载入", timeout=5_000)
    assert any("/api/v1/incidents?" in url and "after=" in url for url in asked)
    rows = page.evaluate(ALL)
    assert [row["source_id"] for row in rows] == [f"case-{n:03}" for n in reversed(range(130))]
    assert (
        rows[-1]["places"][-1]["name"]["zh"] == "江安第一网格" and rows[-1]["class_name"]["zh"] == "道路积水"
    )
    expect(page.locator(".foot .more")).to_be_hidden()


def test_what_presses_most_comes_first_only_where_all_is_loaded(page, many: LiveServer):
    opened(page, many)
    expect(page.locator(".orders [aria-pressed=true]")).to_have_text("最新上报在前")
    page.get_by_role("button", name="剩余时限最短在前").click()
    expect(page.locator(".loaded")).to_contain_text("已全部载入", timeout=5_000)
    assert page.evaluate(IDS)[0] == "case-000"


# ── addresses and the keyboard ──────────────────────────────────────────────────────────────────
def test_the_address_of_one_case_opens_it(page, many: LiveServer):
    opened(page, many, "/incidents/99?source=test&source_id=case-007")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator("#case dl")).to_contain_text("case-007")
    for link in page.locator("#case a").all():
        assert page.request.get(f"{many.url}{link.get_attribute('href')}").status == 200


SLOW_GRID = """
  const soon = setInterval(() => {
    const dash = window.dash_clientside, now = dash?.set_props;
    if (!now) return;
    clearInterval(soon);
    dash.set_props = (id, props) => (props.rowData ? setTimeout(() => now(id, props), 500) : now(id, props));
  }, 1);
"""


def test_the_address_of_one_case_opens_it_however_late_the_grid_draws(page, many: LiveServer):
    page.add_init_script(SLOW_GRID)
    opened(page, many, "/incidents/99?source=test&source_id=case-007")
    expect(page.locator("#case dl")).to_contain_text("case-007")


def test_the_address_of_one_case_keeps_it_open_until_its_reader_closes_it(page, many: LiveServer):
    opened(page, many, "/incidents/99?source=test&source_id=case-007")
    expect(page.locator("#case dl")).to_contain_text("case-007")
    page.evaluate("dash_ag_grid.getApi('cases').deselectAll()")  # as new rows do
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#case dl")).to_contain_text("case-007")
    page.keyboard.press("Escape")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    expect(page.locator("#case")).to_be_hidden()


def test_rows_are_walked_opened_and_closed_by_key(page, many: LiveServer):
    opened(page, many)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#case dl")).to_contain_text("case-128")
    page.keyboard.press("j")
    expect(page.locator("#case dl")).to_contain_text("case-127")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.locator("#case dl")).to_contain_text("case-128")
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('#case'))")
    page.keyboard.press("Escape")
    expect(page.locator("#case")).to_be_hidden()


def test_every_filter_and_the_export_are_reached_by_tab_alone(page, many: LiveServer):
    opened(page, many)
    page.locator("main").focus()
    reached: list[str] = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({textContent, tagName}) => textContent.trim() || tagName)(document.activeElement)"
            )
        )
    for words in (
        "全部在办",
        "超期",
        "今日上报",
        "今日办结",
        "INPUT",
        "等级",
        "阶段",
        "类别",
        "来源",
        "上报时间",
        "导出",
    ):
        assert any(words in one for one in reached), words


def test_a_filter_is_chosen_by_keyboard_and_stands_in_the_address(page, many: LiveServer):
    opened(page, many)
    page.locator("[data-menu=severity] summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**severity=1**")
    page.wait_for_selector(ROWS)
    expect(page.locator(".loaded")).to_contain_text("共 26 起")
    assert "severity=1" in (page.locator(".export").get_attribute("href") or "")
    csv = page.request.get(f"{many.url}{page.locator('.export').get_attribute('href')}").text()
    assert csv.count("\r\n") == 27
    page.locator(".menus").get_by_role("link", name="清除筛选").click()
    page.wait_for_url(re.compile(r"/incidents/99$"))


def test_days_are_chosen_on_the_citys_clock(page, many: LiveServer):
    opened(page, many)
    page.locator("[data-menu=time] summary").click()
    page.locator("[data-menu=time] input[name=to]").fill("2020-07-06")
    page.locator("[data-apply]").click()
    page.wait_for_url("**to=2020-07-06T00**")
    expect(page.locator(".nothing h2")).to_have_text("没有符合的案件")
    expect(page.locator(".nothing a")).to_have_text("清除筛选")


# ── how it looks ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "query", [pytest.param("?lang=en&skin=light", marks=pytest.mark.slow), "?severity=1&class=C0101"]
)
def test_nothing_serious_is_found_by_axe(chromium, many: LiveServer, query: str):
    from axe_core_python.sync_playwright import Axe

    page = chromium.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900}).new_page()
    opened(page, many, f"/incidents/99{query}")
    if page.locator(ROWS).count():
        page.locator(ROWS).first.click()
        page.wait_for_selector("#case:not([hidden])")
    found = Axe().run(page)["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    page.context.close()
    assert serious == []


def test_it_breaks_no_rule_of_its_own_policy_and_logs_no_error(page, many: LiveServer):
    said: list[str] = []
    page.on(
        "console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: said.append(str(error)))
    opened(page, many)
    page.locator(ROWS).first.click()
    page.locator("[data-skin-switch]").click()
    page.locator(".foot .more").click()
    expect(page.locator(".loaded")).to_contain_text("已全部载入", timeout=5_000)
    assert said == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_phone_shows_two_lines_a_row_and_nothing_beyond_its_edge(chromium, many: LiveServer, lang: str):
    page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    opened(page, many, f"/incidents/99?lang={lang}")
    assert page.locator(ROWS).first.locator(".one, .two").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(ROWS).nth(2).click()
    expect(page.locator("#case dl")).to_contain_text("case-127")
    page.locator("[data-close]").click()
    expect(page.locator("#case")).to_be_hidden()
    page.context.close()


def test_a_list_in_which_all_is_well_has_no_colour(page, live_server: LiveServer):
    commands.live_through([Life(case(str(n), at=ago(minutes=1))) for n in range(3)])
    opened(page, live_server)
    assert page.locator(".cases .list :is(.mk, .late, .soon)").count() == 0
