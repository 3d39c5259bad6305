"""Is there one clock, the database's, and does time on a screen never go back?"""

import ast
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from data import db, live
from data.live import clock
from tests.test_architecture import modules

WALL = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
    "time.localtime", "time.gmtime", "time.strftime", "time.ctime",
}  # fmt: skip
MAY = {
    "data.live.clock",  # what is shown before the database has spoken
    "data.cache",  # how old a file of this machine is
}
START = datetime(2026, 1, 1, tzinfo=UTC)


def looks_at_the_wall(source: str) -> set[str]:
    """Calls, and words like `gmtime` that are imported by themselves."""
    tree = ast.parse(source)
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }  # fmt: skip
    whole = {name.removeprefix("datetime.") if name.count(".") == 2 else name for name in named | imported}
    return whole & WALL


def test_nobody_asks_this_machine_what_time_it_is() -> None:
    found = {name: looked for name, source in modules() if (looked := looks_at_the_wall(source))}
    assert {name: looked for name, looked in found.items() if name not in MAY} == {}


@pytest.mark.parametrize("source", [
    "at = datetime.now(UTC)", "import datetime\nat = datetime.datetime.now()",
    "import time\nat = time.time()", "from time import time", "from time import gmtime", "at = date.today()",
])  # fmt: skip
def test_a_look_at_the_wall_is_caught(source: str) -> None:
    assert looks_at_the_wall(source)


def test_sql_asks_the_transactions_clock_alone() -> None:
    """Not the statement's, nor the moment's: all that is written together bears one time."""
    words = ("clock_timestamp", "statement_timestamp", "timeofday", "localtimestamp", "current_timestamp")
    found = {name: word for name, source in modules() for word in words if word in source.lower()}
    assert found == {}


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """[0]: what the monotonic clock says."""
    said = [1_000.0]
    monkeypatch.setattr(clock, "_heard", None)
    monkeypatch.setattr(clock, "monotonic", lambda: said[0])
    yield said


def test_time_goes_on_from_what_the_database_said(monotonic: list[float]) -> None:
    clock.hear(START)
    monotonic[0] += 2.5
    assert clock.now() == START + timedelta(seconds=2.5)


def test_a_late_word_of_the_database_turns_no_clock_back(monotonic: list[float]) -> None:
    clock.hear(START)
    seen = [clock.now()]
    for step in range(1, 400):
        monotonic[0] += 1.0
        late = 0.25 if step == 1 else 0.0
        clock.hear(START + timedelta(seconds=step - 0.2 - late))  # from then on the database is 0.2 s behind
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert abs(seen[-1] - (START + timedelta(seconds=399 - 0.2))) < timedelta(milliseconds=5)


def test_a_database_whose_clock_was_set_is_believed(monotonic: list[float]) -> None:
    clock.hear(START)
    clock.hear(START - timedelta(hours=2))
    assert clock.now() == START - timedelta(hours=2)


def test_screens_go_by_the_databases_clock(app_client, fresh: str) -> None:
    assert app_client.get("/api/v1/state/overview/99").status_code == 200
    with closing(db.connect()) as conn:
        row = conn.execute("SELECT now() AS at").fetchone()
    assert row is not None
    assert abs(live.now() - row["at"]) < timedelta(seconds=2)
    live.stop()
