"""How soon does a wall have its first picture, what does a refresh cost, and does it grow?"""

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import requests

from data.live.diff import between
from tests.bench.ingest import Feed
from tests.bench.rounds import run
from tests.bench.screen import OPEN, READ_OPEN, Renderer, Wall
from tests.bench.sent import Caller
from tests.bench.told import Row
from tests.bench.web import weight
from tests.conftest import LiveServer

AN_HOUR = 3_600  # refreshes of a wall that is refreshed every second
BLOCK = 50
WARM = 0.25  # of the refreshes, before the slope counts
FIRST = f"""() => {{
  const look = () => {{
    const leaf = document.querySelector("{OPEN}");
    if (!leaf || !/\\d/.test(leaf.textContent)) return requestAnimationFrame(look);
    requestAnimationFrame(() => requestAnimationFrame(() => (window.firstPicture = performance.now())));
  }};
  requestAnimationFrame(look);
}}"""
REFRESH = """async ([diffs, count]) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let n = 0; n < count; n++) {
    cityops.fold(diffs[n % diffs.length]);
    await frame();
    await frame();
  }
}"""


def measure(server: LiveServer, browser: Any, root: str, rounds: int, refreshes: int) -> list[Row]:
    address = f"/wall/{root}"
    done = run(lambda: {"first": _first_picture(server, browser, address)}, rounds)
    first = Row(
        "wall", "first picture, cold", done.median("first"), "s", 1.5, more=done.told(), clean=done.enough
    )
    return [first, *_refreshes(server, browser, root, rounds, refreshes)]


def _first_picture(server: LiveServer, browser: Any, address: str) -> float:
    """Seconds from the navigation to the second frame with figures; the browser's cache is empty."""
    wall = Wall(browser, server.url)
    wall.page.add_init_script(f"({FIRST})()")
    wall.open(address)
    wall.until("window.firstPicture")
    found = float(wall.page.evaluate("window.firstPicture")) / 1000
    wall.close()
    return found


def _refreshes(server: LiveServer, browser: Any, root: str, rounds: int, refreshes: int) -> list[Row]:
    wall = Wall(browser, server.url).open(f"/wall/{root}")
    wall.watch(READ_OPEN)
    diffs = _diffs(server, root)
    renderer = Renderer(wall)

    def once() -> dict[str, float]:
        before = renderer.worked()
        wall.page.evaluate(REFRESH, [diffs, BLOCK // 2])
        return {"worked": (renderer.worked() - before) / (BLOCK // 2) * 1000}

    done = run(once, rounds)
    sizes = []
    for _ in range(refreshes // BLOCK):
        wall.page.evaluate(REFRESH, [diffs, BLOCK])
        sizes.append(renderer.private_mb())
    wall.close()
    what = f"refresh of a 3840×1080 wall, {_leaves(diffs[0])} keys and rows: browser time"
    return [
        Row("wall", what, done.median("worked"), "ms", 200, more=done.told(), clean=done.enough),
        _slope(sizes, refreshes),
        Row("wall", "web server's memory", weight(server).memory, "MB"),
    ]


def _slope(sizes: list[float], refreshes: int) -> Row:
    steady = sizes[int(len(sizes) * WARM) :]
    slope = float(np.polyfit(range(len(steady)), steady, 1)[0]) if len(steady) > 1 else 0.0
    how = f"private memory {sizes[0]:.0f} → {sizes[-1]:.0f} MB over {refreshes:,} refreshes"
    return Row(
        "wall", "renderer's memory, one refresh a second", slope / BLOCK * AN_HOUR, "MB/h", 1, more=how
    )


def _diffs(server: LiveServer, root: str) -> list[dict[str, Any]]:
    """There and back between two states of the wall: before and after new cases and a reading a series."""
    before = _state(server, root)
    for _ in range(10):
        Caller.here().post(server, requests.Session())
    feed, now = Feed.here(), datetime.now(UTC)
    server.post("readings?source=bench", [feed.row(key, now) for key in feed.keys])
    time.sleep(2)
    after = _state(server, root)
    found = [between(before, after), between(after, before)]
    assert all(found), "nothing changed"
    return [one for one in found if one]


def _state(server: LiveServer, root: str) -> dict[str, Any]:
    answer = requests.get(f"{server.url}/api/v1/state/wall/{root}", timeout=30)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()["state"]
    return found


def _leaves(diff: dict[str, Any]) -> int:
    return len(diff["set"]) + sum(len(rows["put"]) for rows in diff["rows"].values())
