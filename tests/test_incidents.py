"""Does a report become a case, once, in its place, and does it live by the rules?"""

import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from data import db
from data.commands import incidents as commands
from data.commands.incidents import Filed, Terms
from data.domain.cases import Cases, cases
from data.domain.incident import Act, Holder, Move, State
from data.domain.refusal import Refusal
from data.domain.report import Life, Report
from data.queries import incidents
from data.store import incidents as store

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def a_report(**changes: object) -> Report:
    given = {
        "source": "hotline", "source_id": "1", "kind": "E0506", "at": NOW - HOUR, "place": "9901-1-1-1",
        "severity": 3, "description": "积水",
    }  # fmt: skip
    return Report(**{**given, **changes})


def sql(query: str, *values: object) -> list[dict]:
    with db.read() as conn:
        return conn.execute(query, values).fetchall()


# ── reporting ───────────────────────────────────────────────────────────────────────────────────
def test_a_report_becomes_a_case_with_a_span_and_an_audience(fresh: str) -> None:
    case = commands.report(a_report())
    assert case["created"] is True
    assert (case["version"], case["state"], case["stage"], case["placed"]) == (1, "reported", 1, "given")
    assert (case["path"], case["holder"]["place"]) == ("99/9901/9901-1/9901-1-1/9901-1-1-1/", "9901")
    assert case["due"] == case["at"] + 2 * HOUR
    (span,) = sql("SELECT state, lower(during) AS since, upper_inf(during) AS open FROM span")
    assert span == {"state": "reported", "since": case["at"], "open": True}
    assert {row["path"] for row in sql("SELECT path FROM audience")} == {case["path"], "99/9901/"}


def test_a_case_is_numbered_by_its_day_in_the_city(fresh: str) -> None:
    at = datetime(2020, 7, 5, 23, tzinfo=UTC)
    number = commands.report(a_report(at=at))["number"]
    assert number.startswith("20200706") and len(number) == 14


def test_the_same_report_again_is_the_same_case(fresh: str) -> None:
    first, again = commands.report(a_report()), commands.report(a_report())
    assert (again["id"], again["created"]) == (first["id"], False)
    assert sql("SELECT count(*) AS n FROM event") == [{"n": 1}]


def test_the_same_report_is_the_same_case_after_the_case_moved_on(fresh: str) -> None:
    first = commands.report(a_report())
    commands.move(first["id"], Move(Act.REGRADE, NOW, "ana", severity=1))
    again = commands.report(a_report())
    assert (again["created"], again["version"], again["severity"]) == (False, 2, 1)


@pytest.mark.parametrize(
    "change",
    [
        {"severity": 1}, {"description": "x"}, {"kind": "C0101"}, {"place": "9901"}, {"at": NOW},
        {"place": None, "lon": 110.01, "lat": 30.01}, {"asset": "flood-1"}, {"sign": "W2"},
    ],
)  # fmt: skip
def test_other_content_under_the_same_number_is_a_conflict(fresh: str, change: dict) -> None:
    first = commands.report(a_report())
    with pytest.raises(Refusal) as refusal:
        commands.report(a_report(**change))
    assert (refusal.value.code, refusal.value.status) == ("conflict", 409)
    assert refusal.value.current["id"] == first["id"]


def test_twenty_at_once_make_one_case(fresh: str) -> None:
    at_once, made = threading.Barrier(20), []

    def send() -> None:
        at_once.wait()
        made.append(commands.report(a_report()))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(case["created"] for case in made) == 1
    assert len({case["id"] for case in made}) == 1
    assert sql("SELECT received, stored, same FROM ledger") == [{"received": 20, "stored": 1, "same": 19}]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"kind": "E0000"}, "unknown_class", "class"), ({"place": "nowhere"}, "unknown_place", "place"),
        ({"asset": "nothing"}, "unknown_asset", "asset"), ({"sign": "XX"}, "unknown_sign", "sign"),
        ({"place": None}, "missing_field", "place"), ({"lon": 110.0}, "missing_field", "lat"),
        ({"lon": 181.0, "lat": 0.0}, "bad_value", "lon"), ({"severity": 5}, "bad_value", "severity"),
        ({"source_id": " "}, "missing_field", "source_id"), ({"kind": "E" * 81}, "bad_value", "class"),
        ({"description": "a\0b"}, "bad_value", "description"), ({"at": NOW + HOUR}, "future", "at"),
        ({"at": datetime(1999, 12, 31, tzinfo=UTC)}, "too_old", "at"),
        ({"closed": NOW - 2 * HOUR}, "bad_value", "closed"),
        ({"closed": NOW, "state": State.HANDLING}, "bad_value", "state"),
    ],
)  # fmt: skip
def test_a_bad_report_is_refused_by_name_and_leaves_no_case(
    fresh: str, change: dict, code: str, field: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        commands.report(a_report(**change))
    assert (refusal.value.code, refusal.value.field) == (code, field)
    for table in ("incident", "event", "span", "audience"):
        assert sql(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
    assert sql("SELECT received, stored, rejected, reasons FROM ledger") == [
        {"received": 1, "stored": 0, "rejected": 1, "reasons": {code: 1}}
    ]


def test_without_the_right_to_import_a_report_is_of_the_last_day(fresh: str) -> None:
    with pytest.raises(Refusal) as refusal:
        commands.report(a_report(at=NOW - 25 * HOUR), any_past=False)
    assert refusal.value.code == "too_old"


def test_a_city_without_classes_takes_any(fresh: str) -> None:
    with db.owner() as conn:
        conn.execute("DELETE FROM class")
    case = commands.report(a_report(kind="任意 class"))
    assert (case["class"], case["due"]) == ("任意 class", None)


# ── where ───────────────────────────────────────────────────────────────────────────────────────
def at_point(lon: float, lat: float, **changes: object) -> dict:
    return commands.report(a_report(place=None, lon=lon, lat=lat, source_id=f"{lon} {lat}", **changes))


def test_a_point_lies_in_the_deepest_cell_that_holds_it(fresh: str) -> None:
    case = at_point(110.02, 30.03)
    assert case["path"].startswith("99/9901/") and case["path"].count("/") == 5
    assert (case["placed"], case["lon"], case["lat"]) == ("schematic", 110.02, 30.03)


def test_a_point_just_outside_lies_in_the_nearest_cell(fresh: str) -> None:
    assert at_point(110.104, 30.05)["path"].startswith("99/9902/")  # 385 m east


def test_a_point_further_outside_is_refused(fresh: str) -> None:
    with pytest.raises(Refusal) as refusal:
        at_point(110.106, 30.05)  # 577 m
    assert refusal.value.code == "outside"


def test_a_real_cell_is_named_so(fresh: str) -> None:
    with db.owner() as conn:
        conn.execute("DELETE FROM place WHERE false")
        conn.execute("UPDATE place SET geometry = NULL, bounds = NULL WHERE tier > 2")
    case = at_point(110.02, 30.03)
    assert (case["place"], case["placed"]) == ("9901", "point")


def test_a_given_place_stands_though_its_schematic_cell_lies_elsewhere(fresh: str) -> None:
    case = at_point(110.01, 30.09) | {}
    other = commands.report(a_report(source_id="2", lon=110.049, lat=30.099))
    assert (other["place"], other["placed"]) == ("9901-1-1-1", "given")
    assert case["place"] != "9901-1-1-1" or other["lon"] == 110.049


def test_a_given_place_and_a_point_in_another_district_do_not_go_together(fresh: str) -> None:
    with pytest.raises(Refusal) as refusal:
        commands.report(a_report(lon=110.09, lat=30.05))
    assert refusal.value.code == "outside"


def test_a_city_without_geometry_refuses_no_point(fresh: str) -> None:
    with db.owner() as conn:
        conn.execute("UPDATE place SET geometry = NULL, bounds = NULL")
    assert at_point(0, 0)["place"] == "99"
    assert commands.report(a_report(source_id="2", lon=0.0, lat=0.0))["place"] == "9901-1-1-1"


def test_a_redrawn_cell_counts_at_once(fresh: str) -> None:
    before = at_point(110.02, 30.03)
    with db.owner() as conn:
        conn.execute(
            "UPDATE place SET geometry = NULL, bounds = NULL WHERE starts_with(path, '99/9901/') AND tier > 2"
        )
    after = at_point(110.02, 30.031)
    assert (before["place"] != "9901", after["place"]) == (True, "9901")


# ── moving on ───────────────────────────────────────────────────────────────────────────────────
ROAD = (
    (Act.REGISTER, None), (Act.DISPATCH, Holder("9901", "water")), (Act.RECEIVE, None), (Act.HANDLE, None),
    (Act.FINISH, None), (Act.APPROVE, None), (Act.CHECK, None), (Act.PASS, None), (Act.CLOSE, None),
)  # fmt: skip


def a_life(number: int, start: datetime, steps: int = len(ROAD), **changes: object) -> Life:
    moves = tuple(
        Move(act, start + timedelta(minutes=5 * n), "sim", holder, note="x")
        for n, (act, holder) in enumerate(ROAD[:steps], 1)
    )
    return Life(a_report(source_id=str(number), at=start, **changes), moves)


def test_a_case_lives_through_its_life_event_by_event(fresh: str) -> None:
    (outcome,) = commands.live_through([a_life(1, NOW - 3 * HOUR)])
    assert isinstance(outcome, Filed) and outcome.created
    case = incidents_of("99/")[0]
    assert (case["state"], case["version"], case["stage"], case["overdue"]) == ("closed", 10, 6, False)
    assert case["holder"] == {"place": "9901", "department": "water", "seat": None}
    spans = sql("SELECT state, lower(during) AS a, upper(during) AS z FROM span ORDER BY n")
    assert [span["state"] for span in spans][:3] == ["reported", "accepted", "dispatched"]
    assert all(span["z"] == following["a"] for span, following in pairwise(spans))
    assert spans[-1]["z"] is None


def test_moving_one_step_at_a_time_gives_the_same_as_a_whole_life(fresh: str) -> None:
    life = a_life(1, NOW - 3 * HOUR)
    case = commands.report(life.report)
    for move in life.moves:
        commands.move(case["id"], move)
    commands.live_through([a_life(2, NOW - 3 * HOUR)])
    spans = "n, s.state, s.path, s.holder_place, s.holder_department, s.severity, during"
    assert told("span", spans, "1") == told("span", spans, "2")
    acts = "n, act, from_state, to_state, tier, s.at"
    assert told("event", acts, "1") == told("event", acts, "2")
    standing = (
        "SELECT version, state, stage, open, overdue, holder_place, holder_department, due FROM incident"
    )
    first, second = sql(f"{standing} ORDER BY source_id")
    assert first == second


def told(table: str, columns: str, source_id: str) -> list[dict]:
    joined = f"SELECT {columns} FROM {table} s JOIN incident i ON i.id = s.incident"
    return sql(f"{joined} WHERE source_id = %s ORDER BY n", source_id)


def test_a_span_that_lasts_no_time_is_met_by_no_question(fresh: str) -> None:
    case = commands.report(a_report())
    commands.move(case["id"], Move(Act.VERIFY, case["at"], "ana"))
    commands.move(case["id"], Move(Act.VERIFY, NOW, "ana"))
    assert sql("SELECT state FROM span WHERE during @> %s::timestamptz", case["at"]) == [
        {"state": "pending_verify"}
    ]
    assert sql("SELECT state FROM span WHERE during @> now()") == [{"state": "pending_register"}]


def test_an_old_version_is_refused_with_the_case_as_it_stands(fresh: str) -> None:
    case = commands.report(a_report())
    commands.move(case["id"], Move(Act.NOTE, NOW, "ana", note="x"), version=1)
    with pytest.raises(Refusal) as refusal:
        commands.move(case["id"], Move(Act.NOTE, NOW, "ana", note="x"), version=1)
    assert (refusal.value.status, refusal.value.current["version"]) == (409, 2)


def test_a_life_with_a_move_that_cannot_be_is_refused_and_the_others_live(fresh: str) -> None:
    wrong = Life(a_report(source_id="bad"), (Move(Act.PASS, NOW, "sim"),))
    good, bad, same = commands.live_through([a_life(1, NOW - HOUR), wrong, a_life(1, NOW - HOUR)])
    assert good.created and isinstance(bad, Refusal) and bad.code == "not_allowed"
    assert same == Filed(good.id, created=False)
    assert sql("SELECT received, stored, same, rejected FROM ledger") == [
        {"received": 3, "stored": 1, "same": 1, "rejected": 1}
    ]


def test_an_imported_case_stands_where_its_file_says(fresh: str) -> None:
    over = a_report(source_id="1", state=State.CANCELLED, closed=NOW, at=NOW - HOUR)
    going = a_report(source_id="2", state=State.HANDLING, clocks=False)
    ended = a_report(source_id="3", closed=NOW, due=NOW - timedelta(minutes=1))
    commands.live_through([Life(report) for report in (over, going, ended)])
    found = {case["source_id"]: case for case in incidents_of("99/")}
    assert [(found[n]["state"], found[n]["version"]) for n in "123"] == [
        ("cancelled", 2), ("handling", 1), ("closed", 2),
    ]  # fmt: skip
    assert found["2"]["due"] is None
    assert found["3"]["overdue"] is True


def test_a_report_that_is_refused_does_not_speak_for_the_next_under_its_id(fresh: str) -> None:
    wrong, other = a_report(place="nowhere"), a_report(kind="E0")
    outcomes = commands.live_through([Life(wrong), Life(other), Life(a_report()), Life(wrong)])
    said = [outcome.code if isinstance(outcome, Refusal) else outcome.created for outcome in outcomes]
    assert said == ["unknown_place", "unknown_class", True, "conflict"]


def test_only_a_replay_session_may_say_when_something_was_known(fresh: str) -> None:
    with pytest.raises(PermissionError):
        commands.live_through([a_life(1, NOW - HOUR)], Terms(as_it_happened=True))


def test_history_is_known_as_it_happened(fresh: str) -> None:
    with closing(db.replay(NOW)) as conn:
        commands.live_through(
            [a_life(1, NOW - 48 * HOUR)], Terms(as_it_happened=True, simulated=True), on=conn
        )
    assert sql("SELECT count(*) AS n FROM event WHERE known_at <> at") == [{"n": 0}]
    assert sql("SELECT simulated FROM incident") == [{"simulated": True}]
    assert sql("SELECT lower(known) = lower(during) AS same FROM span GROUP BY 1") == [{"same": True}]


def test_sixty_thousand_events_are_loaded_in_half_a_minute(fresh: str) -> None:
    """A tenth of it here, in a tenth of the time."""
    lives = [a_life(n, NOW - 48 * HOUR + timedelta(seconds=n)) for n in range(600)]
    begun = time.monotonic()
    with closing(db.replay(NOW)) as conn:
        for first in range(0, len(lives), 200):
            commands.live_through(lives[first : first + 200], Terms(as_it_happened=True), on=conn)
    assert sql("SELECT count(*) AS n FROM event") == [{"n": 6000}]
    assert time.monotonic() - begun < 6


# ── falling due ─────────────────────────────────────────────────────────────────────────────────
def test_the_sweep_marks_what_is_past_due_and_says_where(fresh: str) -> None:
    late = commands.report(a_report(source_id="late", at=NOW - HOUR))
    commands.report(a_report(source_id="young", at=NOW))
    commands.live_through([a_life(1, NOW - HOUR)])
    with closing(db.owner()) as conn:
        conn.execute("UPDATE incident SET due = now() - interval '1 s' WHERE id = %s", (late["id"],))
    assert commands.sweep_overdue() == [late["path"]]
    assert commands.sweep_overdue() == []
    assert [case["source_id"] for case in incidents_of("99/", overdue="true")] == ["late"]


def test_the_sweep_takes_no_more_than_it_is_told(fresh: str) -> None:
    with closing(db.replay(NOW - 3 * HOUR)) as conn:
        commands.live_through(
            [Life(a_report(source_id=str(n), at=NOW - 4 * HOUR)) for n in range(5)], on=conn
        )
    assert [len(commands.sweep_overdue(2)) for _ in range(4)] == [2, 2, 1, 0]


# ── asking ──────────────────────────────────────────────────────────────────────────────────────
def incidents_of(path: str, **filters: str) -> list[dict]:
    return incidents.page("x", cases(path, filters), limit=500)["items"]


@pytest.fixture
def many(fresh: str) -> str:
    places = ["99", "9901", "9901-1", "9901-1-1", "9901-1-1-1", "9901-1-1-2", "9902-1-1-1"]
    kinds = ["E0506", "E0110", "C0101"]
    lives = [
        a_life(
            n, NOW - timedelta(minutes=60 + 7 * n), steps=n % 10, place=places[n % 7], kind=kinds[n % 3],
            severity=[1, 2, None, 4][n % 4], source=["hotline", "camera"][n % 2],
        )
        for n in range(120)
    ]  # fmt: skip
    commands.live_through([Life(life.report, tuple(m for m in life.moves if m.at < NOW)) for life in lives])
    return fresh


FILTERS = [
    {}, {"state": "open"}, {"state": "closed"},
    {"state": "open,closed"}, {"severity": "1"}, {"severity": "none"},
    {"severity": "none,4"}, {"overdue": "true"},
    {"overdue": "false"}, {"class": "E0110"}, {"source": "camera"},
    {"source_id": "17"}, {"from": (NOW - 6 * HOUR).isoformat(), "to": (NOW - 2 * HOUR).isoformat()},
    {"state": "open", "severity": "1,2", "source": "hotline"},
]  # fmt: skip


def picked(rows: list[dict], wanted: Cases) -> list[dict]:
    """The same filters by plain Python."""
    return [
        row
        for row in rows
        if row["path"].startswith(wanted.path)
        and (wanted.states is None or row["state"] in wanted.states)
        and (wanted.severities is None or row["severity"] in wanted.severities)
        and (wanted.overdue is None or row["overdue"] == wanted.overdue)
        and (wanted.classes is None or row["class"] in wanted.classes)
        and (wanted.sources is None or row["source"] in wanted.sources)
        and (wanted.source_id is None or row["source_id"] == wanted.source_id)
        and (wanted.start is None or row["at"] >= wanted.start)
        and (wanted.end is None or row["at"] < wanted.end)
    ]


def test_every_filter_finds_what_plain_reading_finds(many: str) -> None:
    whole = incidents_of("99/")
    assert len(whole) == 120
    for filters in FILTERS:
        for path in ("99/", "99/9901/", "99/9901/9901-1/9901-1-1/9901-1-1-1/"):
            wanted = cases(path, filters)
            assert incidents_of(path, **filters) == picked(whole, wanted), (filters, path)
            with db.read() as conn:
                for by in incidents.BY:
                    rows = store.counts(conn, wanted, by, tier=2, timezone="Asia/Shanghai")
                    assert sum(row["n"] for row in rows) == len(picked(whole, wanted)), (filters, by)


def test_a_place_that_is_a_beginning_of_anothers_code_is_not_its_parent(fresh: str) -> None:
    commands.report(a_report(place="9901-1-1-1"))
    assert incidents_of("99/9901/9901-1/9901-1-1/9901-1-1-1/") != []
    assert incidents_of("99/990/") == []


def test_pages_follow_each_other_without_gap_or_repeat(many: str) -> None:
    seen, start = [], None
    while True:
        found = incidents.page("99", cases("99/", {}), limit=7, since=start)
        seen += found["items"]
        start = found["next"]
        if start is None:
            break
    assert seen == incidents_of("99/")
    assert [(row["at"], row["id"]) for row in seen] == sorted(
        ((r["at"], r["id"]) for r in seen), reverse=True
    )


def test_cases_of_one_moment_are_paged_whole(fresh: str) -> None:
    commands.live_through([Life(a_report(source_id=str(n), at=NOW)) for n in range(9)])
    first = incidents.page("99", cases("99/", {}), limit=4)
    second = incidents.page("99", cases("99/", {}), limit=5, since=first["next"])
    assert len({row["id"] for row in first["items"] + second["items"]}) == 9
    assert second["next"] is None


def test_the_matrix_counts_open_cases_once(many: str) -> None:
    rows = incidents.open_matrix("99/9901/")
    standing = incidents_of("99/9901/", state="open")
    assert sum(row["n"] for row in rows) == len(standing)
    assert sum(row["overdue"] for row in rows) == sum(case["overdue"] for case in standing)


def test_all_of_them_come_in_batches_for_an_export(many: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "_BATCH", 50)
    batches = list(incidents.lines(cases("99/", {}), ("id", "number"), datetime.now(UTC)))
    assert [len(batch) for batch in batches] == [50, 50, 20]
    ids = [line.partition(b",")[0].decode() for batch in batches for line in batch]
    assert ids == [str(case["id"]) for case in incidents_of("99/")]
