"""When does the worker prove the whole database, and what does the page of sources say of it?"""

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from data import db, live
from data.commands import verify
from data.domain.proof import Break, Proof, Verdict
from data.domain.quiet import is_due
from data.live import Ask, Subject
from data.store import verifications
from data.store import verify as verifying
from data.work import apart, nightly, worker

ZONE = "Asia/Shanghai"
MIDNIGHT = datetime(2024, 3, 4, 16, tzinfo=UTC)  # in Shanghai
SOUND = Verdict(datetime.now(UTC), 1.5, False, [Proof("I3", {"events": 3})])
BROKEN = Verdict(
    datetime.now(UTC), 61.0, False,
    [Proof("I3", {"events": 3}), Proof("I7", {}, [Break("line", 2, ["a", "b"]), Break("stored", 1, ["c"])])],
)  # fmt: skip


@pytest.mark.parametrize(
    "hour, last, due",
    [
        (3.6, -20, True),
        (3.6, 3.55, False),  # this very night
        (3.4, -20, False),
        (5.1, -18, False),
        (12, -13, True),  # longer than a day ago
        (12, None, True),
        (27.6, 3.55, True),
    ],
)
def test_it_is_due_once_a_night_in_the_quiet_hours_or_after_a_day(
    hour: float, last: float | None, due: bool
) -> None:
    at = None if last is None else MIDNIGHT + timedelta(hours=last)
    assert is_due(MIDNIGHT + timedelta(hours=hour), at, ZONE) is due


def test_the_leader_sees_to_it() -> None:
    assert worker.duties_of_a_leader()["verify"] is nightly.keep


def results() -> int:
    with db.read() as conn:
        row = conn.execute("SELECT count(*) AS n FROM verification").fetchone()
    assert row is not None
    return int(row["n"])


def test_a_city_that_never_was_verified_is_soon_but_not_at_once(
    fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly, "EVERY", 0.1)
    stop = Event()
    keeper = Thread(target=nightly.keep, args=(stop, lambda: None), kwargs={"beginning": 1.0})
    keeper.start()
    time.sleep(0.5)
    assert results() == 0
    deadline = time.monotonic() + 30
    while not results():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    stop.set()
    keeper.join()
    assert results() == 1
    with db.read() as conn:
        last = verifications.last(conn)
    assert last is not None and last["ok"] and not last["deep"]


@pytest.mark.parametrize(
    "code, pause",
    [(nightly.Outcome.LEFT, nightly.LATER), (nightly.Outcome.NONE, nightly.AGAIN), (-9, nightly.AGAIN)],
)
def test_after_a_run_without_a_result_it_waits_before_another_process_begins(
    fresh: str, monkeypatch: pytest.MonkeyPatch, code: int, pause: float
) -> None:
    began, stop = [], Event()
    monkeypatch.setattr(nightly, "EVERY", 0.0)
    monkeypatch.setattr(nightly.apart, "run", lambda *given: began.append(clock[0]) or code)
    clock = [0.0]
    monkeypatch.setattr(nightly.time, "monotonic", lambda: clock[0])

    def turned() -> None:
        clock[0] += 50.0
        if clock[0] > 2 * pause:
            stop.set()

    nightly.keep(stop, turned, beginning=0.0)
    assert began[1] - began[0] == pause


def test_who_finds_somebody_else_verifying_leaves_it_to_him(fresh: str) -> None:
    with verifying.moment(wait=True):
        assert nightly.run() is nightly.Outcome.LEFT
    assert results() == 0
    assert nightly.run() is nightly.Outcome.STANDS
    assert results() == 1


# ── in a process of its own ─────────────────────────────────────────────────────────────────────
def test_a_process_answers_its_exit_code_and_ends_with_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit(3)")
    (tmp_path / "stays.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(apart, "ROOT", tmp_path)
    turns: list[int] = []
    assert apart.run("ends", Event(), lambda: turns.append(1)) == 3
    assert turns
    stop = Event()
    assert apart.run("stays", stop, stop.set) == -signal.SIGTERM


# ── the tile ────────────────────────────────────────────────────────────────────────────────────
def shown(lang: str = "zh") -> list[dict[str, object]]:
    return live.page("sources").state(Subject("", "99/"), Ask("guest", lang))["rows.verified"]


def test_the_state_says_what_was_found_last(fresh: str, flask_app: object) -> None:
    assert shown() == []
    verify.keep(SOUND)
    assert shown() == [
        {"id": "last", "at": SOUND.at, "seconds": 1.5, "deep": False, "ok": True, "broken": []}
    ]
    verify.keep(BROKEN)
    (row,) = shown()
    assert (row["ok"], row["broken"]) == (False, [{"invariant": "I7", "n": 3}])
