"""Is a database that nobody has tampered with proven, whatever has happened in it?"""

import csv
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import db
from data.commands import city, incidents, readings, verify
from data.commands.incidents import Terms
from data.domain.incident import SEVERITIES, Act, Holder, Move, Standing, acts_from, advance, begin
from data.domain.proof import Verdict
from data.domain.report import Life
from data.store import migrations
from data.store import verify as store
from data.store.leader import LEADER
from data.work import fold, sweep
from tests import measured_city
from tests.test_fold import BATCHES, NOW, SERIES, a_reading, post
from tests.test_incidents import HOUR, a_report


def broken() -> list[str]:
    """What verify finds; empty is what is hoped for."""
    verdict = verify.prove()
    assert verdict is not None
    return [str(proof) for proof in verdict.proofs if not proof.ok]


def count(verdict: Verdict | None, invariant: str) -> dict[str, int]:
    assert verdict is not None
    return dict(next(proof.counts for proof in verdict.proofs if proof.invariant == invariant))


def test_a_city_just_loaded_is_proven(fresh: str) -> None:
    assert broken() == []


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=BATCHES, folds=st.lists(st.sampled_from(["fast", "slow", "none"]), min_size=6, max_size=6))
def test_whatever_is_read_and_however_far_it_is_folded_all_is_proven(
    folder_conn: db.Conn, batches: list, folds: list[str]
) -> None:
    """What still waits in the inbox is left out, not called broken."""
    for batch, lane in zip(batches, folds, strict=False):
        post(
            [
                {**{k: v for k, v in row.items() if k != "ago"}, "at": NOW - timedelta(minutes=row["ago"])}
                for row in batch
            ]
        )
        if lane != "none":
            fold.fast(folder_conn)
        if lane == "slow":
            fold.slow(folder_conn)
        sweep.stale(folder_conn)
        assert broken() == []
    fold.drain(folder_conn)
    assert broken() == []


def test_days_that_wait_to_be_made_anew_are_left_out(folder_conn: db.Conn) -> None:
    from data.commands.intake import Sender, know, take_in

    sender = Sender("archive")
    know(sender)
    rows = [
        a_reading(sign, place, minutes=minutes, value=minutes % 90)
        for sign, place in SERIES for minutes in (2, 70, 1500)
    ]  # fmt: skip
    take_in(sender, enumerate(rows), readings.LOADED)
    assert broken() == []
    while readings.make_some_anew(150).made:
        assert broken() == []
    assert broken() == []


@pytest.mark.parametrize("step", ["post", "fold", "take over", "replace"])
def test_a_real_source_takes_a_simulated_series_over_and_all_is_proven(
    folder_conn: db.Conn, step: str
) -> None:
    simulated = [
        a_reading("BARRIER", place, minutes=m, value=m) for place in ("A1", "A2") for m in (1, 5, 1500)
    ]
    readings.post(simulated, feed="sim-x", simulated=True, patience=0)
    if step != "post":
        fold.drain(folder_conn)
    assert broken() == []
    if step in ("take over", "replace"):
        post([a_reading("BARRIER", "A1", minutes=2, value=7)])
        assert broken() == []
    if step == "replace":
        readings.bulk([a_reading("BARRIER", "A1", minutes=2, value=8)], feed="api", replace=True)
        assert broken() == []
    fold.drain(folder_conn)
    assert broken() == []


# ── cases ───────────────────────────────────────────────────────────────────────────────────────
HOLDERS = [None, Holder("9901"), Holder("9901", "water"), Holder("9901-1", None, "duty"), Holder("99")]


def a_random_life(
    number: int, chance: random.Random, holders: list[Holder | None] = HOLDERS, **more: str
) -> Life:
    """A walk along the table of steps."""
    severity = chance.choice([None, *SEVERITIES])
    report = a_report(source_id=str(number), at=NOW - 72 * HOUR, severity=severity, **more)
    standing: Standing = begin(Move(Act.REPORT, report.at, "ana"), report.severity)
    moves = []
    for _ in range(chance.randrange(12)):
        step = chance.choice(acts_from(standing.state))
        move = Move(
            step.act, standing.at + timedelta(minutes=chance.choice([0, 1, 90, 600])), "ana",
            chance.choice(holders[1:] if "holder" in step.needs else holders), note="x",
            severity=chance.choice(SEVERITIES) if step.act is Act.REGRADE else None,
        )  # fmt: skip
        if move.at > NOW:
            break
        standing = advance(standing, move)
        moves.append(move)
    return Life(report, tuple(moves))


@pytest.mark.parametrize("seed", range(3))
def test_cases_that_live_by_the_table_of_steps_are_proven(fresh: str, seed: int) -> None:
    """Some filed whole, some act by act; the sweep comes in between."""
    chance = random.Random(seed)
    whole = [a_random_life(n, chance) for n in range(40)]
    with closing(db.replay(NOW)) as conn:
        incidents.live_through(whole[:25], Terms(as_it_happened=True), on=conn)
    for life in whole[25:]:
        case = incidents.report(life.report)
        for move in life.moves:
            incidents.move(case["id"], move)
            incidents.sweep_overdue()
    assert broken() == []


def test_a_note_on_a_case_that_was_closed_in_time_makes_it_late_for_nobody(fresh: str) -> None:
    moves = (Move(Act.CLOSE, NOW - 3 * HOUR, "ana"), Move(Act.NOTE, NOW, "ana", note="thanked"))
    report = a_report(at=NOW - 4 * HOUR, due=NOW - 2 * HOUR)
    incidents.live_through([Life(report, moves)])
    case = incidents.report(a_report(source_id="2", at=NOW - 4 * HOUR, due=NOW - 2 * HOUR))
    for move in moves:
        case = incidents.move(case["id"], move)
    assert case["overdue"] is False
    with db.read() as conn:
        assert conn.execute("SELECT DISTINCT overdue FROM incident").fetchall() == [{"overdue": False}]
    assert broken() == []


def test_what_fell_due_long_ago_is_broken_only_where_a_worker_leads(fresh: str) -> None:
    incidents.report(a_report(at=NOW - 4 * HOUR, due=NOW + HOUR))
    with closing(db.owner()) as conn:
        conn.execute("UPDATE incident SET due = now() - interval '1 h'")
    with looking_later() as now:
        assert [one.clause for one in verify.proof_of(now, "I4").breaks] == ["report"]
    with leading(), looking_later() as now:
        assert [one.clause for one in verify.proof_of(now, "I4").breaks] == ["report", "overdue"]


def test_a_case_at_whatever_point_is_proven(fresh: str) -> None:
    """JSON in the database knows no -0.0."""
    with closing(db.owner()) as conn:
        conn.execute("UPDATE place SET geometry = NULL, bounds = NULL")
    for number, (lon, lat) in enumerate([(-0.0, -0.0), (1e-7, 5e-324), (180.0, -90.0), (114, 30)]):
        incidents.report(a_report(source_id=str(number), lon=lon, lat=lat))
    assert broken() == []


# ── a city that changes ─────────────────────────────────────────────────────────────────────────
def changed(folder: Path, file: str, change: object) -> Path:
    with (folder / file).open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    kept = [row for row in rows if change(row) != "gone"]
    with (folder / file).open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return folder


CHANGES = {
    "limits": ("signs.csv", lambda row: row.update(t1="5" if row["direction"] == "H" else row["t1"])),
    "no limits": ("signs.csv", lambda row: row.update(direction="N", t1="", t2="", t3="", hysteresis="")),
    "freshness": ("signs.csv", lambda row: row.update(freshness="1min")),
    "longer freshness": ("signs.csv", lambda row: row.update(freshness="1w")),
    "ways of folding": ("signs.csv", lambda row: row.update(fold_time="max", fold_space="min", weight="1")),
    "people": ("places.csv", lambda row: row.update(population=row["code"][1:2] + row["population"])),
    "capacity": ("series.csv", lambda row: row.update(capacity="20")),
    "series": ("series.csv", lambda row: "gone" if row["place"] == "A2" else None),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_city_whose_folder_changes_is_proven(folder_conn: db.Conn, tmp_path: Path, change: str) -> None:
    """What is shown follows at once, what was shown of hours and days before stays."""
    rows = [
        a_reading(*key, minutes=m, value=(m * 7 + n) % 97) for n, key in enumerate(SERIES) for m in (5, 70)
    ]
    post(rows)
    fold.drain(folder_conn)
    sweep.stale(folder_conn)
    list(city.init(changed(measured_city.write(tmp_path / "city"), *CHANGES[change])))
    sweep.stale(folder_conn)
    assert broken() == []
    post([a_reading(*key, minutes=2, value=50) for key in SERIES[::3]])
    fold.drain(folder_conn)
    sweep.stale(folder_conn)
    assert broken() == []


# ── what only time breaks ───────────────────────────────────────────────────────────────────────
@contextmanager
def leading() -> Iterator[None]:
    """A worker has the seat and beats."""
    with closing(db.connect()) as seat:
        seat.execute("SELECT pg_advisory_lock(%s, 0)", (LEADER,))
        seat.execute("INSERT INTO beat VALUES ('worker', now() + interval '3 min', 'x')")
        yield
        seat.execute("DELETE FROM beat")


@contextmanager
def looking_later() -> Iterator[store.Moment]:
    """As if three minutes had passed."""
    with store.moment(wait=True) as now:
        assert now is not None
        yield replace(now, at=now.at + timedelta(minutes=3))


def test_a_series_that_should_long_be_stale_is_broken_only_where_a_worker_leads(folder_conn: db.Conn) -> None:
    """A stopped system has nobody who could have seen it."""
    at = datetime.now(UTC) - timedelta(minutes=5)
    post([{"sign": "BARRIER", "place": "A1", "at": at, "value": 3}])
    fold.drain(folder_conn)
    with closing(db.owner()) as conn:
        conn.execute("UPDATE sign SET freshness = '1 min'")
        conn.execute("UPDATE latest SET expires = at + interval '1 min' WHERE at IS NOT NULL")
    with looking_later() as now:
        assert verify.proof_of(now, "I6").ok
    with leading():
        assert broken() == []  # it has only begun
        with looking_later() as now:
            found = verify.proof_of(now, "I6")
    assert [(one.clause, one.where[0][:15]) for one in found.breaks] == [("live", "BARRIER A1 is 1")]


# ── a database of before ────────────────────────────────────────────────────────────────────────
def test_what_the_ledger_did_not_count_before_is_settled_by_the_migration(folder_conn: db.Conn) -> None:
    post([a_reading("BARRIER", "A1", minutes=m, value=m) for m in range(5)])
    readings.bulk([a_reading("BARRIER", "A1", minutes=3, value=9)], feed="api", replace=True)
    with closing(db.owner()) as conn:
        conn.execute("DROP TABLE verification")
        conn.execute("ALTER TABLE node DROP stated")
        conn.execute("ALTER TABLE ledger DROP replaced, DROP removed")
        (file,) = [path for number, path in migrations.files() if number == 2]
        conn.execute(file.read_bytes())
    fold.drain(folder_conn)
    assert broken() == []
