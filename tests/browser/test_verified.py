"""Does an open page of sources show what the last verification found, in all three of its states?"""

import pytest

from data.commands import verify
from tests.browser.looking import LIVE, faults, hanzi
from tests.conftest import LiveServer
from tests.test_verify_nightly import BROKEN, SOUND

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "lang, words",
    [
        ("zh", ("未校验", "无误", "有误", "台账平衡 3 处")),
        ("en", ("Not verified", "Sound", "Broken", "ledger balance: 3")),
    ],
)
def test_the_tile_follows_without_a_reload(
    page, live_server: LiveServer, lang: str, words: tuple[str, ...]
) -> None:
    never, sound, broken, what = words
    page.goto(f"{live_server.url}/sources?lang={lang}")
    page.wait_for_selector(LIVE, state="attached", timeout=20_000)
    tile = page.locator(".kpi.verified")
    expect(tile.locator(".empty")).to_have_text(never)
    verify.keep(SOUND)
    expect(tile.locator("b")).to_have_text(sound, timeout=5_000)
    assert tile.locator(".late").count() == 0
    verify.keep(BROKEN)
    expect(tile.locator("b.late")).to_have_text(broken, timeout=5_000)
    expect(tile.locator("ul.late")).to_have_text(what)
    assert tile.locator("b .mk-red").count() == 1
    for width in (1440, 1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert faults(page) == []
    if lang == "en":
        assert hanzi(page) == []
