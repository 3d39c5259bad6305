"""Do fifty screens and a wall outlive a cut of the web server and of the database, and say so in time?"""

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from data import embedded
from tests.browser.looking import LIVE
from tests.conftest import environment
from tests.faults.house import House
from tests.faults.invariants import proven
from tests.faults.proxy import Proxy
from tests.faults.screens import Screens, addresses, never_back, peak
from tests.tiny import file_case
from tests.waiting import until

pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PEOPLE = 50
STALE = 8  # seconds within which an old picture says so
BACK = 30  # … within which all are back
CROWD = 20  # reconnects a second
WHITE = 60  # mean of 255; the dark skin lies at 30
BRIGHTNESS = """async (jpeg) => {
  const bytes = Uint8Array.from(atob(jpeg), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const paper = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  paper.drawImage(picture, 0, 0);
  const { data } = paper.getImageData(0, 0, picture.width, picture.height);
  let sum = 0, drawn = 0;
  for (let at = 0; at < data.length; at += 4) {
    const light = (data[at] + data[at + 1] + data[at + 2]) / 3;
    sum += light;
    drawn += light > 45;
  }
  return [sum / (data.length / 4), drawn / (data.length / 4)];
}"""


@dataclass
class Wall:
    """A real one, every frame of which is kept."""

    page: Any
    judge: Any
    frames: list[str] = field(default_factory=list)
    films: bool = True

    @property
    def is_live(self) -> bool:
        return bool(self.page.locator(LIVE).count())

    @property
    def is_dim(self) -> bool:
        return bool(self.page.locator("html[data-dim]").count())

    def film(self) -> None:
        tape = self.page.context.new_cdp_session(self.page)
        tape.on("Page.screencastFrame", lambda frame: self._keep(tape, frame))
        tape.send(
            "Page.startScreencast", {"format": "jpeg", "quality": 60, "maxWidth": 480, "maxHeight": 270}
        )

    def _keep(self, tape: Any, frame: dict[str, Any]) -> None:
        self.frames.append(frame["data"])
        if self.films:
            tape.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    def look(self) -> None:
        shot = self.page.screenshot(type="jpeg", quality=60, scale="css")
        self.frames.append(base64.b64encode(shot).decode())

    def pictures(self) -> list[tuple[float, float]]:
        """Of each frame: its mean brightness, and the part that is drawn upon."""
        return [tuple(self.judge.evaluate(BRIGHTNESS, frame)) for frame in self.frames]


@contextmanager
def wall(chromium: Any, url: str) -> Iterator[Wall]:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1920, "height": 1080})
    seen = Wall(context.new_page(), context.new_page())
    seen.page.goto(f"{url}/wall/99")
    seen.page.bring_to_front()
    seen.page.wait_for_selector(LIVE, state="attached", timeout=30_000)
    seen.page.evaluate("window.notReloaded = true")
    seen.film()
    yield seen
    seen.films = False
    context.close()


@pytest.fixture
def database(home: Path, tmp_path: Path) -> Iterator[Proxy]:
    """The way to a database that keeps what it acknowledges; the way can be cut."""
    with environment(CITYOPS_HOME=str(tmp_path / "database"), CITYOPS_DSN=None, CITYOPS_OWNER_DSN=None):
        server = embedded.start(tmp_path / "database")
    with Proxy(f"{server.socket}/.s.PGSQL.5432") as proxy:
        yield proxy
    embedded.stop(server)
    shutil.rmtree(server.directory.parent, ignore_errors=True)


def until_dim(screens: Screens, wall: Wall) -> float:
    old = lambda: screens.are("silent", "down") and wall.is_dim  # noqa: E731
    return until(old, 2 * STALE, "every screen says that its picture is old")


def outage(
    screens: Screens, wall: Wall, cut: Callable[[], None], mend: Callable[[], None], seconds: int
) -> str:
    """Cuts, looks on for so long, mends; what it took, in words."""
    cut()
    begun, reconnects = time.monotonic(), len(screens.reconnects)
    stale = until_dim(screens, wall)
    while time.monotonic() - begun < seconds:
        wall.page.wait_for_timeout(1_000)
        wall.look()
        assert wall.is_dim and screens.are("silent", "down")
    tried = peak(at for at in screens.tries if at > begun)
    mend()
    back = until(lambda: screens.are("live") and wall.is_live, 2 * BACK, "every screen is back")
    again = screens.reconnects[reconnects:]
    assert peak(again) <= 2 * CROWD
    return (
        f"stale after {stale:.1f} s, all back after {back:.1f} s; {len(again)} reconnects,"
        f" {peak(again)} in the busiest second, {tried} tries in the busiest second of the cut"
    )


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    "seconds", [10, pytest.param(60, marks=pytest.mark.slow), pytest.param(600, marks=pytest.mark.slow)]
)
def test_fifty_screens_and_a_wall_outlive_a_cut_of_the_server_and_of_the_database(
    chromium: Any, make_house: Callable[..., House], database: Proxy, seconds: int,
    record_property: Callable[[str, str], None],
) -> None:  # fmt: skip
    where = f"127.0.0.1:{database.port}/cityops"
    house = make_house(
        CITYOPS_DSN=f"postgresql://cityops_app@{where}",
        CITYOPS_OWNER_DSN=f"postgresql://cityops_owner@{where}",
    )
    with (
        Proxy(("127.0.0.1", house.port)) as web,
        Screens(f"http://127.0.0.1:{web.port}", addresses(PEOPLE), watched="text.open") as screens,
        wall(chromium, f"http://127.0.0.1:{web.port}") as seen,
    ):
        until(lambda: screens.are("live"), 30, "all look on")
        file_case(house, "before")
        cuts = {"web": (web.refuse, web.pass_on), "database": (database.refuse, database.pass_on)}
        for name, (cut, mend) in cuts.items():
            record_property(f"cut of the {name} for {seconds} s", outage(screens, seen, cut, mend, seconds))
            file_case(house, f"after the cut of the {name}")
            number = int(house.get("state/overview/99").json()["state"]["text.open"])
            shown = lambda: {state["text.open"] for state in screens.states()} == {number}  # noqa: B023, E731
            until(shown, 20, "all show what came afterwards")
        assert seen.page.evaluate("window.notReloaded")
        assert never_back(screens) == []
        not_white(seen, record_property)
        proven(house, screens=screens)


def not_white(seen: Wall, record_property: Callable[[str, str], None]) -> None:
    """In no frame, from before the cut to after it."""
    pictures = seen.pictures()
    light, drawn = max(one for one, _ in pictures), min(part for _, part in pictures)
    said = f"{len(pictures)}: brightest {light:.0f} of 255, emptiest {drawn:.1%} drawn on"
    record_property("frames of the wall", f"{said}, the first {pictures[0][1]:.1%}")
    assert light < WHITE
    assert drawn > 0.5 * pictures[0][1]
