"""What is on screen, kept true: states of pages, and the stream of their changes."""

from collections.abc import Mapping
from typing import Any

from data.db import within
from data.domain.rights import Viewer
from data.live import answers, hub, registry
from data.live.answers import Answer, keep, kept
from data.live.clock import now
from data.live.computing import HURRY_SECONDS, PATIENT_SECONDS
from data.live.http import mount, viewer
from data.live.hub import stop
from data.live.load import metrics
from data.live.registry import Ask, Page, State, Subject, known, page, pages, register

__all__ = [
    "Answer", "Ask", "Page", "State", "Subject", "answer", "keep", "kept", "known", "last", "metrics",
    "mount", "now", "page", "pages", "register", "stop", "viewer", "within",
]  # fmt: skip


def answer(name: str, text: str, viewer: Viewer, given: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """`GET state/<name>/<text>?given` and its ETag. Raises what the page's subject and state raise, and
    what the database does not say soon."""
    page = registry.page(name)
    ask = registry.ask(page, viewer, given)
    ours = hub.hub()
    with within(HURRY_SECONDS if answers.has_last(page, text, ask) else PATIENT_SECONDS):
        ours.check_database()
        made, seq = ours.answer(page, page.subject(text, viewer), ask)
    return answers.envelope(page, text, ask, made, seq, ours.listener.worker_at), made.etag


def last(name: str, text: str, viewer: Viewer, given: Mapping[str, str]) -> tuple[dict[str, Any], str] | None:
    """The newest that anybody with these rights was answered; what a page shows without a database."""
    page = registry.page(name)
    ask = registry.ask(page, viewer, given)
    made = answers.last(page, text, ask)
    if made is None:
        return None
    return answers.envelope(page, text, ask, made, 0, hub.hub().listener.worker_at), made.etag
