"""How soon is started again what has died, and how does a process end that will not?"""

import signal
import time
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from data import embedded
from data.supervise import Database
from data.supervise.child import Child, Pause


def test_the_pause_doubles_to_ten_seconds_and_begins_anew_after_half_a_minute_of_health() -> None:
    pause = Pause()
    assert [pause.after(1, 0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]
    assert pause.after(29.9, 0) == 10
    assert pause.after(30, 0) == 0.2 and pause.after(0, 5) == 0.4 and pause.due == 5.4


def test_the_first_kills_within_a_minute_are_made_good_at_once_and_then_the_pause_doubles() -> None:
    pause = Pause()
    assert [pause.after(1, now, killed=True) for now in range(8)] == [0.2, 0.2, 0.2, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert pause.after(1, 70, killed=True) == 0.2  # the first for a minute
    assert pause.after(1, 71) == 6.4  # but whoever ends by itself has failed
    assert pause.after(30, 101, killed=True) == 0.2 and pause.after(1, 102) == 0.2


@dataclass
class Mortal:
    """A process or a server that is killed two seconds after its start."""

    directory: Path
    born: float
    clock: list[float]
    pid: int = 1
    returncode: int = -signal.SIGKILL
    users: StringIO = field(default_factory=StringIO)

    @property
    def alive(self) -> bool:
        return self.clock[0] < self.born + 2

    def poll(self) -> int | None:
        return None if self.alive else self.returncode


@pytest.mark.parametrize("part", ["worker", "postgres"])
def test_what_is_killed_at_every_start_comes_back_at_once_and_then_ever_more_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    clock, starts = [1000.0], list[float]()

    def start(*_: object) -> Mortal:
        starts.append(clock[0])
        return Mortal(tmp_path / "none" / "data", clock[0], clock)

    monkeypatch.setattr("data.supervise.child.launch", start)
    monkeypatch.setattr(embedded, "start", start)
    kept: Child | Database = Child("worker", []) if part == "worker" else Database(tmp_path)
    while clock[0] < 1300:
        kept.tend(clock[0])
        clock[0] += 0.1
    lives = [after - before for before, after in pairwise(starts)]
    assert max(lives[:3]) < 2.5 and min(lives[-10:]) > 11.8


def test_a_child_that_will_not_end_is_killed_at_the_deadline() -> None:
    child = Child(
        "deaf",
        ["timeit", "-n1", "-r1", "import signal,time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"],
    )
    child.tend(0)
    time.sleep(0.5)
    child.terminate()
    began = time.monotonic()
    child.finish(began + 0.3)
    assert child.pid is None and time.monotonic() - began < 1
