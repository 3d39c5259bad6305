"""When do the pixels of a wall change? A real Chromium of 3840×1080."""

from pathlib import Path
from typing import Any

import psutil

LIVE = "html[data-live='live']"
OPEN = "b[data-key='text.open']"

# Notes when `read()` has come to say something else, at the second frame after the page changed.
PROBE = """([read]) => {
  const value = new Function(`return ${read}`);
  window.bench = [];
  let last = value();
  new MutationObserver(() => {
    const now = value();
    if (now === last) return;
    last = now;
    const note = () => window.bench.push([now, performance.timeOrigin + performance.now()]);
    requestAnimationFrame(() => requestAnimationFrame(note));
  }).observe(document.body, { childList: true, characterData: true, subtree: true });
  return last;
}"""
READ_OPEN = rf'Number(document.querySelector("{OPEN}").textContent.replace(/\D/g, ""))'


class Wall:
    """One wall in a window of its own: nothing of an earlier one is kept."""

    def __init__(self, browser: Any, url: str, *, width: int = 3840, height: int = 1080) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
        self.page = self.context.new_page()
        self._url = url

    def open(self, path: str) -> "Wall":
        self.page.goto(f"{self._url}{path}", wait_until="commit")
        self.page.wait_for_selector(LIVE, state="attached", timeout=60_000)
        self.page.wait_for_selector(OPEN, timeout=60_000)
        return self

    def close(self) -> None:
        self.context.close()

    def watch(self, read: str = READ_OPEN) -> Any:
        return self.page.evaluate(PROBE, [read])

    def seen(self) -> list[tuple[Any, float]]:
        """Values and Unix seconds since the last time it was asked."""
        found = self.page.evaluate("window.bench.splice(0)")
        return [(value, at / 1000) for value, at in found]

    def until(self, read: str, seconds: float = 10) -> None:
        self.page.wait_for_function(read, timeout=seconds * 1000)


class Renderer:
    """The process that draws a page: its private memory, and how long it has worked."""

    def __init__(self, wall: Wall) -> None:
        self._session = wall.context.new_cdp_session(wall.page)
        self._session.send("Performance.enable")
        self.pid = self._pid(wall)

    def _pid(self, wall: Wall) -> int:
        """The one that has worked most since: the page's own."""
        before = {pid: _cpu(pid) for pid in _renderers()}
        wall.page.evaluate("() => { const t = performance.now(); while (performance.now() - t < 300); }")
        return max(before, key=lambda pid: _cpu(pid) - before[pid])

    def private_mb(self) -> float:
        self._session.send("HeapProfiler.collectGarbage")
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        lines = [line for line in text.splitlines() if line.startswith("Private_")]
        return sum(int(line.split()[1]) for line in lines) / 1024

    def worked(self) -> float:
        """Seconds of the page's main thread."""
        found = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in found if one["name"] == "TaskDuration")


def _renderers() -> list[int]:
    """Among this process's own; a renderer's command line is one word."""
    return [
        process.pid
        for process in psutil.Process().children(recursive=True)
        if b"--type=renderer" in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    ]


def _cpu(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except OSError:
        return 0.0
