"""How do all who look at the city hear that something about a place has changed?"""

import json
from collections.abc import Iterable

from data.db import CHANNEL, Conn, Row

PAYLOAD_BYTES = 7_000  # NOTIFY refuses 8,000


def tell(conn: Conn, kind: str, paths: Iterable[str]) -> None:
    """Wakes every hub at commit; its number shows who did not hear it that something was missed.
    Too many paths are cut to the tier above until they fit."""
    row = conn.execute("SELECT pg_current_xact_id()::text AS xid, nextval('news') AS n").fetchone()
    assert row is not None
    conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, _payload(kind, row, sorted(set(paths)))))


def _payload(kind: str, row: Row, paths: list[str]) -> str:
    text = json.dumps({"kind": kind, **row, "paths": paths}, separators=(",", ":"))
    while len(text.encode()) > PAYLOAD_BYTES:
        deepest = max(path.count("/") for path in paths)
        paths = sorted({_above(path) if path.count("/") == deepest else path for path in paths})
        text = json.dumps({"kind": kind, **row, "paths": paths}, separators=(",", ":"))
    return text


def _above(path: str) -> str:
    """4201/420106/ → 4201/"""
    return path.rstrip("/").rpartition("/")[0] + "/" if path.count("/") > 1 else path
