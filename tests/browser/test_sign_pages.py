"""Can all signs be read, walked and opened, and can one be asked, compared and taken away?"""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import LiveServer

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

LIVE = "html[data-live=live]:not([data-dim])"
SCREENS = [(lang, size) for lang in ("zh", "en") for size in ((1440, 900), (1280, 720), (390, 844))]
STREET = "/sign/W1/9901-1"

# Words that lie upon each other, are cut without saying so, or run out of the page.
CROWDED = """(parts) => {
  const words = [...document.querySelectorAll(parts)]
    .filter((one) => one.getClientRects().length && one.textContent.trim());
  const found = [];
  words.forEach((one, at) => {
    const { overflow, display } = getComputedStyle(one);
    const spills = one.scrollWidth > one.clientWidth + 1 && overflow === 'visible';
    if (spills && display !== 'inline') found.push(`wide: ${one.className} ${one.textContent}`);
    for (const next of words.slice(at + 1)) {
      if (next.parentElement !== one.parentElement) continue;
      const [a, b] = [one.getBoundingClientRect(), next.getBoundingClientRect()];
      const beside = a.right <= b.left + 1 || b.right <= a.left + 1;
      const above = a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
      if (!beside && !above) found.push(`upon: ${one.textContent} | ${next.textContent}`);
    }
  });
  const wide = [...document.querySelectorAll('main *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
  if (document.documentElement.scrollWidth > innerWidth + 1)
    found.push(`runs out sideways: ${wide[0]?.outerHTML.slice(0, 120)}`);
  return found;
}"""
SIGNS = ".signs .head > *, .signs .domain header > :not(.fold), .signs .domain li > a > *"
SIGN = ", ".join(
    f".sign {one}"
    for one in (
        ".sign-head > *",
        ".tools > *",
        ".legend > *",
        ".facts-of > div > *",
        ".ranked a > *",
        "td > *",
    )
)


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


def until(page, true: str, seconds: float = 5) -> None:
    """The policy of the page forbids what wait_for_function does."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(true):
        assert time.monotonic() < deadline, true
        page.wait_for_timeout(50)


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
    until(page, f"{plot}.data.at(-1).y[0] === 26")
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


# ── both ────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("lang, size", SCREENS)
@pytest.mark.parametrize(
    "path, parts", [("/signs/99", SIGNS), ("/signs/9901-1-1-1", SIGNS), ("/sign/W2/99", SIGN), (STREET, SIGN)]
)
def test_no_words_overlap_or_are_cut(
    chromium, city: LiveServer, path: str, parts: str, lang: str, size
) -> None:
    page = chromium.new_context(viewport={"width": size[0], "height": size[1]}).new_page()
    opened(page, city, f"{path}?lang={lang}")
    found = page.evaluate(CROWDED, parts)
    page.context.close()
    assert found == []


@pytest.mark.parametrize("query", ["", "?lang=en&skin=light"])
@pytest.mark.parametrize("path", ["/signs/99", STREET, "/sign/W3/99", "/sign/U1/9901-1-1-1"])
def test_nothing_serious_is_found_by_axe(chromium, city: LiveServer, path: str, query: str) -> None:
    from axe_core_python.sync_playwright import Axe

    page = chromium.new_context(bypass_csp=True, viewport={"width": 1440, "height": 900}).new_page()
    opened(page, city, path + query)
    violations = Axe().run(page)["violations"]
    serious = [
        (one["id"], one["nodes"][0]["html"][:160])
        for one in violations
        if one["impact"] in ("serious", "critical")
    ]
    page.context.close()
    assert serious == []


@pytest.mark.parametrize("path", ["/signs/99", STREET, "/sign/W3/99"])
def test_no_page_logs_an_error(page, city: LiveServer, path: str) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    opened(page, city, path)
    page.locator("[data-skin-switch]").click()
    page.wait_for_timeout(500)
    assert said == []
