"""What time is it in the city?"""

from datetime import datetime

from data.db import Conn, Row


def city_now(conn: Conn) -> datetime:
    row = conn.execute("SELECT city_now() AS at").fetchone()
    assert row is not None
    at: datetime = row["at"]
    return at


def here(conn: Conn) -> Row | None:
    """`{now, root, timezone}`; None before a city is loaded."""
    return conn.execute("SELECT city_now() AS now, root, timezone FROM city").fetchone()


def may_be_set(conn: Conn) -> bool:
    """True of a replay session alone."""
    row = conn.execute("SELECT session_user = 'cityops_replay' AS replay").fetchone()
    return row is not None and bool(row["replay"])


def midnight(conn: Conn) -> datetime:
    """The last one on the city's clock."""
    row = conn.execute("SELECT date_trunc('day', city_now(), timezone) AS midnight FROM city").fetchone()
    assert row is not None
    return row["midnight"]  # type: ignore[no-any-return]
