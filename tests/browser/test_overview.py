"""Can the overview be read, walked and trusted in a browser?"""

import re
from datetime import UTC, datetime, timedelta

import pytest
import requests

from tests.conftest import LiveServer

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

SCREENS = [(lang, size) for lang in ("zh", "en") for size in ((1440, 900), (1280, 720), (390, 844))]
LIVE = "html[data-live=live]:not([data-dim])"
HEALTHY = {"W1": 20, "U1": 0.3, "P1": 100, "S1": 4, "W2": 2, "W3": 40}
PLACES = {
    "W1": ("9901-1", "9901-2", "9902-1"), "U1": ("9901-1", "9901-2", "9902-1"), "P1": ("9901", "9902"),
    "S1": ("9901-1-1", "9901-1-2", "9901-2-1", "9902-1-1"),
}  # fmt: skip
ASSETS = {"W2": ("flood-1", "flood-2", "flood-3"), "W3": ("air-1", "air-2")}

# Every colour of the encoding and its tints, as the browser computes them, of everything that is drawn.
COLOURED = """() => {
  const probe = document.body.appendChild(document.createElement('i'));
  const seen = (name) => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  const hues = ['red', 'orange', 'yellow', 'blue'];
  const banned = new Set(hues.flatMap((one) => [`--${one}`, `--t-${one}`, `--wash-${one}`]).map(seen));
  probe.remove();
  const drawn = ({ color, backgroundColor, borderTopColor, fill, stroke }) =>
    [color, backgroundColor, borderTopColor, fill, stroke].some((colour) => banned.has(colour));
  return [...document.querySelectorAll('body *')]
    .filter((one) => one.getClientRects().length && drawn(getComputedStyle(one)))
    .map((one) => one.outerHTML.slice(0, 120));
}"""

# Words that lie upon each other or are wider than their box without saying so; a page that runs out sideways.
CROWDED = """() => {
  const parts = ['.kpi .lab > *', '.kpi .val > *', '.kpi .sub', 'h1 > *', '.fact', '.sec > header > *',
    '.sig a > *', '.todo a > *', 'tr > *'].map((one) => `.ov ${one}`).join();
  const words = [...document.querySelectorAll(parts)]
    .filter((one) => one.getClientRects().length && one.textContent.trim());
  const found = [];
  words.forEach((one, at) => {
    const style = getComputedStyle(one);
    const spills = one.scrollWidth > one.clientWidth + 1 && style.overflow === 'visible';
    if (spills && style.display !== 'inline') found.push(`wide: ${one.className} ${one.textContent}`);
    const next = words[at + 1];
    if (!next || next.parentElement !== one.parentElement) return;
    const [a, b] = [one.getBoundingClientRect(), next.getBoundingClientRect()];
    const beside = a.right <= b.left + 1 || b.right <= a.left + 1;
    const above = a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
    if (!beside && !above) found.push(`upon: ${one.textContent} | ${next.textContent}`);
  });
  for (const box of [document.documentElement, document.querySelector('.ov')])
    if (box.scrollWidth > box.clientWidth + 1) found.push(`${box.className || 'page'} runs out sideways`);
  return found;
}"""


def now(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def healthy(server: LiveServer, **other: float) -> None:
    values = HEALTHY | other
    rows = [{"sign": s, "place": p, "at": now(), "value": values[s]} for s, ps in PLACES.items() for p in ps]
    rows += [
        {"sign": s, "asset": a, "at": now(), "value": values[s]} for s, each in ASSETS.items() for a in each
    ]
    server.post("readings", rows)


def file_case(server: LiveServer, key: str, **more: object) -> None:
    case = {"source": "test", "source_id": key, "class": "E0506", "place": "9901-1-1-1", "at": now(minutes=9)}
    server.post("incidents", case | {"severity": 2, "description": ""} | more)


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
    assert page.evaluate(COLOURED) == []
    page.click("[data-skin-switch]")
    assert page.evaluate(COLOURED) == []


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


def test_every_link_leads_somewhere_that_exists(flooded: LiveServer, page) -> None:
    for path in ("/overview/99", "/overview/9901-1-1-1?lang=en"):
        opened(page, flooded, path)
        links = page.eval_on_selector_all(".ov a[href]", "all => [...new Set(all.map((one) => one.href))]")
        assert len(links) > 10
        for link in links:
            assert requests.get(link, timeout=10).status_code == 200, link


def test_english_keeps_its_language_on_every_link(flooded: LiveServer, page) -> None:
    opened(page, flooded, "/overview/9901?lang=en")
    links = page.eval_on_selector_all(
        ".ov a[href^='/']:not([download])", "all => all.map((one) => one.getAttribute('href'))"
    )
    assert [link for link in links if "lang=en" not in link] == []
    assert not re.search(r"[\u4e00-\u9fff]", page.locator(".ov").inner_text())


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


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_axe_finds_nothing_serious(flooded: LiveServer, page, lang: str) -> None:
    from axe_core_python.sync_playwright import Axe

    opened(page, flooded, f"/overview/9901?lang={lang}")
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]})["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in serious] == []


@pytest.mark.parametrize(("lang", "size"), SCREENS)
def test_no_words_lie_upon_each_other_or_run_out(flooded: LiveServer, page, lang: str, size: tuple) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for path in ("99", "9901-1-1-1"):
        opened(page, flooded, f"/overview/{path}?lang={lang}")
        assert page.evaluate(CROWDED) == [], path


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
