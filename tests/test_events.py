"""Does the log lose nothing, whoever writes at the same time, and can nobody change it?"""

import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from data import db
from data.commands import incidents as commands
from data.domain.event import COLUMNS, Event, chained
from data.domain.incident import Act, Move
from data.domain.report import Report
from data.store import events

NOON = datetime(2026, 11, 24, 4, tzinfo=UTC)


def a_report(number: int = 1, **changes: object) -> Report:
    given = {
        "source": "hotline",
        "source_id": str(number),
        "kind": "E0506",
        "at": NOON,
        "place": "9901-1-1-1",
    }
    return Report(**{**given, **changes})


def filed(number: int = 1, **changes: object) -> UUID:
    return commands.report(a_report(number, **changes))["id"]


def log(limit: int = 1000) -> list[dict]:
    with db.read() as conn:
        return events.since(conn, limit=limit)


def test_a_report_is_one_event(fresh: str) -> None:
    incident = filed()
    (event,) = log()
    assert (event["incident"], event["n"], event["act"], event["to_state"]) == (
        incident,
        1,
        "report",
        "reported",
    )
    assert event["from_state"] is None
    assert event["node"] == "99"
    assert event["payload"]["class"] == "E0506"


def test_the_log_is_read_from_where_one_stopped(fresh: str) -> None:
    for number in range(5):
        filed(number)
    first = log(limit=2)
    with db.read() as conn:
        rest = events.since(conn, (first[-1]["xid"], first[-1]["seq"]))
    assert [event["incident"] for event in first + rest] == [event["incident"] for event in log()]
    assert len(rest) == 3


def test_an_event_that_commits_late_is_not_passed_over(fresh: str) -> None:
    """The earlier writer holds its transaction open while a later one commits."""
    early = db.connect()
    with closing(early):
        early.execute("BEGIN")
        commands.live_through([commands.Life(a_report(1))], on=early)
        filed(2, source="camera")  # a feed of its own: the ledger of one feed has one writer at a time
        assert log() == []  # what is later waits for the horizon
        early.execute("COMMIT")
    assert [event["n"] for event in log()] == [1, 1]


def test_a_reader_that_follows_many_writers_reads_every_event_once(fresh: str) -> None:
    writers, each = 6, 15
    done = threading.Event()
    read: list[tuple[str, int]] = []
    threads = [threading.Thread(target=write, args=(n, each)) for n in range(writers)]
    follower = threading.Thread(target=follow, args=(read, done))
    for thread in [*threads, follower]:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    follower.join(20)
    assert not follower.is_alive()
    assert len(read) == len(set(read)) == writers * each
    assert read == sorted(read, key=lambda last: (int(last[0]), last[1]))


def write(writer: int, each: int) -> None:
    """Commits some time after its events were numbered."""
    for number in range(each):
        with db.transaction() as conn:
            report = a_report(number, source=f"feed-{writer}")
            commands.live_through([commands.Life(report)], on=conn)
            conn.execute("SELECT pg_sleep(%s)", ((writer * 7 + number * 3) % 5 / 400,))


def follow(read: list[tuple[str, int]], done: threading.Event) -> None:
    """Once more after the last writer has ended, until nothing new comes."""
    last, more = events.START, True
    while more or not done.is_set():
        ended = done.is_set()
        with db.read() as conn:
            found = events.since(conn, last, limit=7)
        read += [(event["xid"], event["seq"]) for event in found]
        last = read[-1] if read else events.START
        more = bool(found) or not ended


def chain_of(incident: UUID) -> list[dict]:
    with db.read() as conn:
        return events.of(conn, incident)


def is_whole(chain: list[dict]) -> bool:
    hash_ = ""
    for n, row in enumerate(chain, 1):
        hash_ = chained(hash_, Event(**{name: row[name] for name in COLUMNS}))
        if hash_ != row["hash"] or row["n"] != n:
            return False
    return True


def test_every_event_is_bound_to_the_one_before(fresh: str) -> None:
    incident = filed(1, place=None, lon=110.0123456789, lat=30.02, severity=2, description='井盖 "open"\n')
    for act in (Act.REGISTER, Act.NOTE):
        commands.move(incident, Move(act, NOON, "ana", note="看过 ☂"))
    chain = chain_of(incident)
    assert len(chain) == 3
    assert is_whole(chain)
    assert all(row["hash"].startswith("sha256:") and len(row["hash"]) == 71 for row in chain)


@pytest.mark.parametrize("column", ["actor", "note", "to_state", "at", "holder_place", "payload"])
def test_a_changed_entry_breaks_the_chain(fresh: str, column: str) -> None:
    incident = filed()
    commands.move(incident, Move(Act.REGISTER, NOON, "ana", note="ok"))
    chain = chain_of(incident)
    forged = {"at": chain[0]["known_at"], "payload": {"class": "other"}}.get(column, "somebody")
    assert not is_whole([{**chain[0], column: forged}, chain[1]])


def test_the_hash_does_not_hang_on_the_zone_a_time_is_written_in() -> None:
    from zoneinfo import ZoneInfo

    event = Event(
        UUID(int=1), UUID(int=2), 1, "99/", "99", NOON, NOON, "ana", None, None, None, 1, "report", None,
        "reported", "", {"b": 1, "a": "ü"}, "99",
    )  # fmt: skip
    abroad = replace(event, at=NOON.astimezone(ZoneInfo("America/New_York")), payload={"a": "ü", "b": 1})
    assert chained("", event) == chained("", abroad)
    assert chained("x", event) != chained("", event)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE event SET note = 'x'", "DELETE FROM event", "TRUNCATE event", "ALTER TABLE event DROP hash"],
)
def test_the_application_cannot_change_the_log(fresh: str, statement: str) -> None:
    filed()
    with db.read() as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_two_writers_of_one_case_get_two_versions(fresh: str) -> None:
    incident = filed()
    at_once = threading.Barrier(4)

    def note(name: str) -> Callable[[], None]:
        def run() -> None:
            at_once.wait()
            commands.move(incident, Move(Act.NOTE, NOON, name, note=name))

        return run

    threads = [threading.Thread(target=note(name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = chain_of(incident)
    assert [row["n"] for row in chain] == [1, 2, 3, 4, 5]
    assert is_whole(chain)
