"""Is every page legible, silent, complete and within reach, in both languages, both skins and every size?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from data import db
from data.store import sources
from tests.browser import looking
from tests.conftest import LiveServer

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

DESK = ((1440, 900), (1280, 720), (390, 844))
HALL = ((1920, 1080), (3840, 1080))
ADDRESSES = (
    "/overview/99", "/overview/9901-1-1-1", "/signs/99", "/signs/9901-1-1-1", "/sign/W1/9901-1",
    "/sign/W2/99", "/incidents/99", "/sources", "/wall/99",
)  # fmt: skip
OPENED = [(path, lang) for path in ADDRESSES for lang in ("zh", "en")]
DRAWN = {
    "overview": "[data-map] path[data-status]", "signs": ".signs li[data-id]",
    "sign": "#chart-series .main-svg", "incidents": ".cases .ag-center-cols-container .ag-row",
    "sources": "main [data-id]", "wall": "[data-wall-map] path[data-code]",
}  # fmt: skip
HREFS = "all => [...new Set(all.map((one) => new URL(one.getAttribute('href'), location).href))]"
SKIN = "(skin) => { document.documentElement.dataset.skin = skin; cityops.paintAll(); }"
BROKEN = "addEventListener('securitypolicyviolation', (e) => console.error('policy', e.violatedDirective))"


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def readings() -> list[dict[str, Any]]:
    """A warm, flooded city; one post is silent, one reading is old."""
    streets = ("9901-1", "9901-2", "9902-1")
    rows = [
        {"sign": "W1", "place": "9901-1", "at": ago(minutes=5 * n), "value": 36 - n / 9} for n in range(60)
    ]
    rows += [{"sign": "W1", "place": place, "at": ago(seconds=9), "value": 24} for place in streets[1:]]
    rows += [{"sign": "U1", "place": place, "at": ago(seconds=9), "value": 0.3} for place in streets]
    rows += [{"sign": "W2", "asset": f"flood-{n}", "at": ago(seconds=9), "value": 14 * n} for n in (1, 2)]
    rows += [{"sign": "P1", "place": "9901", "at": ago(seconds=9), "value": 1900}]
    return [*rows, {"sign": "W3", "asset": "air-1", "at": ago(hours=9), "value": 160}]


def cases() -> list[dict[str, Any]]:
    told = {"source": "test", "class": "E0506", "description": "knee-deep water"}
    places = ("9901-1-1-1", "9902-1-1-1", "9901-1-2")
    return [
        {**told, "source_id": f"case-{n}", "severity": severity, "place": places[n % 3], "at": ago(hours=n)}
        for n, severity in enumerate((1, 2, 3, 4, 4, None, None))
    ]


def stormy(conn: db.Conn) -> None:
    sources.know(conn, "weather", "government")
    conn.execute(
        """INSERT INTO decision (id, track, place, level, by, reason, source, valid)
           VALUES (gen_random_uuid(), 'flood', '99', 'III', 'HQ', 'r', 'weather', tstzrange(now(), NULL))"""
    )
    conn.execute(
        """INSERT INTO warning (id, kind, colour, path, issuer, source, valid)
           VALUES ('w1', 'rainstorm', 'orange', '99/', 'Weather Bureau', 'weather', tstzrange(now(), NULL))"""
    )


@pytest.fixture(scope="module")
def storm(live_module: LiveServer) -> LiveServer:
    live_module.post("readings", readings())
    for case in cases():
        live_module.post("incidents", case)
    with db.transaction() as conn:
        stormy(conn)
    return live_module


@dataclass
class Opened:
    """One page that stays open while it is looked at from all sides."""

    page: Any
    path: str
    lang: str
    url: str
    said: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.path.split("/")[1]

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        return HALL if self.name == "wall" else DESK

    def shown(self, skin: str, size: tuple[int, int]) -> None:
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        self.page.evaluate(SKIN, skin)
        self.page.wait_for_timeout(200)

    def listen(self) -> None:
        loud = ("error", "warning")
        self.page.on("console", lambda one: self.said.append(one.text) if one.type in loud else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        ours = (self.url, "data:", "blob:")
        self.page.on(
            "request", lambda one: None if one.url.startswith(ours) else self.foreign.append(one.url)
        )


@pytest.fixture(scope="module", params=OPENED, ids=lambda one: " ".join(one))
def opened(request: pytest.FixtureRequest, chromium, storm: LiveServer) -> Iterator[Opened]:
    path, lang = request.param
    context = chromium.new_context(locale="zh-CN")
    seen = Opened(context.new_page(), path, lang, storm.url)
    seen.page.add_init_script(BROKEN)
    seen.listen()
    width, height = seen.sizes[0]
    seen.page.set_viewport_size({"width": width, "height": height})
    seen.page.goto(f"{storm.url}{path}?lang={lang}")
    seen.page.wait_for_selector(looking.LIVE, state="attached", timeout=20_000)
    seen.page.wait_for_selector(DRAWN[seen.name], state="attached", timeout=20_000)
    seen.page.evaluate("document.fonts.ready")
    yield seen
    context.close()


def test_words_neither_overlap_nor_are_cut(opened: Opened) -> None:
    found = []
    for skin in ("dark", "light"):
        for size in opened.sizes:
            opened.shown(skin, size)
            found += [f"{skin} {size[0]}: {fault}" for fault in looking.faults(opened.page)]
    assert not found, "\n".join(found)


def test_axe_finds_nothing_serious(opened: Opened) -> None:
    opened.shown("dark" if opened.lang == "zh" else "light", opened.sizes[0])
    assert looking.serious(opened.page) == []


def test_the_keyboard_reaches_everything_and_shows_where_it_is(opened: Opened) -> None:
    if opened.lang == "en":
        return
    opened.shown("dark", opened.sizes[0])
    lost = looking.unreached(opened.page)
    assert not lost, "\n".join(lost)


def test_every_link_leads_somewhere(opened: Opened) -> None:
    links = opened.page.eval_on_selector_all("a[href]", HREFS)
    with requests.Session() as session:
        for link in links:
            with session.get(link.partition("#")[0], timeout=10, stream=True) as answer:
                assert answer.status_code < 400, link
    led = {urlsplit(link).path.split("/")[1] for link in links}
    assert opened.name == "wall" or led >= {"overview", "signs", "incidents", "sources", "wall"}
    assert opened.name != "signs" or "sign" in led


def test_english_is_english(opened: Opened) -> None:
    if opened.lang == "en":
        assert looking.hanzi(opened.page) == []


def test_a_page_says_nothing_to_the_console_and_asks_nobody_outside(opened: Opened) -> None:
    opened.page.wait_for_timeout(200)
    assert opened.said == []
    assert opened.foreign == []
