"""How do the messages of the live path look on the wire?"""

from typing import Any

import orjson

from data.live import clock

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-store\r\n"
    b"X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
)


def event(name: str, seq: int, data: dict[str, Any]) -> bytes:
    return b"event: %s\nid: %d\ndata: %s\n\n" % (name.encode(), seq, orjson.dumps(data))


def now() -> str:
    """The database's clock, by which browsers set theirs."""
    return clock.now().isoformat(timespec="milliseconds")
