"""What has everyone who watches the same thing been told so far?"""

from collections.abc import Iterable
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, Protocol

from data import config
from data.live.answers import Answer
from data.live.diff import between
from data.live.events import event, now
from data.live.registry import Ask, Page, Subject
from data.live.writer import Viewer

JOIN_SECONDS = 5.0

Key = tuple[str, str, Ask]


class Sender(Protocol):
    def send(self, viewers: Iterable[Viewer], message: bytes) -> None: ...


class Failure(NamedTuple):
    """Since when a state cannot be computed; `ours`: by a mistake of ours, not for want of the database."""

    since: datetime
    ours: bool


class Stream:
    """One page, subject and ask. `lock` guards what was told, `turn` lets one computation at a time in."""

    def __init__(self, page: Page, subject: Subject, ask: Ask) -> None:
        self.page = page
        self.subject = subject
        self.ask = ask
        self.lock = Lock()
        self.turn = Lock()
        self.viewers: set[Viewer] = set()
        self.answer: Answer | None = None
        self.seen = ""  # until when `answer` may have looked at the database
        self.seq = 0
        self.stale = True
        self.failed: Failure | None = None
        self.computing = self.tried = False
        self.due = 0.0
        self.idle_since = monotonic()
        self.wanted_until = 0.0

    @property
    def key(self) -> Key:
        return (self.page.name, self.subject.text, self.ask)

    @property
    def watched(self) -> bool:
        """Somebody sees it, or is about to."""
        return bool(self.viewers) or monotonic() < self.wanted_until

    def want(self) -> None:
        self.wanted_until = monotonic() + JOIN_SECONDS

    def wait(self, seconds: float) -> None:
        """Until what is being computed is told, but not longer."""
        if self.turn.acquire(timeout=seconds):
            self.turn.release()

    def hello(self, etag: str, db: bool) -> bytes:
        """With the state only when the browser has another one. The caller holds the lock."""
        assert self.answer is not None
        said: dict[str, Any] = {
            "build": config.build(),
            "now": now(),
            "seq": self.seq,
            "etag": self.answer.etag,
            "at": self.answer.at,
            "db": db,
        }
        if etag != self.answer.etag:
            said |= {"state": self.answer.state, "simulated": self.answer.simulated}
        return event("hello", self.seq, said)

    def source(self, up: bool, since: datetime | None) -> bytes:
        """`page` false: the database is there, but this page of ours cannot be computed."""
        failed = self.failed
        ours = failed is not None and failed.ours
        return event("source", 0, {
            "db": up and (failed is None or ours), "since": since or (failed and failed.since),
            "page": not ours,
        })  # fmt: skip

    def is_behind(self, answer: Answer) -> bool:
        """What lies ready may have been begun before the news that `self.answer` saw already."""
        told = self.answer
        return told is not None and told.etag != answer.etag and answer.at < self.seen

    def tell(self, answer: Answer, sender: Sender) -> None:
        with self.lock:
            if self.is_behind(answer):
                return
            before, self.answer, self.seen = self.answer, answer, now()
            if before is None or before.etag == answer.etag:
                return
            change = between(before.state, answer.state)
            if change is not None:
                self.seq += 1
                said = {"seq": self.seq, "at": answer.at, **change}
                sender.send(self.viewers, event("diff", self.seq, said))

    def leave(self, viewer: Viewer) -> None:
        with self.lock:
            self.viewers.discard(viewer)
            self.idle_since = monotonic()
