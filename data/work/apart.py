"""How does a duty do heavy work without anything else waiting for it?"""

import subprocess
import sys
from collections.abc import Callable
from threading import Event

from data import config
from data.config.setting import ROOT

GRACE = 3.0  # seconds for it to end, once it is told to


def run(module: str, stop: Event, turned: Callable[[], object]) -> int:
    """In a process of its own, which ends with `stop`; answers its exit code."""
    child = subprocess.Popen([sys.executable, "-m", module], cwd=ROOT, env=config.child_environment())
    try:
        while child.poll() is None and not stop.is_set():
            turned()
            stop.wait(0.5)
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(GRACE)
    return child.returncode
