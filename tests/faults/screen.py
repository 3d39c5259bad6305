"""What does one screen see, without a browser? It keeps its model and its patience as assets/live.js does."""

import asyncio
import random
import re
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

import orjson

from tests.conftest import ROOT
from tests.faults import sse

_SCRIPT = (ROOT / "assets" / "live.js").read_text(encoding="utf-8")
_FIGURES = {name: int(ms) / 1000 for name, ms in re.findall(r"const ([A-Z]+) = (\d+);", _SCRIPT)}
SILENCE, FIRST, MOST, REFUSED, POLL, PATIENCE, WHOLE = (
    _FIGURES[name] for name in ("SILENCE", "FIRST", "MOST", "REFUSED", "POLL", "PATIENCE", "WHOLE")
)
"""The browser's own, in seconds."""
GONE = (OSError, EOFError, TimeoutError, ValueError)


class Frame(NamedTuple):
    """What came. `lost`, `refused` and `polled` are no messages, their seq is a status."""

    at: float  # time.monotonic()
    name: str
    seq: int
    now: str  # the server's
    taken: bool
    astray: bool  # said before its turn or after it, which a screen makes good
    value: Any  # then, of the leaf that is watched


class Mode(NamedTuple):
    """As `data-live` of a page: live, polling, silent, down or failed."""

    at: float
    mode: str


class Screen:
    def __init__(self, where: tuple[str, int], ask: Mapping[str, str], address: str, watched: str) -> None:
        self.where, self.ask, self.address, self.watched = where, dict(ask), address, watched
        self.model: dict[str, Any] = {}
        self.frames: list[Frame] = []
        self.modes: list[Mode] = []
        self.tries: list[float] = []
        self.hellos: list[float] = []
        self.build, self.room, self.worker_at = "", "", None
        self.as_of = 0.0  # the server's clock when the picture was last known to be true
        self.made_at = 0.0  # … when what the picture shows was looked up
        self.heard = monotonic()  # the last word of the server
        self.away = ""  # "down" = the database, "failed" = this page alone cannot be computed
        self._etag, self._seq, self._failures, self._joined = "", 0, 0, False
        self._told = self._opened = self._whole = 0.0
        self._offsets: list[float] = []
        self._writer: asyncio.StreamWriter | None = None
        self._polling: asyncio.Task[None] | None = None
        self._answered, self._fell_silent, self._soon = True, False, asyncio.Event()

    # ── the stream ──────────────────────────────────────────────────────────────────────────────
    async def look(self) -> None:
        while True:
            status = await self._stream()
            self._joined, self._failures = False, self._failures + 1
            if status != 200 or self._fell_silent or self._failures >= 2:
                self._start_polling()
            self._fell_silent = False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), self._patience(status))
            self._soon.clear()

    def _patience(self, status: int) -> float:
        if status != 200:
            return REFUSED * (1 + random.random())
        return min(MOST, FIRST * 2 ** (self._failures - 1)) * (0.1 + 0.9 * random.random())

    async def _stream(self) -> int:
        """Until it breaks; the status, if one was given."""
        self._opened, status = monotonic(), 200
        self.tries.append(self._opened)
        try:
            async with asyncio.timeout(SILENCE):
                query = {**self.ask, "etag": self._etag}
                reader, self._writer = await sse.ask(self.where, self.address, "/live", query)
                status, _ = await sse.head(reader)
            if status == 200:
                await self._read(reader)
        except TimeoutError:
            self._fell_silent = True
        except GONE:
            pass
        self._close()
        self._note("lost" if status == 200 else "refused", status, "", True)
        return status

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while piece := await reader.read(sse.MOST):
            *events, rest = (rest + piece).split(b"\n\n")
            if not all(self._take(*sse.message(event)) for event in events):
                return

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    def _take(self, name: str, said: Mapping[str, Any]) -> bool:
        """Whether the stream is worth going on with."""
        astray = self._is_astray(name, said)
        takes = {"hello": self._hello, "diff": self._diff, "hb": self._beat, "source": self._source}
        taken = takes[name](said) if name in takes else None
        self._note(name, said.get("seq", 0), said.get("now", ""), bool(taken), astray)
        return taken is not None

    def _is_astray(self, name: str, said: Mapping[str, Any]) -> bool:
        if name == "hello":
            return self._joined or sse.seconds(said["now"]) < self.as_of
        return name in ("diff", "hb") and (not self._joined or said["seq"] != self._seq + (name == "diff"))

    def _hello(self, said: Mapping[str, Any]) -> bool | None:
        """Taken, or False = not for us, or None = begin again; so are the others."""
        if self._joined or self._is_late(said["now"]):
            return False
        if sse.seconds(said["now"]) < self.as_of or ("state" in said and self._is_older(said)):
            return None
        self._joined, self.away = True, "down" if said.get("db") is False else ""
        self._stop_polling()
        self._seq, self._etag, self.build = said["seq"], said["etag"], said["build"]
        if "state" in said:
            self.model = dict(said["state"])
        self.made_at = sse.seconds(said["at"])
        self.hellos.append(monotonic())
        self._tell(said["now"])
        return True

    def _diff(self, said: Mapping[str, Any]) -> bool | None:
        if not self._joined or said["seq"] <= self._seq:
            return False
        if said["seq"] > self._seq + 1:
            return self._is_behind()
        self._seq, self._etag, self.made_at = said["seq"], "", sse.seconds(said["at"])
        self.model.update(said.get("set", {}))
        for key, changed in said.get("rows", {}).items():
            self.model[key] = sse.folded(self.model.get(key), changed)
        return True

    def _beat(self, said: Mapping[str, Any]) -> bool | None:
        if not self._joined or said["seq"] < self._seq or self._is_late(said["now"]):
            return False
        if said["seq"] > self._seq:
            return self._is_behind()
        self._failures = 0
        self.worker_at, self.room = said["worker_at"], said.get("room", "")
        self._tell(said["now"])
        return True

    def _source(self, said: Mapping[str, Any]) -> bool:
        self.away = "failed" if said.get("page") is False else "" if said["db"] else "down"
        return True

    def _is_behind(self) -> None:
        self._etag = ""

    def leave(self) -> None:
        self._stop_polling()
        self._close()

    # ── without a stream ────────────────────────────────────────────────────────────────────────
    def _start_polling(self) -> None:
        if self._polling is None:
            self._answered = True
            self._polling = asyncio.create_task(self._poll())

    def _stop_polling(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            self._polling = None

    async def _poll(self) -> None:
        while True:
            came = False
            with suppress(*GONE):
                async with asyncio.timeout(PATIENCE):
                    came = await self._state()
            if came and not self.away and not self._answered:
                self._failures = 0
                self._soon.set()
                self._close()
            self._answered = came and not self.away
            spread = 0.8 + 0.4 * random.random() if came else 1 + 5 * random.random()
            await asyncio.sleep(POLL * spread)

    async def _state(self) -> bool:
        page, subject = (self.ask.get(name, "") for name in ("page", "subject"))
        query = {name: value for name, value in self.ask.items() if name not in ("page", "subject")}
        tag = self._etag if '"' in self._etag else f'"{self._etag}"'
        fields = {"If_None_Match": tag} if self._etag and monotonic() - self._whole < WHOLE else {}
        path = "/".join(filter(None, ("/api/v1/state", page, subject)))
        begun = self._clock()
        reader, writer = await sse.ask(self.where, self.address, path, query, **fields)
        try:
            status, got = await sse.head(reader)
            said = orjson.loads(await sse.body(reader, got)) if status == 200 else None
        finally:
            writer.transport.abort()
        return self._answer(status, got, said, begun)

    def _answer(self, status: int, got: Mapping[str, str], said: dict[str, Any] | None, begun: float) -> bool:
        if status not in (200, 304, 500, 503):
            return False
        if said is not None:
            if not self._is_older(said):
                self.model, self._etag, self.made_at = said["state"], got["etag"], sse.seconds(said["at"])
            self._whole = monotonic()
            self._set_clock(sse.seconds(said["now"]))
            self.build, self.worker_at, self.room = said["build"], said.get("worker_at"), said.get("room", "")
        self.heard, self.away = monotonic(), {500: "failed", 503: "down"}.get(status, "")
        if not self.away:
            self.as_of = begun
        self._note("polled", status, said["now"] if said else "", not self.away)
        return True

    # ── what a person is told ───────────────────────────────────────────────────────────────────
    @property
    def mode(self) -> str:
        if monotonic() - self.heard > SILENCE:
            return "silent"
        return self.away or ("polling" if self._polling else "live")

    def watch(self) -> None:
        if not self.modes or self.modes[-1].mode != self.mode:
            self.modes.append(Mode(monotonic(), self.mode))
        if self._writer is not None and monotonic() - max(self._told, self._opened) > SILENCE:
            self._fell_silent = True
            self._close()

    def _tell(self, now: str) -> None:
        self._told = self.heard = monotonic()
        self._set_clock(sse.seconds(now))
        if not self.away:
            self.as_of = max(self.as_of, sse.seconds(now))

    def _clock(self) -> float:
        """The server's: nothing that it says is younger than it says."""
        return monotonic() + max(self._offsets) if self._offsets else 0.0

    def _set_clock(self, now: float) -> None:
        kept = [] if self._clock() - now > SILENCE else self._offsets[-9:]
        self._offsets = [*kept, now - monotonic()]

    def _is_older(self, said: Mapping[str, Any]) -> bool:
        """Than the picture; not so when the server's clock was set back."""
        return sse.seconds(said["at"]) < self.made_at <= sse.seconds(said["now"])

    def _is_late(self, now: str) -> bool:
        return self._clock() - sse.seconds(now) > SILENCE

    def _note(self, name: str, seq: int, now: str, taken: bool, astray: bool = False) -> None:
        value = self.model.get(self.watched)
        self.frames.append(Frame(monotonic(), name, seq, now, taken, astray, value))
