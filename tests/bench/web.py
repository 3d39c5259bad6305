"""What does the running product weigh: its web server's memory, threads, work, and computations?"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

import orjson
import psutil
import requests

from data import db
from data.config import settings
from tests.conftest import LiveServer, running

CAPS = "streams=100000,session=100000,unfinished=10000,writes=100000"


@contextmanager
def served(*, worker: bool = True) -> Iterator[LiveServer]:
    """The product on the database that the settings name; its caps do not count."""
    with running(settings().home, worker=worker, CITYOPS_CAPS=CAPS) as server:
        yield server


@dataclass(frozen=True)
class Weight:
    """Of the process that serves: MB resident, threads, CPU seconds since it began."""

    memory: float
    threads: int
    worked: float


def worker(server: LiveServer) -> psutil.Process:
    return psutil.Process(server.web.pid).children()[0]


def weight(server: LiveServer) -> Weight:
    process = worker(server)
    with process.oneshot():
        times = process.cpu_times()
        return Weight(process.memory_info().rss / 2**20, process.num_threads(), times.user + times.system)


def computed(server: LiveServer) -> dict[str, float]:
    """Calls of state() by page."""
    text = requests.get(f"{server.url}/metrics", timeout=10).text
    found = re.findall(r'^cityops_state_computations_total\{page="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {page: float(n) for page, n in found}


class News:
    """The commits that were told since it began: kinds and paths."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str]]] = []
        self._ended = Event()
        self._conn = db.listen()
        self._thread = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "News":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5)
        self._conn.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            for note in self._conn.notifies(timeout=0.2):
                said = orjson.loads(note.payload)
                self.heard.append((said["kind"], said["paths"]))

    def about(self, kinds: frozenset[str], path: str) -> int:
        """How many make a stream's state old."""
        return sum(
            kind in kinds and any(one.startswith(path) or path.startswith(one) for one in paths)
            for kind, paths in self.heard
        )
