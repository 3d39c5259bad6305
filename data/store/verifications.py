"""What did the last verifications find?"""

from psycopg.types.json import Jsonb

from data.db import Conn, Row
from data.domain.proof import Verdict

KEPT = 90


def can_be_kept(conn: Conn) -> bool:
    row = conn.execute("SELECT current_setting('transaction_read_only') = 'off' AS writable").fetchone()
    return bool(row and row["writable"])


def add(conn: Conn, verdict: Verdict) -> None:
    """The newest ones are kept."""
    conn.execute(
        "INSERT INTO verification (at, seconds, deep, ok, proofs) VALUES (%s, %s, %s, %s, %s)",
        (verdict.at, verdict.seconds, verdict.deep, verdict.ok, Jsonb(verdict.said()["proofs"])),
    )
    conn.execute(
        "DELETE FROM verification WHERE n <= (SELECT n FROM verification ORDER BY n DESC OFFSET %s LIMIT 1)",
        (KEPT,),
    )


def last(conn: Conn) -> Row | None:
    """`{at, seconds, deep, ok, proofs}`."""
    return conn.execute(
        "SELECT at, seconds, deep, ok, proofs FROM verification ORDER BY n DESC LIMIT 1"
    ).fetchone()
