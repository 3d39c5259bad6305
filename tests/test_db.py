"""Does a message about many places still fit, and does the one clock obey only the replay role?"""

import json
import time
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from data import db
from tests.waiting import frozen


def test_a_message_names_what_changed() -> None:
    assert json.loads(db._payload("signs", {"xid": "77", "n": 5}, ["4201/420106/"])) == {
        "kind": "signs", "xid": "77", "n": 5, "paths": ["4201/420106/"],
    }  # fmt: skip


def test_too_many_places_are_told_as_the_place_above() -> None:
    paths = [f"4201/420106/420106{n:03d}/" for n in range(900)]
    payload = db._payload("signs", {"xid": "1", "n": 1}, paths)
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


def test_a_frozen_connection_is_not_waited_for(postgres, fresh: str) -> None:
    """SIGSTOP of its backend: who asks gets another connection, about a second later."""
    with db.read() as conn:
        backend = conn.info.backend_pid
    with frozen(backend):
        begun = time.monotonic()
        with db.read() as conn:
            assert conn.execute("SELECT 1 AS one").fetchone() == {"one": 1}
            assert conn.info.backend_pid != backend
        assert time.monotonic() - begun < 4


def test_a_connection_that_the_server_ended_is_replaced(postgres, fresh: str) -> None:
    with db.read() as conn:
        ended = conn.info.backend_pid
    with closing(postgres.admin()) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", (ended,))
    with db.read() as conn:
        assert conn.info.backend_pid != ended


@pytest.mark.parametrize(("workers", "threads"), [(1, 16), (1, 512), (2, 16), (8, 64)])
def test_all_processes_together_ask_no_more_connections_than_the_server_has(
    workers: int, threads: int
) -> None:
    from data.config import read

    said = read({"CITYOPS_HOME": "/x", "CITYOPS_WORKERS": str(workers), "CITYOPS_THREADS": str(threads)})
    assert said.connections > db.ACTS
    assert (workers + 1) * said.connections <= 100 - 30
