"""What does a run say at its end: what ran by kind, what was measured, what did not run and why?"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

FOLDERS = {
    "tests/browser/": "browser",
    "tests/faults/": "faults",
    "tests/simulation/": "simulation",
    "tests/bench/": "benchmark",
}
FIXTURES = {"chromium": "browser", "real_data": "recorded data", "postgres": "database"}
RULES = "rules"
KINDS = (RULES, "database", "API", "recorded data", "browser", "simulation", "faults", "benchmark")
LATER = {"slow": "left for make faults"}
LEFT_OUT = pytest.StashKey[Counter[str]]()


@dataclass
class Line:
    """One kind's row of the table."""

    passed: int = 0
    failed: int = 0
    seconds: float = 0.0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def cells(self) -> tuple[str, ...]:
        return f"{self.passed:,}", f"{self.failed:,}", f"{self.left.total():,}", f"{self.seconds:,.0f}"


def kind(item: pytest.Item) -> str:
    """By its folder, else by the strongest thing it stands on."""
    for folder, name in FOLDERS.items():
        if item.nodeid.startswith(folder):
            return name
    stands_on = [name for fixture, name in FIXTURES.items() if fixture in getattr(item, "fixturenames", ())]
    if item.nodeid.startswith("tests/api/"):
        return "API"
    return stands_on[0] if stands_on else RULES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties.append(("kind", kind(item)))


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        why = next((words for mark, words in LATER.items() if item.get_closest_marker(mark)), "not asked for")
        item.config.stash.setdefault(LEFT_OUT, Counter())[f"{kind(item)}\t{why}"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes passes on to the one that speaks."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = dict(session.config.stash.get(LEFT_OUT, Counter()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Every process collects the same: the greatest is the whole."""
    node.config.stash.setdefault(LEFT_OUT, Counter())
    node.config.stash[LEFT_OUT] |= Counter(getattr(node, "workeroutput", {}).get("left out", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name, value, test in _measured(terminalreporter):
        terminalreporter.write_line(f"measured: {name}: {value} ({test})")
    lines = _lines(terminalreporter, config.stash.get(LEFT_OUT, Counter()))
    if not any(line.passed + line.failed for line in lines.values()):
        return
    terminalreporter.section("what ran, by kind")
    for row in _table(lines):
        terminalreporter.write_line(row)
    for name, line in lines.items():
        for why, count in line.left.most_common():
            terminalreporter.write_line(f"NOT RUN: {count:,} × {name}: {why}")


def _measured(reporter: Any) -> list[tuple[str, object, str]]:
    return [
        (name, value, report.nodeid)
        for report in reporter.getreports("passed") + reporter.getreports("failed")
        if report.when == "call"
        for name, value in getattr(report, "user_properties", [])
        if name != "kind"
    ]


def _lines(reporter: Any, left_out: Counter[str]) -> dict[str, Line]:
    lines: dict[str, Line] = defaultdict(Line)
    for outcome in ("passed", "failed", "error", "skipped", ""):
        for report in reporter.getreports(outcome):
            if hasattr(report, "duration"):
                _count(lines[_kind_of(report)], report, outcome)
    for what, count in left_out.items():
        name, _, why = what.partition("\t")
        lines[name].left[why] += count
    return {name: lines[name] for name in KINDS if name in lines}


def _kind_of(report: Any) -> str:
    return dict(getattr(report, "user_properties", [])).get("kind", RULES)


def _count(line: Line, report: Any, outcome: str) -> None:
    line.seconds += report.duration
    line.passed += outcome == "passed" and report.when == "call"
    line.failed += outcome in ("failed", "error")
    if outcome == "skipped":
        line.left[_reason(report)] += 1


def _reason(report: Any) -> str:
    words = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return words.removeprefix("Skipped: ").removeprefix("NOT RUN: ")


def _table(lines: dict[str, Line]) -> list[str]:
    """Markdown, so that the README can carry it."""
    whole = Line()
    for line in lines.values():
        whole.passed, whole.failed = whole.passed + line.passed, whole.failed + line.failed
        whole.seconds, whole.left = whole.seconds + line.seconds, whole.left + line.left
    rows = [("kind", "passed", "failed", "not run", "seconds of a core"), ("---", *["--:"] * 4)]
    rows += [(name, *line.cells) for name, line in lines.items()]
    rows.append(("together", *whole.cells))
    return [f"| {' | '.join(row)} |" for row in rows]
