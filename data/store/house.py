"""Does the house itself run?"""

from data.db import Conn, Row


def standing(conn: Conn) -> Row:
    """`{city, worker_at, history}`: the root's code, the worker's last beat, how much history is loaded."""
    row = conn.execute(
        """SELECT (SELECT root FROM city) AS city, (SELECT history FROM city) AS history,
                  (SELECT max(at) FROM beat WHERE process = 'worker') AS worker_at"""
    ).fetchone()
    assert row is not None
    return row


def lateness(conn: Conn) -> Row:
    """`{worker_age, held_back}`: seconds since the worker's beat; transactions since the oldest open one."""
    row = conn.execute(
        """SELECT extract(epoch FROM now() - (SELECT max(at) FROM beat WHERE process = 'worker'))::float8
                    AS worker_age,
                  (pg_snapshot_xmax(s)::text::bigint - pg_snapshot_xmin(s)::text::bigint) AS held_back
           FROM pg_current_snapshot() s"""
    ).fetchone()
    assert row is not None
    return row
