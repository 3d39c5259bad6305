"""What does a run say at its end: what was measured, and what was left out?"""

from typing import Any

import pytest

MOST = 100  # names that somebody reads
LEFT_OUT = pytest.StashKey[set[str]]()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        item.config.stash.setdefault(LEFT_OUT, set()).add(item.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes passes on to the one that speaks."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = sorted(session.config.stash.get(LEFT_OUT, set()))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash.setdefault(LEFT_OUT, set()).update(
        getattr(node, "workeroutput", {}).get("left out", ())
    )


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in getattr(report, "user_properties", []) if report.when == "call" else []:
            terminalreporter.write_line(f"measured: {name}: {value} ({report.nodeid})")
    left_out = config.stash.get(LEFT_OUT, set()) if config.option.markexpr else set()
    names = sorted(left_out) if len(left_out) <= MOST else [f"{len(left_out)} tests"]
    for name in names:
        terminalreporter.write_line(f"NOT RUN by -m {config.option.markexpr!r}: {name}")
