"""Is a connection that does not answer left alone, and does the one clock obey only the replay role?"""

import time
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from data import db
from tests.waiting import frozen


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


def test_every_reader_of_a_moment_sees_the_same_and_can_write_nothing(fresh: str) -> None:
    def beats(conn: db.Conn) -> object:
        return conn.execute("SELECT count(*) AS n FROM beat").fetchone()

    with db.moment():
        with db.read() as conn:
            before = beats(conn)
        with closing(db.connect()) as other:
            other.execute("INSERT INTO beat VALUES ('other', now(), '')")
        with db.read() as again:
            assert again is conn and beats(again) == before
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                again.execute("DELETE FROM beat")
    with db.read() as conn:
        assert beats(conn) != before


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
