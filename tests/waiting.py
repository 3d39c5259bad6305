"""How is it waited for that something comes about, and how is somebody held still meanwhile?"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


def until(
    holds: Callable[[], object], seconds: float = 5.0, what: str = "it comes about", every: float = 0.02
) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"{what}: not within {seconds:g} s"
        time.sleep(every)
    return time.monotonic() - began


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """They neither answer nor end."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
