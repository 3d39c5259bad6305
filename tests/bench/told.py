"""What did the bench find, as a table for people and as data?"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"

Kept = dict[str, dict[str, Any]]
"""By part: when, on what, and its rows."""


@dataclass(frozen=True)
class Row:
    """`goal` None: told, not judged. A figure above its goal misses it, with `least` one below."""

    part: str
    what: str
    figure: float
    unit: str
    goal: float | None = None
    least: bool = False
    more: str = ""
    clean: bool = True

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.figure >= self.goal if self.least else self.figure <= self.goal

    def said(self) -> str:
        return f"{_short(self.figure)} {self.unit}".strip()

    def wanted(self) -> str:
        return (
            "–"
            if self.goal is None
            else f"{'≥' if self.least else '≤'} {_short(self.goal)} {self.unit}".strip()
        )

    def verdict(self) -> str:
        if self.met is None:
            return ""
        words = (
            "met"
            if self.met
            else f"MISSED by {_short(abs(self.figure - (self.goal or 0)))} {self.unit}".strip()
        )
        return words if self.clean else f"{words} (machine not quiet)"


def _short(value: float) -> str:
    if value != value:
        return "none"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> str:
    """In words, without names."""
    memory = round(psutil.virtual_memory().total / 2**30)
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()).split(" (")[0]
    system = system.replace("GNU/Linux ", "")
    return f"{os.cpu_count()} shared cores, {memory} GB, {system}, Python {platform.python_version()}"


def markdown(kept: Kept) -> str:
    """Of every part the newest run."""
    lines = []
    for name, part in kept.items():
        lines += [
            f"**{name}**, {part['at'][:10]}, {part['machine']}; everything shares them:",
            "",
            "| what | figure | goal | | how |",
            "|---|---|---|---|---|",
        ]
        for row in (Row(**one) for one in part["rows"]):
            cells = (row.what, row.said(), row.wanted(), row.verdict(), row.more)
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def table(rows: Sequence[Row]) -> str:
    cells = [(row.part, row.what, row.said(), row.wanted(), row.verdict(), row.more) for row in rows]
    widths = [max(len(line[n]) for line in cells) for n in range(5)] if cells else []
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[5]]).rstrip()
        for line in cells
    )


def keep(folder: Path, part: str, rows: Sequence[Row]) -> None:
    """Beside the other parts, in place of this one's last run."""
    found = kept(folder)
    found[part] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(found, ensure_ascii=False, indent=1)
    (folder / "bench.json").write_text(f"{text}\n", encoding="utf-8")
    (folder / "bench.md").write_text(markdown(found), encoding="utf-8")


def kept(folder: Path) -> Kept:
    try:
        found: Kept = json.loads((folder / "bench.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def into(readme: Path, text: str) -> None:
    """Between its two marks."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    assert mark, f"{readme.name} lacks {BEGIN} … {END}"
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
