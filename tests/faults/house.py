"""How is the whole product, as a person runs it, started, hurt and asked? With a home of its own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import requests

from data import config
from data.embedded import ground
from tests.conftest import CITY, ROOT, free_port
from tests.waiting import until

CAPS = "streams=2000,session=2000,unfinished=500,writes=100000"
PARTS: dict[str, Callable[[config.Pids], list[int | None]]] = {
    "main": lambda pids: [pids["main"]],
    "postgres": lambda pids: [pids["postgres"]],
    "worker": lambda pids: [pids["worker"]],
    "web": lambda pids: [*pids["web"]],
    "web master": lambda pids: [*pids["web"][:1]],
    "web worker": lambda pids: [*pids["web"][1:]],
}


@dataclass
class House:
    home: Path
    extra: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    # ── what it is ──────────────────────────────────────────────────────────────────────────────
    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return config.file_token(self.home)

    @property
    def env(self) -> dict[str, str]:
        """Nothing of what the tests' own process is told about the product."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("CITYOPS_")}
        own = {"CITYOPS_HOME": str(self.home), "CITYOPS_PORT": str(self.port), "CITYOPS_CITY": str(CITY)}
        return {
            **others,
            **own,
            "CITYOPS_DEMO": "0",
            "CITYOPS_CAPS": CAPS,
            "CITYOPS_RESERVE_MB": "1",
            **self.extra,
        }

    @property
    def database(self) -> Path | None:
        """The folder that holds the cluster, wherever it stands; none where another server is used."""
        kept = config.read_json(config.database_file(self.home))
        return Path(kept["directory"]).parent if kept else None

    def run(self) -> config.Run | None:
        return config.read_run(self.home)

    def pids(self, part: str) -> list[int]:
        """Those of PARTS that run now."""
        run = self.run()
        return [pid for pid in PARTS[part](run["pids"]) if pid] if run else []

    def processes(self) -> list[psutil.Process]:
        """All that belongs to it, also what has lost its parent."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        with suppress(psutil.Error):  # it ends while it is looked at, or is somebody else's
            if self.database and str(self.database) in (process.cwd(), *process.cmdline()):
                return True
            if self.database and Path(process.cwd()).is_relative_to(self.database):
                return True
            return process.environ().get("CITYOPS_HOME") == str(self.home)
        return False

    # ── its life ────────────────────────────────────────────────────────────────────────────────
    def start(self) -> "House":
        """Returns at once; `until_ready` waits."""
        self.process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=self.env)
        return self

    def stop(self, seconds: float = 20.0) -> float:
        """As Ctrl-C or a service manager does; how long it took."""
        began = time.monotonic()
        if self.process is not None:
            self.kill("everything", signal.SIGCONT)  # a test may have failed while something was frozen
            self.process.terminate()
            self.process.wait(seconds)
            until(lambda: not self.processes(), seconds, "all of it ends")
        self.process = None
        return time.monotonic() - began

    def kill(self, part: str, sign: signal.Signals = signal.SIGKILL) -> list[int]:
        """`everything` is the whole tree at once, PostgreSQL's backends too."""
        pids = [one.pid for one in self.processes()] if part == "everything" else self.pids(part)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, sign)
        if part in ("everything", "main") and sign == signal.SIGKILL and self.process is not None:
            self.process.wait()
        return pids

    def remove(self) -> None:
        """Nothing of it is left, however it ended."""
        self.kill("everything")
        if kept := config.read_json(config.database_file(self.home)):
            shutil.rmtree(Path(kept["directory"]).parent, ignore_errors=True)
            shutil.rmtree(kept["socket"], ignore_errors=True)
        shutil.rmtree(self.home, ignore_errors=True)

    # ── what it says ────────────────────────────────────────────────────────────────────────────
    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def get(self, path: str, **query: Any) -> requests.Response:
        """`path` without the API's beginning, or with a slash any address."""
        where = path if path.startswith("/") else f"/api/v1/{path}"
        return requests.get(f"{self.url}{where}", params=query, timeout=10)

    def post(self, path: str, rows: object) -> Any:
        answer = requests.post(f"{self.url}/api/v1/{path}", json=rows, headers=self.bearer, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def is_up(self) -> bool:
        return self._answers("/healthz", 0.5) is not None

    def is_ready(self) -> bool:
        return self._answers("/readyz", 2.0) is not None

    def _answers(self, path: str, patience: float) -> dict[str, Any] | None:
        try:
            answer = requests.get(f"{self.url}{path}", timeout=patience)
        except requests.RequestException:
            return None
        return answer.json() if answer.status_code == 200 else None

    def until_ready(self, seconds: float = 60.0) -> float:
        """Until web, database and city answer and run.json names every part."""
        return until(lambda: self.is_whole() and self.is_ready(), seconds, "the house is ready")

    def is_whole(self) -> bool:
        needed = (
            ("worker", "web worker") if "CITYOPS_DSN" in self.extra else ("postgres", "worker", "web worker")
        )
        return all(self.pids(part) and all(map(psutil.pid_exists, self.pids(part))) for part in needed)

    def until_folded(self, seconds: float = 30.0) -> float:
        """Until the worker has put all readings into latest values, hours and days."""
        waiting = "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM refill)"
        return until(lambda: self.sql(waiting) == [(0,)], seconds, "all readings are folded", every=0.1)

    def sql(self, query: str, *values: object, role: str = "cityops_owner") -> list[tuple[Any, ...]]:
        """`role="postgres"` is the superuser of the house's own server."""
        dsn = config.read(self.env).dsn_for(role)  # type: ignore[arg-type]
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as conn:
            found = conn.execute(query.encode(), values or None)
            return found.fetchall() if found.description else []

    def flask(self, *words: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *words],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip


@contextmanager
def opened(home: Path, *, like: House | None = None, ready: bool = True, **extra: str) -> Iterator[House]:
    """A house that runs; `like` one that was started once and stopped: a copy costs less than a new city."""
    house = House(home, extra)
    if like is not None:
        furnish(home, like)
    try:
        house.start()
        if ready:
            house.until_ready()
        yield house
        house.stop()
    finally:
        house.remove()


def furnish(home: Path, like: House) -> None:
    """Gives the home the other's city and database."""
    home.mkdir(mode=0o700, parents=True)
    assert like.database is not None
    subprocess.run(["cp", "-a", f"{like.database}/.", ground.at(home).folder], check=True)
