"""How is a process kept running, and how is it ended?"""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data.config import child_environment
from data.config.setting import ROOT
from data.embedded import keeper

_SHORTEST, _LONGEST = 0.2, 10.0  # seconds: pauses before a start
_HEALTHY = 30.0  # seconds of life that shorten them again
_FREE = 3  # kills within a minute that lengthen none

_log = logging.getLogger("cityops")


@dataclass
class Pause:
    """How long to wait before what has died is started again."""

    seconds: float = _SHORTEST
    due: float = 0.0
    kills: list[float] = field(default_factory=list)

    def after(self, lived: float, now: float, killed: bool = False) -> float:
        """The pause that begins now; each is twice the last, until something lives long enough. What is
        killed has not failed by itself, unless it is killed over and over."""
        if lived >= _HEALTHY:
            self.seconds = _SHORTEST
        if killed:
            self.kills = [*(at for at in self.kills if at > now - 60), now]
        is_free = killed and len(self.kills) <= _FREE
        pause = _SHORTEST if is_free else self.seconds
        self.seconds = self.seconds if is_free else min(pause * 2, _LONGEST)
        self.due = now + pause
        return pause


@dataclass
class Child:
    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    pause: Pause = field(default_factory=Pause)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.poll() is None else None

    def tend(self, now: float) -> None:
        """Started when it does not run and its pause is over."""
        if self.pid is not None:
            return
        if self.process is not None:
            code = self.process.returncode
            pause = self.pause.after(now - self.began, now, code == -signal.SIGKILL)
            _log.warning("%s ended (%s), starts again in %.1f s", self.name, code, pause)
            self.process = None
        if now >= self.pause.due:
            self.began, self.process = now, launch(self.command)

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def finish(self, deadline: float) -> None:
        """After `terminate`: what is still there at the deadline is killed, with its own children."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def launch(command: list[str]) -> subprocess.Popen[bytes]:
    """In a group of its own, so that Ctrl-C reaches this process alone; dead as soon as this process is."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=partial(keeper.die_with, os.getpid(), signal.SIGKILL),
    )


def children(pid: int) -> list[int]:
    try:
        return sorted(int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return []
