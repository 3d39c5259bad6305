"""Do bytes reach every browser in order, and is one that does not read let go?"""

import socket
import time
from collections.abc import Iterator

import pytest

from data.live import writer as module
from data.live.writer import Viewer, Writer
from tests.waiting import until


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Writer]:
    monkeypatch.setattr(module, "BEAT_SECONDS", 0.1)
    beats: list[float] = []
    made = Writer(lambda: beats.append(time.monotonic()))
    made.beats = beats  # type: ignore[attr-defined]
    made.start()
    yield made
    made.stop(b"bye")


def a_viewer() -> tuple[Viewer, socket.socket, list[Viewer]]:
    """What the server holds, what the browser holds, and who has been let go."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(5)
    gone: list[Viewer] = []
    return Viewer(ours, gone.append), theirs, gone


def read(browser: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += browser.recv(65_536)
    return got


def test_the_first_bytes_come_before_every_later_message(writer: Writer):
    viewer, browser, _ = a_viewer()
    writer.adopt(viewer, b"hello ")
    for n in range(100):
        writer.send([viewer], b"%d " % n)
    whole = b"hello " + b"".join(b"%d " % n for n in range(100))
    assert read(browser, len(whole)) == whole


def test_a_message_larger_than_the_socket_takes_arrives_whole(writer: Writer):
    viewer, browser, _ = a_viewer()
    big = bytes(range(256)) * 3_000
    writer.adopt(viewer, b"")
    writer.send([viewer], big)
    assert read(browser, len(big)) == big


def test_a_browser_that_never_reads_is_let_go_and_the_others_are_not(writer: Writer):
    slow, _silent, slow_gone = a_viewer()
    quick, browser, quick_gone = a_viewer()
    writer.adopt(slow, b"")
    writer.adopt(quick, b"")
    message = b"x" * 60_000
    for _ in range(40):
        writer.send([slow, quick], message)
        read(browser, len(message))
    until(lambda: slow_gone)
    assert slow_gone == [slow]
    assert quick_gone == []
    assert slow.bytes <= module.MOST_PENDING + len(message)


def test_a_browser_that_leaves_is_let_go_at_once(writer: Writer):
    viewer, browser, gone = a_viewer()
    writer.adopt(viewer, b"")
    browser.close()
    until(lambda: gone)
    writer.send([viewer], b"nobody is there")


def test_the_heart_beats_without_any_message(writer: Writer):
    until(lambda: len(writer.beats) >= 3)  # type: ignore[attr-defined]


def test_at_the_end_everybody_is_told():
    made = Writer(lambda: None)
    made.start()
    viewer, browser, gone = a_viewer()
    made.adopt(viewer, b"hello ")
    assert read(browser, 6) == b"hello "
    made.stop(b"bye")
    assert read(browser, 3) == b"bye"
    assert browser.recv(10) == b""
    assert gone == [viewer]
