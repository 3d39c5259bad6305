"""Is a living city proven, in a storm and under all who write, and is nobody held back meanwhile?"""

import random
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest

from data import db
from data.commands import incidents, readings, verify
from data.domain.incident import Holder
from data.store import verify as store
from data.store.verify import signs
from data.work import fold, sweep
from tests.test_fold import NOW, SERIES, a_reading, post
from tests.test_incidents import HOUR
from tests.test_verify import a_random_life, broken, count


def test_an_hour_of_the_rainstorm_is_proven(fresh: str) -> None:
    """On 2020-07-06 in the afternoon, cases, warnings and all."""
    from data.work import simulate

    since = datetime(2020, 7, 6, 6, tzinfo=UTC)
    simulate.run("rainstorm", seed=7, since=since, until=since + HOUR)
    with closing(db.connect()) as conn:
        sweep.stale(conn)
        incidents.sweep_overdue()
    verdict = verify.prove()
    assert broken() == []
    assert count(verdict, "I6")["readings"] > 50 and count(verdict, "I3")["events"] > 0


AGO = [0.1, 2, 20, 70, 1500]


def _post(number: int) -> None:
    """New, late, equal and contradicting readings of whatever series."""
    chance = random.Random(number)
    rows = [
        a_reading(*chance.choice(SERIES), minutes=chance.choice(AGO) + number / 1e4, value=chance.random())
        for _ in range(40)
    ]  # fmt: skip
    post(rows + rows[:5])


def _load(number: int) -> None:
    rows = [
        a_reading(*SERIES[(number + n) % len(SERIES)], minutes=3000 + number + n, value=n) for n in range(60)
    ]
    readings.bulk(rows, feed="api", replace=number % 2 == 1)


def _take_over(number: int) -> None:
    new = f"B1{'xy'[number % 2]}"
    readings.post(
        [{"sign": "S04", "place": new, "at": NOW.isoformat(), "value": number}],
        feed=f"sim{number}",
        simulated=True,
        patience=0,
    )
    post([a_reading("S04", new, minutes=5, value=number)])


def _live(number: int) -> None:
    holders = [None, Holder("A", "water"), Holder("C")]
    life = a_random_life(number, random.Random(number), holders, place="A1x0")
    case = incidents.report(life.report)
    for move in life.moves:
        incidents.move(case["id"], move)


@pytest.mark.parametrize("looks", [10, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_who_writes_folds_and_acts_meanwhile_never_makes_it_red(folder_conn: db.Conn, looks: int) -> None:
    stop = threading.Event()
    failed: list[Exception] = []

    def over_and_over(do: Callable[[int], object]) -> None:
        number = 0
        try:
            while not stop.is_set():
                do(number)
                number += 1
                stop.wait(0.05)
        except Exception as wrong:
            failed.append(wrong)

    lanes = [
        threading.Thread(target=keep, args=(stop, lambda: None))
        for keep in (fold.keep_fast, fold.keep_slow, sweep.keep_stale, sweep.keep_overdue)
    ]
    writers = [threading.Thread(target=over_and_over, args=(do,)) for do in (_post, _load, _take_over, _live)]
    for thread in (*lanes, *writers):
        thread.start()
    try:
        found = [broken() for _ in range(looks)]
    finally:
        stop.set()
        for thread in (*lanes, *writers):
            thread.join()
    assert failed == []
    assert [one for one in found if one] == []
    fold.drain(folder_conn)
    assert broken() == []


def test_while_it_looks_nobody_waits_and_nobody_who_reads_the_log_is_held_back(folder_conn: db.Conn) -> None:
    """No lock but the weakest, none on the parent of the months, no transaction number of its own."""
    post([a_reading(*key, minutes=2, value=3) for key in SERIES])
    with store.moment(wait=True) as now:
        assert now is not None and all(proof.ok for proof in verify.proofs_of(now))
        locks = folder_conn.execute(
            "SELECT locktype, mode, relation::regclass::text AS table FROM pg_locks WHERE pid = %s",
            (now.conn.info.backend_pid,),
        ).fetchall()
        post([a_reading(*SERIES[0], minutes=60 * 24 * 400, value=1)])  # a month that is not there yet
        fold.drain(folder_conn)
        assert store_count(now) == len(SERIES)
    relations = [lock for lock in locks if lock["locktype"] == "relation"]
    assert {lock["mode"] for lock in relations} == {"AccessShareLock"}
    assert "reading" not in {lock["table"] for lock in relations}
    assert "transactionid" not in {lock["locktype"] for lock in locks}
    assert broken() == []


def store_count(now: store.Moment) -> int:
    return signs.counts(now)["readings"]


def test_two_do_not_look_at_once(fresh: str) -> None:
    with store.moment(wait=True):
        assert verify.prove(wait=False) is None
    assert verify.prove(wait=False) is not None
