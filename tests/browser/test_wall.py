"""Can the wall be read from eight metres away, in every form, and is it grey when all is well?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from tests.browser.looking import LIVE, coloured, faults
from tests.conftest import LiveServer
from tests.tiny import file_case
from tests.waiting import frozen

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

SIZES = {"16:9": (1920, 1080), "32:9": (3840, 1080)}
DRAWN = "[data-wall-map] path[data-code]"

# Where the large parts lie, in canvas px.
BOXES = r"""
() => [...document.querySelectorAll(".w-region, .w-head, .w-abnormal > li, .w-matrix tr")]
  .map((one) => one.getBoundingClientRect())
  .flatMap(({ x, y, width, height }) => [x, y, width, height])
  .map((length) => (length * 1080) / innerHeight)
"""

# Arc minutes of a digit of the smallest type, seen from a distance, the picture so high (both in m).
MINUTES = r"""
([distance, height]) => {
  const shown = [...document.querySelectorAll(".w small")].filter((one) => one.checkVisibility());
  const least = Math.min(...shown.map((one) => parseFloat(getComputedStyle(one).fontSize)));
  return (Math.atan((least * 0.73 * height) / innerHeight / distance) * 180 * 60) / Math.PI;
}
"""


def now(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


def measure(server: LiveServer, depth: float, warmth: float = 20) -> None:
    rows: list[dict[str, Any]] = [
        {"sign": "W2", "asset": asset, "value": depth} for asset in ("flood-1", "flood-2", "flood-3")
    ]
    rows += [{"sign": "W3", "asset": asset, "value": 40} for asset in ("air-1", "air-2")]
    for sign, value in (("W1", warmth), ("U1", 0.3)):
        rows += [{"sign": sign, "place": place, "value": value} for place in ("9901-1", "9901-2", "9902-1")]
    rows += [{"sign": "P1", "place": place, "value": 100} for place in ("9901", "9902")]
    rows += [
        {"sign": "S1", "place": place, "value": 4}
        for place in ("9901-1-1", "9901-1-2", "9901-2-1", "9902-1-1")
    ]
    server.post("readings", [{**row, "at": now()} for row in rows])


def disaster(server: LiveServer) -> None:
    measure(server, 30, warmth=41)
    for at, severity in enumerate((1, 2, 3, 4, 4, None, None, None)):
        place = "9902-1-1-1" if at % 3 else "9901-1-1-1"
        file_case(server, f"case-{at}", severity=severity, place=place, at=now(hours=at))


def opened(page, server: LiveServer, path: str = "/wall/99"):
    page.goto(f"{server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    page.wait_for_selector(DRAWN, timeout=20_000)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(300)
    return page


@pytest.fixture
def wide(chromium):
    context = chromium.new_context(viewport={"width": 3840, "height": 1080})
    yield context.new_page()
    context.close()


# ── the calm wall, while the database holds nothing bad ─────────────────────────────────────────
def test_a_calm_wall_has_no_colour(wide, live_server: LiveServer) -> None:
    measure(live_server, 1)
    file_case(live_server, "routine", severity=None)
    for skin in ("dark", "light"):
        opened(wide, live_server, f"/wall/99?skin={skin}")
        expect(wide.locator(".w-abnormal .empty")).to_have_text("无异常体征")
        for size in SIZES.values():
            wide.set_viewport_size({"width": size[0], "height": size[1]})
            wide.wait_for_timeout(200)
            assert coloured(wide) == []


def test_a_wall_without_data_shows_lines_and_no_nought(wide, live_server: LiveServer) -> None:
    opened(wide, live_server)
    shown = wide.locator(
        ".w-abnormal, .w-ledger, .w-matrix tbody, .w-levels, .w-kpi .w-hero"
    ).all_inner_texts()
    assert "—" in "".join(shown)
    assert not any(text.strip() == "0" for block in shown for text in block.splitlines())
    assert faults(wide) == []
    assert coloured(wide) == []


def test_a_reading_changes_number_mark_and_map_of_an_open_wall(wide, live_server: LiveServer) -> None:
    measure(live_server, 1)
    opened(wide, live_server)
    wide.evaluate("window.notReloaded = true")
    live_server.post_reading(sign="W2", asset="flood-1", at=now(), value=33)
    row = wide.locator(".w-abnormal [data-id=W2]")
    expect(row.locator(".w-v")).to_contain_text("33", timeout=10_000)
    expect(row.locator("svg.w-red text")).to_have_text("报")
    expect(wide.locator("[data-wall-map] path[data-code='9901']")).to_have_attribute("data-status", "alarm")
    expect(wide.locator("[data-wall-map] path[data-code='9902']")).to_have_attribute("data-status", "normal")
    assert wide.evaluate("window.notReloaded")


# ── the loud wall ───────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="module")
def loud(live_module: LiveServer) -> LiveServer:
    disaster(live_module)
    return live_module


@pytest.mark.parametrize("code", ["9901", "9901-1", "9901-1-1", "9901-1-1-1"])
def test_every_tier_has_a_wall(wide, loud: LiveServer, code: str) -> None:
    opened(wide, loud, f"/wall/{code}")
    for size in SIZES.values():
        wide.set_viewport_size({"width": size[0], "height": size[1]})
        wide.wait_for_timeout(200)
        assert faults(wide) == []


def test_a_finer_screen_is_the_same_picture(chromium, wide, loud: LiveServer) -> None:
    coarse = opened(wide, loud).evaluate(BOXES)
    fine = chromium.new_context(viewport={"width": 7680, "height": 2160})
    finer = opened(fine.new_page(), loud).evaluate(BOXES)
    fine.close()
    assert max(abs(one - other) for one, other in zip(finer, coarse, strict=True)) <= 2


def test_a_smaller_hall_drops_rows_and_keeps_its_type_until_it_is_too_small(wide, loud: LiveServer) -> None:
    high = 320 * 0.0254 / (1 + (3840 / 1080) ** 2) ** 0.5
    rows = ".w-ledger > li:visible"
    opened(wide, loud)
    assert wide.evaluate(MINUTES, [8, high]) >= 16
    before = wide.locator(rows).count()
    opened(wide, loud, "/wall/99?dist=11")
    assert wide.evaluate(MINUTES, [11, high]) >= 15.99
    assert wide.locator(rows).count() <= before
    assert faults(wide) == []
    wide.goto(f"{loud.url}/wall/99?dist=30")
    expect(wide.locator(".w-too-small")).to_be_visible(timeout=20_000)


def test_an_old_picture_stays_says_since_when_and_its_clock_goes_on(wide, loud: LiveServer) -> None:
    opened(wide, loud)
    with frozen(*web_processes(loud)):
        wide.wait_for_selector("html[data-dim]", state="attached", timeout=8_000)
        expect(wide.locator(".w-band b")).to_contain_text("画面停在", timeout=2_000)
        expect(wide.locator(".w-abnormal [data-id=W2] .w-v")).to_contain_text("30")
        clock = wide.locator("[data-format=now]").first
        before = clock.inner_text()
        expect(clock).not_to_have_text(before, timeout=3_000)
        assert wide.evaluate("getComputedStyle(document.querySelector('.w-ledger')).opacity") == "0.74"
        for size in SIZES.values():
            wide.set_viewport_size({"width": size[0], "height": size[1]})
            wide.wait_for_timeout(200)
            assert faults(wide) == []
    wide.wait_for_selector(LIVE, state="attached", timeout=20_000)


def web_processes(server: LiveServer) -> list[int]:
    own = psutil.Process(server.web.pid)
    return [one.pid for one in (own, *own.children())]


def test_nothing_on_a_wall_moves_by_itself(wide, loud: LiveServer) -> None:
    opened(wide, loud)
    assert wide.evaluate("document.getAnimations().length") == 0
