"""Can the overview be read, walked and trusted in a browser?"""

import re
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.looking import LIVE, coloured
from tests.conftest import LiveServer
from tests.tiny import file_case

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

HEALTHY = {"W1": 20, "U1": 0.3, "P1": 100, "S1": 4, "W2": 2, "W3": 40}
PLACES = {
    "W1": ("9901-1", "9901-2", "9902-1"), "U1": ("9901-1", "9901-2", "9902-1"), "P1": ("9901", "9902"),
    "S1": ("9901-1-1", "9901-1-2", "9901-2-1", "9902-1-1"),
}  # fmt: skip
ASSETS = {"W2": ("flood-1", "flood-2", "flood-3"), "W3": ("air-1", "air-2")}


def now(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def healthy(server: LiveServer, **other: float) -> None:
    values = HEALTHY | other
    rows = [{"sign": s, "place": p, "at": now(), "value": values[s]} for s, ps in PLACES.items() for p in ps]
    rows += [
        {"sign": s, "asset": a, "at": now(), "value": values[s]} for s, each in ASSETS.items() for a in each
    ]
    server.post("readings", rows)


def opened(page, server: LiveServer, path: str = "/overview/99"):
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    page.wait_for_selector("[data-map] path[data-status]", state="attached")
    page.wait_for_selector(".mat [data-id]", state="attached")
    return page


@pytest.fixture(scope="module")
def eventful(live_module: LiveServer) -> LiveServer:
    file_case(live_module, "1")
    return live_module


@pytest.fixture
def flooded(eventful: LiveServer) -> LiveServer:
    healthy(eventful, W2=30, W1=36)
    return eventful


def test_on_a_calm_day_nothing_has_a_colour(live_server: LiveServer, page) -> None:
    healthy(live_server)
    file_case(live_server, "1", severity=None)
    opened(page, live_server)
    expect(page.locator(".ov h1")).to_contain_text("平稳")
    assert coloured(page) == []
    page.click("[data-skin-switch]")
    assert coloured(page) == []


def test_a_reading_changes_number_status_age_and_map_in_place(live_server: LiveServer, page) -> None:
    healthy(live_server)
    opened(page, live_server)
    page.evaluate("window.notReloaded = true")
    row = page.locator(".worst [data-id=W2]")
    expect(row).to_have_count(0)
    live_server.post_reading(sign="W2", asset="flood-1", at=now(), value=31)
    expect(row).to_contain_text("报警")
    expect(row).to_contain_text("31")
    expect(row).to_contain_text(re.compile(r"\d\s秒"))
    expect(page.locator("path[data-code='9901']")).to_have_attribute("data-status", "alarm")
    expect(page.locator(".ov h1")).to_contain_text("不平稳")
    assert page.evaluate("window.notReloaded")


def test_english_keeps_its_language_on_every_link(flooded: LiveServer, page) -> None:
    opened(page, flooded, "/overview/9901?lang=en")
    links = page.eval_on_selector_all(
        ".ov a[href^='/']:not([download])", "all => all.map((one) => one.getAttribute('href'))"
    )
    assert [link for link in links if "lang=en" not in link] == []


def test_keys_lead_to_the_lists_and_to_the_first_case(flooded: LiveServer, page) -> None:
    for key, path in (
        ("s", "/signs/99"),
        ("i", "/incidents/99"),
        ("1", "/incidents/9901-1-1-1?source=test"),
    ):
        opened(page, flooded)
        expect(page.locator(f"[data-hotkey='{key}']")).to_be_visible()
        page.keyboard.press(key)
        page.wait_for_url(re.compile(re.escape(path)))


def test_the_tiles_of_today_lead_to_the_cases_of_today(flooded: LiveServer, page) -> None:
    opened(page, flooded)
    count = page.locator(".kpi.reported .val b").inner_text()
    page.click(".kpi.reported")
    page.wait_for_selector(LIVE, state="attached")
    expect(page).to_have_url(re.compile(r"/incidents/99\?.*from="))
    expect(page.get_by_text(f"共 {count} 起")).to_be_visible()


def test_rows_are_walked_by_arrow_and_the_map_by_tab(flooded: LiveServer, page) -> None:
    opened(page, flooded)
    page.locator(".worst li a").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('li').dataset.id") == "W1"
    page.locator("path[data-code='9901']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/overview/9901$"))


def test_the_ranking_leaves_as_a_table(flooded: LiveServer, page) -> None:
    opened(page, flooded)
    with page.expect_download() as download:
        page.locator("[data-table='rows.children']").focus()
        page.keyboard.press("Enter")
    assert re.fullmatch(r"overview_children_99_\d{8}T\d{6}Z\.csv", download.value.suggested_filename)
    text = download.value.path().read_bytes()
    assert text.startswith(b"\xef\xbb\xbf") and text.endswith(b"\r\n")
    head, *lines = text.decode("utf-8-sig").splitlines()
    assert head.startswith("code,name_zh,name_en,status,") and head.endswith("place,as_of,simulated")
    assert [line.split(",")[:4:3] for line in lines] == [["9901", "alarm"], ["9902", "alarm"]]
