"""Can all signs be read, walked and opened, and can one be asked, compared and taken away?"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.browser.looking import LIVE
from tests.conftest import LiveServer
from tests.waiting import until

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

STREET = "/sign/W1/9901-1"


def at(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


@pytest.fixture(scope="module")
def city(live_module: LiveServer) -> Iterator[LiveServer]:
    """Warm streets with a silence, one deep post, and air."""
    minutes = [*range(0, 60, 5), *range(240, 600, 15)]
    rows = [{"sign": "W1", "place": "9901-1", "at": at(n), "value": 20 + n / 100} for n in minutes]
    rows += [{"sign": "W1", "place": place, "at": at(1), "value": 24} for place in ("9901-2", "9902-1")]
    rows += [{"sign": "W2", "asset": f"flood-{n}", "at": at(1), "value": 4 * n} for n in (1, 2, 3)]
    rows += [{"sign": "W3", "asset": "air-1", "at": at(1), "value": 60}]
    live_module.post("readings", rows)
    yield live_module


def opened(page, server: LiveServer, path: str):
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    return page


def drawn(page) -> None:
    page.wait_for_selector("#chart-series .scatterlayer .trace", state="attached")


# ── all signs ───────────────────────────────────────────────────────────────────────────────────
def test_a_reading_changes_its_cell_and_its_count_in_place(page, live_server: LiveServer) -> None:
    opened(page, live_server, "/signs/99")
    cell = page.locator(".signs li[data-id=W2]")
    expect(cell).to_have_class(re.compile("is-none"))
    page.evaluate("window.cell = document.querySelector('.signs li[data-id=W2]')")
    live_server.post_reading(sign="W2", asset="flood-1", at=at(0), value=34)
    expect(cell.locator("b").first).to_have_text("34", timeout=5_000)
    expect(cell).to_have_class(re.compile("is-abnormal"))
    expect(page.locator(".signs .seg a").nth(1).locator(".n")).to_have_text("1")
    assert page.evaluate("window.cell.isConnected"), "the cell is the same element"


def test_arrows_walk_the_grid_and_enter_opens_the_sign(page, city: LiveServer) -> None:
    opened(page, city, "/signs/9901")
    page.locator(".signs li[data-id=W1] a").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('li').dataset.id") == "W2"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('li').dataset.id") in ("U1", "P1", "S1")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/sign/(U1|P1|S1)/9901"))


def test_a_filter_is_an_address_and_lights_its_segment(page, city: LiveServer) -> None:
    opened(page, city, "/signs/99")
    page.locator(".signs .seg a").nth(3).press("Enter")
    page.wait_for_url("**/signs/99?state=none")
    page.wait_for_selector(LIVE, state="attached")
    expect(page.locator(".signs .seg a[aria-current]")).to_contain_text("无数据")
    assert page.locator(".grid li[data-id]").count() == page.locator(".grid .is-none").count() > 0


def test_a_phone_folds_what_is_calm_and_remembers_what_was_opened(chromium, city: LiveServer) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    opened(page, city, "/signs/99")
    cell = page.locator(".signs li[data-id=S1]")
    expect(cell).to_be_hidden()
    page.locator(".signs section:has(li[data-id=S1]) .fold").click()
    expect(cell).to_be_visible()
    city.post_reading(sign="W2", asset="flood-1", at=at(0), value=5)
    expect(page.locator(".signs li[data-id=W2] b").first).to_have_text("12", timeout=5_000)
    expect(cell).to_be_visible()
    page.context.close()


# ── one sign ────────────────────────────────────────────────────────────────────────────────────
def test_a_chosen_zoom_survives_a_reading(page, live_server: LiveServer) -> None:
    live_server.post(
        "readings", [{"sign": "W1", "place": "9901-1", "at": at(n), "value": 20} for n in range(1, 90, 5)]
    )
    opened(page, live_server, STREET)
    drawn(page)
    plot = "document.querySelector('#chart-series .js-plotly-plot')"
    chosen = page.evaluate(
        f"(() => {{ const r = {plot}.layout.xaxis.range; return [r[0], {plot}.data.at(-2).x.at(-3)]; }})()"
    )
    page.evaluate(
        f"([a, b]) => Plotly.relayout({plot}, {{'xaxis.range[0]': a, 'xaxis.range[1]': b}})", chosen
    )
    live_server.post_reading(sign="W1", place="9901-1", at=at(0), value=26)
    expect(page.locator(".sign-head .value b")).to_have_text("26", timeout=5_000)
    until(lambda: page.evaluate(f"{plot}.data.at(-1).y[0] === 26"))
    assert [one[:16] for one in page.evaluate(f"{plot}.layout.xaxis.range.map(String)")] == [
        one[:16] for one in chosen
    ]


def test_places_are_chosen_by_keyboard_and_named_at_their_lines_end(page, city: LiveServer) -> None:
    opened(page, city, "/sign/W1/9901")
    page.locator(".chooser summary").press("Enter")
    page.locator(".chooser input[value='9901-2']").press("Space")
    page.locator("[data-draw]").press("Enter")
    page.wait_for_url("**with=9901-2*")
    page.wait_for_selector(LIVE, state="attached")
    drawn(page)
    expect(page.locator("#chart-series .annotation-text", has_text="长桥街道")).to_be_visible()
    expect(page.locator(".chooser summary")).to_contain_text("1/6")


def test_escape_closes_the_chooser_and_gives_the_focus_back(page, city: LiveServer) -> None:
    opened(page, city, "/sign/W1/9901")
    page.locator(".chooser summary").press("Enter")
    page.locator(".chooser input").first.press("Escape")
    expect(page.locator(".chooser .panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_the_silence_is_drawn_as_a_hatched_ground(page, city: LiveServer) -> None:
    opened(page, city, STREET)
    drawn(page)
    expect(page.locator("#chart-series .annotation-text", has_text=re.compile(r"断报 \d"))).not_to_have_count(
        0
    )
    assert page.locator("#chart-series pattern").count() >= 1
    assert page.locator("#chart-series .annotation-text", has_text="关注").count() == 2


@pytest.mark.parametrize("kind", ["PNG", "SVG"])
def test_the_picture_taken_away_says_place_time_and_sign(page, city: LiveServer, kind: str) -> None:
    opened(page, city, STREET)
    drawn(page)
    with page.expect_download() as taken:
        page.get_by_role("button", name=kind, exact=True).click()
    assert re.fullmatch(rf"sign-9901-1-\d{{12}}\.{kind.lower()}", taken.value.suggested_filename)
    if kind == "SVG":
        words = taken.value.path().read_text(encoding="utf-8")
        assert "码头街道" in words and "气温" in words and "数据截至" in words


def test_on_a_phone_the_definition_is_folded_and_opens(chromium, city: LiveServer) -> None:
    page = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    opened(page, city, "/sign/W2/9901")
    facts = page.locator(".definition .facts-of")
    expect(facts).to_be_hidden()
    page.locator(".definition summary").press("Enter")
    expect(facts).to_be_visible()
    page.context.close()
