"""Does an answer arrive to its end, and does nobody pay for what another client has left behind?"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.clients import ALICE, BOB, Client, crowd
from tests.test_serve import HALF_BODY, served

MEGABYTE = 1 << 20
A, B = "203.0.113.9", "203.0.113.10"


def asked(client: Client, sender: str, path: str = "/heard") -> Client:
    return client.ask(path, f"X-Forwarded-For: {sender}")


@pytest.fixture(scope="module")
def proxied(home: Path) -> Iterator[int]:
    with served(home, CITYOPS_PROXY=BOB, CITYOPS_CAPS="unfinished=2") as (port, _):
        yield port


def test_the_end_of_an_answer_arrives_though_the_client_has_said_something_more(home: Path) -> None:
    with served(home) as (port, _):
        client = Client(port, taken=4096).ask("/much/20", "Connection: close")
        time.sleep(0.05)
        client.say("\r\n")
        time.sleep(0.3)
        assert client.answer()[2] == b"x" * (20 * 65_536)


def test_on_a_proxys_connection_everybody_has_room_of_his_own(proxied: int) -> None:
    """It was last used for a client who then fills all that he may have."""
    kept = Client(proxied, BOB)
    assert asked(kept, A).status() == 200
    half = HALF_BODY.replace("\r\n\r\n", f"\r\nX-Forwarded-For: {A}\r\n\r\n")
    with crowd(proxied, 2, BOB, said=half):
        time.sleep(0.2)
        assert asked(kept, B).status() == 200


def test_a_proxys_connections_may_rest_however_many_one_client_has_used(proxied: int) -> None:
    with crowd(proxied, 6, BOB) as many:
        told = [asked(one, A).answer()[1].get("connection") for one in many]
    assert told == ["keep-alive"] * 6


def test_who_was_refused_is_forgotten_while_his_address_has_no_room(home: Path) -> None:
    with served(home, CITYOPS_CAPS="unfinished=2") as (port, master), crowd(port, 2, said=HALF_BODY):
        worker = psutil.Process(master).children()[0]
        time.sleep(0.2)
        said = "POST /heard HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8000000\r\n\r\n" + "x" * 60_000
        before = 0
        for n in range(3):
            with crowd(port, 250, ALICE, said=said):
                time.sleep(1.5)
            before = before or worker.memory_info().rss
            assert n == 0 or worker.memory_info().rss - before < 20 * MEGABYTE


def test_a_spare_file_that_could_not_be_opened_again_closes_nobody_elses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from data.serve.worker import Worker

    class Full:
        def accept(self) -> None:
            raise OSError(24, "too many open files")

    def none_left(*_: object) -> int:
        raise OSError(24, "too many open files")

    worker = Worker.__new__(Worker)
    worker._spare = os.open(os.devnull, os.O_RDONLY)
    monkeypatch.setattr("data.serve.worker.LOOK_SECONDS", 0)
    with monkeypatch.context() as full:
        full.setattr("data.serve.worker.os.open", none_left)
        worker._turn_away(Full())
    theirs = os.open(os.devnull, os.O_RDONLY)  # takes the number that was free
    worker._turn_away(Full())
    os.fstat(theirs)
    assert worker._spare != theirs
    os.close(theirs)
    os.close(worker._spare)


def test_after_the_end_no_half_file_of_a_killed_worker_is_left(home: Path) -> None:
    half = home / "cache" / "fresh" / "half"
    half.parent.mkdir(parents=True, exist_ok=True)
    with served(home) as (_, master):
        worker = psutil.Process(master).children()[0]
        worker.kill()
        worker.wait()
        half = half.with_suffix(f".{worker.pid}.1")
        half.touch()
    assert not half.exists()
