"""Which of the codes that reports name are known?"""

from collections.abc import Sequence

from data.db import Conn


def assets(conn: Conn, codes: Sequence[str]) -> frozenset[str]:
    rows = conn.execute("SELECT code FROM asset WHERE code = ANY(%s)", (list(codes),)) if codes else ()
    return frozenset(row["code"] for row in rows)


def signs(conn: Conn, codes: Sequence[str]) -> frozenset[str]:
    rows = conn.execute("SELECT code FROM sign WHERE code = ANY(%s)", (list(codes),)) if codes else ()
    return frozenset(row["code"] for row in rows)
