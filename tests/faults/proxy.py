"""What does a bad network do between two ends? Delay, throttle, swallow, keep, cut, refuse, repeat."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from struct import pack
from threading import Event, Thread
from typing import Any, Self

Target = tuple[str, int] | str  # host and port, or the path of a unix socket
Ends = tuple[asyncio.StreamWriter, asyncio.StreamWriter]
PIECE = 65_536
RESET = pack("ii", 1, 0)  # SO_LINGER: no farewell


class Proxy:
    """`with Proxy(("127.0.0.1", 8050)) as proxy:` listens on 127.0.0.1:proxy.port, in a thread of its own.

    A mode holds for connections that stand and for new ones until `pass_on`; modes add up.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.port = self.opened = self.passed = 0  # connections taken, bytes passed on
        self.change: Callable[[bytes], bytes] = lambda piece: piece  # what the target says, before it passes
        self._seconds = self._rate = 0.0
        self._last: dict[Ends, bytes] = {}  # the last piece that its client got
        self._thread = Thread(target=lambda: asyncio.run(self._run()), name="proxy", daemon=True)
        self._listens = Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listens.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(5)

    # ── modes ───────────────────────────────────────────────────────────────────────────────────
    def pass_on(self) -> None:
        """Everything as it comes; what was held back arrives now."""
        self._seconds = self._rate = 0.0
        self._do(self._listen())
        self._loop.call_soon_threadsafe(self._both.set)
        self._loop.call_soon_threadsafe(self._back.set)

    def delay(self, ms: float) -> None:
        self._seconds = ms / 1000

    def throttle(self, rate: float) -> None:
        """Bytes a second, each way of each connection."""
        self._rate = rate

    def swallow(self) -> None:
        """A black hole: connections stand and can be opened, nothing arrives, no farewell either."""
        self._loop.call_soon_threadsafe(self._both.clear)

    def buffer(self) -> None:
        """What the target says is kept, as by a proxy that reads whole answers."""
        self._loop.call_soon_threadsafe(self._back.clear)

    def cut(self) -> None:
        """Connections that stand are reset, new ones are taken."""
        self._do(self._cut())

    def refuse(self) -> None:
        """As `cut`, and nobody listens any more."""
        self._do(self._deafen())

    def replay(self, times: int = 1) -> None:
        """Each client gets the last piece from the target again."""
        self._do(self._replay(times))

    # ── the thread ──────────────────────────────────────────────────────────────────────────────
    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(5)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._both, self._back, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._both.set()
        self._back.set()
        self._server: asyncio.Server | None = None
        await self._listen()
        self._listens.set()
        await self._ended.wait()
        await self._deafen()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._link, "127.0.0.1", self.port, backlog=2048)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> None:
        for ends in tuple(self._last):
            for writer in ends:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()

    async def _replay(self, times: int) -> None:
        for (near, _), piece in self._last.items():
            near.write(piece * times)

    async def _link(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.opened += 1
        try:
            far_reader, far = await self._connect()
        except OSError:
            near.transport.abort()
            return
        ends = (near, far)
        self._last[ends] = b""
        try:
            async with asyncio.TaskGroup() as four:
                self._pump(four, reader, far, None)
                self._pump(four, far_reader, near, ends)
        except* OSError:
            pass
        finally:
            del self._last[ends]
            near.transport.abort()
            far.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, str):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target)

    def _pump(
        self,
        tasks: asyncio.TaskGroup,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: Ends | None,
    ) -> None:
        """`ends` are given for the way from the target to its client."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(16)
        tasks.create_task(self._take(reader, queue))
        tasks.create_task(self._give(queue, writer, ends))

    async def _take(self, reader: asyncio.StreamReader, queue: "asyncio.Queue[tuple[float, bytes]]") -> None:
        piece = b"."
        while piece:
            piece = await reader.read(min(PIECE, int(self._rate / 20) or PIECE))
            await queue.put((self._loop.time() + self._seconds, piece))

    async def _give(
        self, queue: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter, ends: Ends | None
    ) -> None:
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(due - self._loop.time(), len(piece) / self._rate if self._rate else 0))
            await self._both.wait()
            if not piece:
                writer.write_eof()
                return
            if ends is not None:
                await self._back.wait()
                self._last[ends] = piece = self.change(piece)
            self.passed += len(piece)
            writer.write(piece)
            await writer.drain()
