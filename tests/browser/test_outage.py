"""Do open screens outlive the database, and say so?"""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data import embedded
from tests.browser.looking import LIVE
from tests.conftest import CITY, LiveServer, environment, running

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser

DOWN = "html[data-dim][data-live=down]"
PROMISE = 8  # seconds in which an old picture is dimmed
NUMBER = {"/overview/99": ".worst [data-id=W2]", "/wall/99": ".w-abnormal [data-id=W2] .w-v"}
SINCE = {"/overview/99": "[data-connection] .as-of", "/wall/99": ".w-band b"}


@dataclass
class City:
    """A server with a database of its own, to be stopped."""

    home: Path
    database: embedded.Server
    server: LiveServer

    def stop(self) -> None:
        embedded.stop(self.database)
        assert embedded.running(self.home) is None

    def start(self) -> None:
        self.database = embedded.start(self.home)

    def flood(self, depth: float) -> None:
        self.server.post_reading(sign="W2", asset="flood-1", at=datetime.now(UTC).isoformat(), value=depth)


@pytest.fixture
def city(home: Path, tmp_path: Path) -> Iterator[City]:
    """As on a machine of its own: the database lies in the home."""
    from data.commands import city as commands

    with environment(CITYOPS_HOME=str(tmp_path / "home"), CITYOPS_DSN=None, CITYOPS_OWNER_DSN=None):
        database = embedded.start(tmp_path / "home")
        list(commands.init(CITY))
        with running(tmp_path / "home") as server:
            found = City(tmp_path / "home", database, server)
            yield found
        embedded.stop(found.database)
        shutil.rmtree(database.directory.parent, ignore_errors=True)


def opened(chromium, city: City, path: str) -> Any:
    size = {"width": 1920, "height": 1080} if path.startswith("/wall") else {"width": 1440, "height": 900}
    page = chromium.new_context(locale="zh-CN", viewport=size).new_page()
    page.goto(f"{city.server.url}{path}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    expect(page.locator(NUMBER[path])).to_contain_text("30", timeout=15_000)
    page.evaluate("window.notReloaded = true")
    return page


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_a_stopped_database_dims_every_screen_blanks_none_and_all_returns(chromium, city: City) -> None:
    city.flood(30)
    pages = {path: opened(chromium, city, path) for path in NUMBER}
    whole = {path: len(page.locator("main").inner_text()) for path, page in pages.items()}
    city.stop()
    begun = time.monotonic()
    for path, page in pages.items():
        page.wait_for_selector(DOWN, state="attached", timeout=2_000 * PROMISE)
        expect(page.locator(SINCE[path])).to_have_text(re.compile(r"(数据截至|画面停在) \d\d:\d\d:\d\d"))
    while time.monotonic() - begun < 60:
        for path, page in pages.items():
            assert page.locator(DOWN).count() == 1
            assert len(page.locator("main").inner_text()) >= 0.9 * whole[path]
            expect(page.locator(NUMBER[path])).to_contain_text("30")
        time.sleep(0.5)
    city.start()
    for page in pages.values():
        page.wait_for_selector(LIVE, state="attached", timeout=40_000)
    city.flood(33)
    for path, page in pages.items():
        expect(page.locator(NUMBER[path])).to_contain_text("33", timeout=30_000)
        assert page.evaluate("window.notReloaded")
        page.context.close()
