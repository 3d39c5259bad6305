"""How do a thousand people watch at once? A process of its own reads streams and notes when they speak."""

import asyncio
import re
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import time
from typing import NamedTuple, Self
from urllib.parse import urlsplit

OPEN = re.compile(rb'"text\.open":(\d+)')
BEHIND_ONE = 40  # viewers behind one address of 127.0.0.0/8: caps count by peer
PATIENCE = 60.0


class News(NamedTuple):
    """`open`: how many cases are open by it, where it says so."""

    stream: int
    at: float
    open: int | None


class Heard(NamedTuple):
    """`waiting`: viewers without a picture; `lost`: connections that ended."""

    news: list[News]
    waiting: int
    lost: int
    bytes: int


class Viewers:
    """`asks`: a query of /live for each viewer (`page=wall&subject=4201`); the same ask is one stream."""

    def __init__(self, url: str, asks: Sequence[str], *, note_every: int = 1) -> None:
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_watch, args=(theirs, url, list(asks), note_every), daemon=True
        )

    def __enter__(self) -> Self:
        self._process.start()
        assert self._pipe.poll(PATIENCE) and self._pipe.recv() == "ready", "not every viewer got a picture"
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("end")
        self._process.join(10)
        self._process.kill()

    def take(self) -> Heard:
        """All since the last time it was asked."""
        self._pipe.send("take")
        found: Heard = self._pipe.recv()
        return found


def _watch(pipe: Connection, url: str, asks: list[str], note_every: int) -> None:
    asyncio.run(_Crowd(url, asks, note_every).run(pipe))


class _Crowd:
    def __init__(self, url: str, asks: list[str], note_every: int) -> None:
        self.where = urlsplit(url)
        self.news: list[News] = []
        self.waiting, self.lost, self.bytes = len(asks), 0, 0
        numbers = {ask: n for n, ask in enumerate(dict.fromkeys(asks))}
        self.readers = [_Reader(self, numbers[ask], ask, n % note_every == 0) for n, ask in enumerate(asks)]

    async def run(self, pipe: Connection) -> None:
        loop = asyncio.get_running_loop()
        for n, reader in enumerate(self.readers):
            address = f"127.7.{n // BEHIND_ONE // 200}.{n // BEHIND_ONE % 200 + 1}"
            await loop.create_connection(
                lambda reader=reader: reader,  # type: ignore[misc]
                self.where.hostname,
                self.where.port,
                local_addr=(address, 0),
            )
            await asyncio.sleep(0.002)
        while self.waiting:
            await asyncio.sleep(0.05)
        pipe.send("ready")
        while await loop.run_in_executor(None, pipe.recv) == "take":
            found, self.news = self.news, []
            pipe.send(Heard(found, self.waiting, self.lost, self.bytes))


class _Reader(asyncio.Protocol):
    def __init__(self, crowd: _Crowd, stream: int, ask: str, notes: bool) -> None:
        self._crowd, self._stream, self._ask, self._notes = crowd, stream, ask, notes
        self._rest = b""
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        host = self._crowd.where.netloc
        transport.write(f"GET /live?{self._ask} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        self._crowd.bytes += len(data)
        *frames, self._rest = (self._rest + data).split(b"\n\n")
        for frame in frames:
            if b"event: hello" in frame[:400]:
                self._crowd.waiting -= not self._greeted
                self._greeted = True
            elif self._notes and frame.startswith(b"event: diff"):
                said = OPEN.search(frame)
                self._crowd.news.append(News(self._stream, time(), int(said[1]) if said else None))

    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.lost += 1
