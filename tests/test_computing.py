"""Is news that comes while a stream is computed never lost, and is nobody told the same twice?"""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from psycopg import OperationalError

from data.live import computing
from data.live.answers import Answer, compute
from data.live.computing import Computers
from data.live.registry import Ask, Page, Subject
from data.live.stream import Stream

PAGE = Page(
    "board", lambda subject, ask: {}, lambda text, viewer: Subject(text, text), frozenset({"signs"}), ()
)
ASK = Ask("guest", "zh", (), None, None)
LATER = "9999"  # an answer that is begun after whatever is told


class Nobody:
    def send(self, viewers: Iterable[Any], message: bytes) -> None: ...


@pytest.fixture
def stream() -> Stream:
    return Stream(PAGE, Subject("99", "99/"), ASK)


def test_news_that_comes_before_a_computation_has_begun_is_computed_again(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It arrives between the look at the pulse and the computation under that pulse."""
    made: list[str | None] = []
    pulses = iter(("before", "after"))

    def pulse(_: Stream) -> str:
        found = next(pulses)
        if found == "before":
            computers.mark([stream])
        return found

    def compute(page: Page, subject: Subject, ask: Ask, pulse: str | None, _: object) -> Answer:
        made.append(pulse)
        return Answer(LATER, False, {}, str(pulse))

    monkeypatch.setattr(computing, "compute", compute)
    computers = Computers(pulse, Nobody(), lambda _: None)
    stream.want()
    computers.freshen(stream)
    computers.freshen(stream)
    assert made == ["before", "after"]


def test_what_lies_ready_is_not_told_after_what_was_seen_later(
    fresh: str,
) -> None:
    """Whoever asked under the older pulse saw more in the database than who asked under the newer; and he
    who comes next is told what was computed in its place."""
    numbers = count(2497)
    page = replace(PAGE, state=lambda subject, ask: {"text.open": next(numbers)})
    stream, told = Stream(page, Subject("99", "99/"), ASK), []
    compute(page, stream.subject, ASK, "newer")
    time.sleep(0.002)  # times are of a millisecond
    pulses = iter(("older", "newer"))
    computers = Computers(lambda _: next(pulses), Nobody(), lambda _: None)
    for _ in range(2):
        computers.mark([stream])
        computers.freshen(stream)
        assert stream.answer is not None
        told.append(stream.answer.state["text.open"])
    assert told == [2498, 2499]
    assert compute(page, stream.subject, ASK, "newer").state == {"text.open": 2499}


def test_after_a_rest_two_are_computed_at_once_and_the_third_waits(stream: Stream) -> None:
    computers = Computers(lambda _: "1", Nobody(), lambda _: None)
    stream.want()
    waits = []
    for _ in range(3):
        computers.mark([stream])
        assert computers._next() is stream
        stream.computing = False
        waits.append(stream.due > time.monotonic())
    assert waits == [False, True, True]


@pytest.mark.parametrize("wrong", [OperationalError("away"), ValueError("a mistake")])
def test_a_stream_that_still_fails_says_so_once(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, wrong: Exception
) -> None:
    told: list[Stream] = []
    answers: Callable[..., Answer] = lambda *_: Answer(LATER, False, {}, "1")  # noqa: E731
    monkeypatch.setattr(computing, "compute", answers)
    computers = Computers(lambda _: "1", Nobody(), told.append)
    computers.freshen(stream)

    def fails(*_: object) -> Answer:
        raise wrong

    monkeypatch.setattr(computing, "compute", fails)
    for _ in range(3):
        computers.mark([stream])
        computers.freshen(stream)
    assert told == [stream]
