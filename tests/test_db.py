"""Does a message about many places still fit, and does the one clock obey only the replay role?"""

import json
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from data import db


def test_a_message_names_what_changed() -> None:
    assert json.loads(db._payload("signs", "77", ["4201/420106/"])) == {
        "kind": "signs", "xid": "77", "paths": ["4201/420106/"],
    }  # fmt: skip


def test_too_many_places_are_told_as_the_place_above() -> None:
    paths = [f"4201/420106/420106{n:03d}/" for n in range(900)]
    payload = db._payload("signs", "1", paths)
    assert len(payload) <= db.PAYLOAD_BYTES and json.loads(payload)["paths"] == ["4201/420106/"]


def test_the_application_cannot_move_the_clock(fresh_module: str) -> None:
    with closing(db.connect()) as conn:
        db.set_now(conn, datetime(2020, 7, 6, tzinfo=UTC))
        assert conn.execute("SELECT city_now() = now() AS same").fetchone() == {"same": True}


def test_a_replay_session_lives_in_its_own_time(fresh_module: str) -> None:
    with closing(db.replay(datetime(2020, 7, 6, tzinfo=UTC))) as conn:
        assert conn.execute("SELECT city_now() AS t").fetchone() == {"t": datetime(2020, 7, 6, tzinfo=UTC)}


@pytest.mark.parametrize("statement", ["UPDATE event SET note = ''", "DELETE FROM event", "DROP TABLE event"])
def test_the_application_cannot_change_the_log(fresh_module: str, statement: str) -> None:
    with closing(db.connect()) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute(statement)


def test_a_message_arrives_at_commit(fresh_module: str) -> None:
    with closing(db.listen()) as ear:
        with db.transaction() as conn:
            db.notify(conn, "incidents", ["4201/"])
        heard = next(ear.notifies(timeout=5))
    assert json.loads(heard.payload)["paths"] == ["4201/"]
