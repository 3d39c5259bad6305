"""What does a page's state say now, computed once for everybody who asks the same?"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

import orjson

from data import cache, config, db
from data.config.room import room
from data.live.events import now
from data.live.registry import Ask, Page, State, Subject

computed: Counter[str] = Counter()
"""state() calls of this process, by page."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A state as it was at `at`; `etag` is of the state alone."""

    at: str
    simulated: bool
    state: State
    etag: str


def compute(
    page: Page,
    subject: Subject,
    ask: Ask,
    pulse: str | None,
    is_behind: Callable[[Answer], bool] = lambda _: False,
) -> Answer:
    """Without a pulse nobody knows whether a kept answer is still true: it is computed anew, and so is one
    that is behind what was told already."""
    key = _key(page, subject.text, ask)

    def make() -> bytes:
        made = _make(page, subject, ask)
        cache.keep(key, made)
        return made

    if pulse is None:
        return _read(make())
    try:
        answer = _read(cache.once(f"{key}@{pulse}", make, patience=db.left(cache.LOCK_SECONDS)))
    except TimeoutError as busy:
        raise db.Late("somebody else is still computing it") from busy
    return _read(cache.anew(f"{key}@{pulse}", make)) if is_behind(answer) else answer


def last(page: Page, subject_text: str, ask: Ask) -> Answer | None:
    """The newest answer that anybody got, for when the database cannot be asked."""
    kept = cache.kept(_key(page, subject_text, ask))
    return None if kept is None else _read(kept)


def has_last(page: Page, subject_text: str, ask: Ask) -> bool:
    return cache.is_kept(_key(page, subject_text, ask))


def _make(page: Page, subject: Subject, ask: Ask) -> bytes:
    at = now()
    computed[page.name] += 1
    state = db.twice(lambda: page.look(subject, ask))
    body = orjson.dumps(state, option=orjson.OPT_SORT_KEYS)
    mark = blake2b(body, digest_size=12).hexdigest().encode()
    simulated = b"true" if _simulated(state) else b"false"
    return b'{"at":"%s","simulated":%s,"etag":"%s","state":%s}' % (at.encode(), simulated, mark, body)


def _read(made: bytes) -> Answer:
    return Answer(**orjson.loads(made))


def _key(page: Page, subject_text: str, ask: Ask) -> str:
    parts = [page.name, subject_text, ask.rights, ask.lang, ask.filters, ask.at, ask.known]
    return "state:" + orjson.dumps(parts).decode()


def _simulated(state: State) -> bool:
    """As soon as one thing shown is."""
    if state.get("text.simulated"):
        return True
    lists = (value for value in state.values() if isinstance(value, list))
    return any(isinstance(row, dict) and row.get("simulated") for rows in lists for row in rows)


def envelope(
    page: Page, subject_text: str, ask: Ask, answer: Answer, seq: int, worker_at: datetime | None
) -> dict[str, Any]:
    """The shape of `GET state/<page>/<subject>`."""
    return {
        "page": page.name,
        "subject": subject_text,
        "at": answer.at,
        "seq": seq,
        "build": config.build(),
        "lang": ask.lang,
        "simulated": answer.simulated,
        "now": now(),
        "worker_at": worker_at,
        "room": room().word,
        "state": answer.state,
    }


def keep(key: str, value: dict[str, Any]) -> None:
    """Something else that a page needs when the database is away."""
    cache.keep(key, orjson.dumps(value))


def kept(key: str) -> Any:
    found = cache.kept(key)
    return None if found is None else orjson.loads(found)
