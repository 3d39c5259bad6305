"""Does the simulator speak, report and go on in a real database as in its own books?"""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from data.domain.incident import Act, Move
from data.domain.refusal import Refusal
from data.work.simulate import lives
from tests.simulated import stood


def now_in(conn) -> datetime:
    return conn.execute("SELECT now() AS at").fetchone()["at"]


def test_the_first_tick_fills_the_picture_and_the_next_repeats_nothing(fresh: str) -> None:
    from data import db
    from data.work import simulate

    with closing(db.connect()) as conn:
        city = simulate.Living()
        city.tick(now_in(conn))
        missing = conn.execute(
            """SELECT n.sign, n.place, n.asset FROM node n WHERE n.leaf
               AND NOT EXISTS (SELECT FROM reading r WHERE r.id = n.id)"""
        ).fetchall()
        assert missing == []
        city.tick(now_in(conn))
        booked = conn.execute(
            "SELECT sum(same) AS same, sum(rejected) AS bad, sum(stored) AS n FROM ledger"
        ).fetchone()
        assert (booked["same"], booked["bad"]) == (0, 0)
        assert booked["n"] > 0
        assert all(row["simulated"] for row in conn.execute("SELECT simulated FROM source"))


def test_the_simulator_leaves_a_series_to_its_real_source(fresh: str) -> None:
    from data import db
    from data.commands import readings
    from data.work import simulate

    with closing(db.connect()) as conn:
        now = now_in(conn)
        row = {"sign": "P1", "place": "9901", "at": now.isoformat(), "value": 12.0}
        assert readings.post([row], feed="real", patience=0.0)["stored"] == 1
        simulate.tick(now)
        values = conn.execute(
            "SELECT r.value FROM reading r JOIN node n USING (id) WHERE n.sign = 'P1' AND n.place = '9901'"
        ).fetchall()
        assert [row["value"] for row in values] == [12.0]
        assert conn.execute("SELECT sum(rejected) AS n FROM ledger").fetchone()["n"] == 0


def open_case(world, now: datetime):
    """A case of the last days that is under way, and the moment between two of its acts."""
    for case in world.draw.between(now - timedelta(days=3), now - timedelta(hours=1)):
        moves = lives.moves(world.draw, case)
        if len(moves) > 4 and moves[3].at < now:
            return case, moves
    raise AssertionError("nothing happened in three days")


def test_after_a_restart_open_cases_go_on_where_they_stood(fresh: str) -> None:
    from data import db
    from data.work import simulate
    from data.work.simulate import filing, world

    with closing(db.connect()) as conn:
        now = now_in(conn)
        here = world.load(conn)
        case, moves = open_case(here, now)
        (_,) = filing.report(here, [case], moves[1].at)
        before = conn.execute("SELECT version, open, simulated FROM incident").fetchone()
        assert before == {"version": 3, "open": True, "simulated": True}
        simulate.tick(now)
        row = conn.execute("SELECT version, state FROM incident WHERE source_id = %s", (case.id,)).fetchone()
        done = [move for move in moves if move.at <= now]
        assert row["version"] == 1 + len(done)
        assert row["state"] == stood(case, done).state


def test_a_case_that_somebody_took_in_hand_is_left_to_them(fresh: str) -> None:
    from data import db
    from data.commands import incidents
    from data.work import simulate
    from data.work.simulate import filing, world

    with closing(db.connect()) as conn:
        now = now_in(conn)
        here = world.load(conn)
        case, moves = open_case(here, now)
        (standing,) = filing.report(here, [case], moves[1].at)
        incidents.move(standing[case.id], Move(Act.FORCE_CLOSE, now, "somebody", note="done"))
        simulate.tick(now)
        row = conn.execute("SELECT version, state FROM incident WHERE source_id = %s", (case.id,)).fetchone()
        assert row == {"version": 4, "state": "forced_close"}


COUNTS = """SELECT (SELECT count(*) FROM reading) AS readings, (SELECT count(*) FROM event) AS events,
                   (SELECT count(*) FROM decision) AS decisions, (SELECT count(*) FROM warning) AS warnings"""
WINDOW = {
    "since": datetime.fromisoformat("2020-07-06T00:00:00+08:00"),
    "until": datetime.fromisoformat("2020-07-06T12:00:00+08:00"),
}


def test_a_scenario_run_twice_is_the_same_and_stored_once(fresh: str) -> None:
    from data import db
    from data.work import simulate

    first = simulate.run("rainstorm", seed=7, **WINDOW)
    with closing(db.connect()) as conn:
        counts = COUNTS
        before = conn.execute(counts).fetchone()
        assert simulate.run("rainstorm", seed=7, **WINDOW).splitlines()[-1] == first.splitlines()[-1]
        assert conn.execute(counts).fetchone() == before
        assert min(before.values()) > 0
        assert conn.execute("SELECT count(*) AS n FROM event WHERE known_at <> at").fetchone()["n"] == 0
        assert conn.execute("SELECT bool_and(simulated) AS all FROM incident").fetchone()["all"]
    assert len(first.splitlines()[-1]) == 64
    assert simulate.run("rainstorm", seed=8, **WINDOW).splitlines()[-1] != first.splitlines()[-1]


def test_cases_of_a_run_do_not_stay_open_for_years(fresh: str) -> None:
    from data import db
    from data.work import simulate

    simulate.run("rainstorm", seed=7, **WINDOW)
    with closing(db.connect()) as conn:
        assert conn.execute("SELECT count(*) AS n FROM incident WHERE open").fetchone()["n"] == 0
        under_way = "SELECT count(*) AS n FROM span WHERE during @> %s AND state = 'handling'"
        assert conn.execute(under_way, (WINDOW["until"],)).fetchone()["n"] > 0


def test_other_values_for_what_stands_are_named_conflicts(fresh: str) -> None:
    from data import db
    from data.work import simulate

    simulate.run("rainstorm", seed=7, **WINDOW)
    assert "+ 0 in conflict" not in simulate.run("rainstorm", seed=8, **WINDOW)
    with closing(db.connect()) as conn:
        booked = conn.execute(
            "SELECT sum(rejected) AS n, sum(received - stored - same - rejected) AS off FROM ledger"
        )
        row = booked.fetchone()
    assert row["n"] > 0 and row["off"] == 0


def test_the_rainstorms_decisions_are_logged_with_their_times(fresh: str) -> None:
    from data import db
    from data.work import simulate

    simulate.run("rainstorm", seed=7, **WINDOW)
    with closing(db.connect()) as conn:
        rows = conn.execute(
            "SELECT track, level, lower(valid) AS at, upper(valid) AS until FROM decision ORDER BY 3, 1"
        )
        said = [(row["track"], row["level"]) for row in rows]
        inforce = conn.execute(
            "SELECT track, level FROM decision WHERE valid @> %s ORDER BY 1", (WINDOW["until"],)
        )
        held = {(row["track"], row["level"]) for row in inforce}
        lifted = conn.execute("SELECT count(*) AS n FROM warning WHERE NOT upper_inf(valid)").fetchone()["n"]
    assert [pair for pair in said if pair[0] == "排涝"] == [("排涝", "III"), ("排涝", "II")]
    assert [pair for pair in said if pair[0] == "防汛"] == [("防汛", "IV"), ("防汛", "III"), ("防汛", "II")]
    assert held == {("排涝", "II"), ("防汛", "II"), ("平急", "急")}
    assert lifted >= 4


def test_a_while_that_is_not_over_is_refused(fresh: str) -> None:
    from data.work import simulate

    with pytest.raises(Refusal, match="no while that is over"):
        simulate.run(
            "ordinary-day", since=datetime(2026, 1, 2, tzinfo=UTC), until=datetime(2999, 1, 1, tzinfo=UTC)
        )
