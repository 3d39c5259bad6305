"""Does the house itself run?"""

from data.db import Conn, Row


def hurry(conn: Conn, seconds: float) -> None:
    """For the rest of the transaction no statement may take longer."""
    conn.execute("SELECT set_config('statement_timeout', %s, true)", (f"{int(seconds * 1000)}ms",))


def standing(conn: Conn) -> Row:
    """`{city, worker_at, history}`: the root's code, the worker's last beat, how much history is loaded."""
    row = conn.execute(
        """SELECT (SELECT root FROM city) AS city, (SELECT history FROM city) AS history,
                  (SELECT max(at) FROM beat WHERE process = 'worker') AS worker_at"""
    ).fetchone()
    assert row is not None
    return row
