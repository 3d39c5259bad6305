"""Do writers who meet at one parent lose nothing, and does a fold that is killed come to the same end?"""

import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data import db
from data.commands import readings
from data.work import fold
from tests.test_fold import NOW, SERIES, a_reading, wrong

STREETS = [f"A{number}" for number in range(1, 9)]
ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("rounds", [15, pytest.param(150, marks=pytest.mark.slow)])
def test_eight_streets_of_one_district_post_at_once(folder_conn: db.Conn, rounds: int) -> None:
    """Two folding processes run all the while: whoever recomputes a parent must see all its children."""
    stop = threading.Event()
    lanes = [
        threading.Thread(target=keep, args=(stop, lambda: None))
        for keep in (fold.keep_fast, fold.keep_slow, fold.keep_fast, fold.keep_slow)
    ]
    for lane in lanes:
        lane.start()
    try:
        wrongs = [_round(folder_conn, number) for number in range(rounds)]
    finally:
        stop.set()
        for lane in lanes:
            lane.join()
    assert [one for one in wrongs if one] == []
    assert wrong(folder_conn) == []


def _round(conn: db.Conn, number: int) -> str | None:
    barrier = threading.Barrier(len(STREETS))
    at = NOW - timedelta(minutes=10) + timedelta(seconds=number)

    def write(value: int, street: str) -> None:
        barrier.wait()
        readings.post(
            [{"sign": "BARRIER", "place": street, "at": at, "value": value}], feed=street, patience=5
        )

    writers = [threading.Thread(target=write, args=(number + n, street)) for n, street in enumerate(STREETS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    row = conn.execute(
        "SELECT value FROM latest JOIN node USING (id) WHERE sign = 'BARRIER' AND place = 'A'"
    ).fetchone()
    whole = 8 * number + 28
    return None if row == {"value": whole} else f"round {number}: {row}, not {whole}"


WORKER = """
from data.work import worker
work = worker.work
def told(stop):  # from here on it has learnt to end politely
    print("it works", flush=True)
    work(stop)
worker.work = told
worker.run()
"""


def _worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, stdout=subprocess.PIPE)


def _end(worker: subprocess.Popen[bytes]) -> int:
    assert worker.stdout is not None
    with worker.stdout as said:
        assert said.readline() == b"it works\n"
        worker.terminate()
        return worker.wait(10)


def test_workers_killed_in_the_middle_lose_and_double_nothing(folder_conn: db.Conn) -> None:
    rows = [
        a_reading(sign, place, minutes=minutes, value=(minutes * 13 + n) % 97)
        for minutes in range(1, 60) for n, (sign, place) in enumerate(SERIES)
    ]  # fmt: skip
    workers = [_worker(), _worker()]
    try:
        for start in range(0, len(rows), 900):
            readings.post(rows[start : start + 900], patience=0)
            time.sleep(0.25)
            workers.append(_kill(workers.pop(0)))
        _until_folded(folder_conn)
    finally:
        ends = [_end(worker) for worker in workers]
    assert ends == [0, 0]
    assert wrong(folder_conn) == []
    count = folder_conn.execute("SELECT count(*) AS n FROM reading").fetchone()
    assert count == {"n": len(rows)}


def _kill(worker: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
    _kill_only(worker)
    return _worker()


def _until_folded(conn: db.Conn) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        row = conn.execute("SELECT count(*) AS n FROM inbox").fetchone()
        if row == {"n": 0}:
            return
        time.sleep(0.2)
    raise AssertionError("the inbox did not empty")


def test_only_one_of_two_workers_leads_and_the_other_takes_over(folder_conn: db.Conn) -> None:
    first = _worker()
    _beats_after(folder_conn, datetime.now(UTC))
    second = _worker()
    try:
        time.sleep(1.5)
        assert _leaders(folder_conn) == 1
        _kill_only(first)
        _beats_after(folder_conn, datetime.now(UTC))
        assert _leaders(folder_conn) == 1
        started = time.monotonic()
        assert _end(second) == 0
        assert time.monotonic() - started < 5
    finally:
        for worker in (first, second):
            _kill_only(worker)


def _kill_only(worker: subprocess.Popen[bytes]) -> None:
    assert worker.stdout is not None
    worker.kill()
    worker.wait()
    worker.stdout.close()


def _leaders(conn: db.Conn) -> int:
    row = conn.execute(
        "SELECT count(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        "   AND d.datname = current_database() WHERE locktype = 'advisory' AND classid = 80 AND granted"
    ).fetchone()
    assert row is not None
    return int(row["n"])


def _beats_after(conn: db.Conn, at: datetime) -> None:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        row = conn.execute("SELECT at FROM beat WHERE process = 'worker'").fetchone()
        if row and row["at"] > at:
            return
        time.sleep(0.1)
    raise AssertionError("no worker beats")


def test_the_worker_hears_a_reading_and_tells_the_place(folder_conn: db.Conn) -> None:
    worker = _worker()
    try:
        _beats_after(folder_conn, datetime.now(UTC) - timedelta(seconds=5))
        with closing(db.listen()) as ear:
            readings.post([a_reading("BARRIER", "A1", value=7)])
            notes = list(ear.notifies(timeout=3, stop_after=1))
        assert [json.loads(note.payload)["paths"] for note in notes] == [["C/A/A1/"]]
    finally:
        assert _end(worker) == 0
