"""What is wrong with what a browser draws, and with what a keyboard reaches?"""

from pathlib import Path
from typing import Any

LIVE = "html[data-live=live]:not([data-dim])"
_WAYS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8").partition("\n")[2]


def _look(page: Any, way: str) -> Any:
    return page.evaluate(f"({_WAYS}).{way}()")


def faults(page: Any, patience: int = 8) -> list[str]:
    """Words that overlap, are cut or run out, on a wall are too small, once all has been drawn anew."""
    ways = ["words", "hall"] if page.locator(".w").count() else ["words"]
    found: list[str] = []
    for _ in range(patience):
        found = [fault for way in ways for fault in _look(page, way)]
        if not found:
            break
        page.wait_for_timeout(250)
    return found


def coloured(page: Any) -> list[str]:
    """What is drawn in a colour of the encoding."""
    found: list[str] = _look(page, "coloured")
    return found


def hanzi(page: Any) -> list[str]:
    """Words that are not English."""
    found: list[str] = _look(page, "hanzi")
    return found


def unreached(page: Any, most: int = 400) -> list[str]:
    """Presses Tab until the walk begins anew; what it did not come by, or did not show."""
    _look(page, "listen")
    for _ in range(most):
        page.keyboard.press("Tab")
        if _look(page, "round"):
            found: list[str] = _look(page, "unreached")
            return found
    return [f"Tab does not come round in {most} steps"]


def serious(page: Any) -> list[tuple[str, list[str]]]:
    """What axe finds that keeps somebody out."""
    from axe_core_python.sync_playwright import Axe

    found = Axe().run(page)["violations"]
    return [
        (one["id"], [node["html"][:160] for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
