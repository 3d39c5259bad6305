"""Does our own PostgreSQL run for this home, and is a server safe to keep a city on?"""

import fcntl
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from data.config import Refused, database_file, read_json, ready_home
from data.embedded import cluster, ground, keeper
from data.embedded.ground import PORT, Ground

_READY = 120.0  # seconds; only recovery after a crash takes more than one
_SHARED = 25  # looks, 20 ms apart, after which somebody else is seen to use the server

_ROLES = {
    "cityops_owner": "CREATE ROLE cityops_owner LOGIN CREATEROLE",
    "cityops_app": "CREATE ROLE cityops_app LOGIN",
    "cityops_replay": "CREATE ROLE cityops_replay LOGIN IN ROLE cityops_app",
}
_SAFE = {
    "data_checksums": ("on",),
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_apply"),
}


@dataclass(frozen=True)
class Server:
    """The keeper lets the server run as long as `users` is open."""

    pid: int
    directory: Path
    socket: Path
    users: IO[str]
    keeper: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        if self.keeper is not None:
            self.keeper.poll()
        return _serves(self.pid, self.directory)


def start(home: Path, stood: Path | None = None) -> Server:
    """This home's server: the one that runs, or a new one on what it left; safe, with roles and database.
    `stood`: where it ran a moment ago."""
    here = ground.at(ready_home(home).resolve(), stood)
    with closing(keeper.lock(here.folder / "start.lock", fcntl.LOCK_EX)):
        users = keeper.lock(here.folder / "users.lock", fcntl.LOCK_SH)
        try:
            joined = _joined(here, users) or _launched(here, users)
            ground.point(home.resolve(), replace(here, made=True))
            _furnish(here.socket)
            refuse_unsafe(_dsn(here.socket))
        except psycopg.OperationalError as lost:
            users.close()
            raise ConnectionError(f"the database is there and cannot work: {lost}") from lost
        except BaseException:
            users.close()
            raise
    return joined


def is_shut(server: Server) -> bool:
    """Whether it lets nobody in: it recovers, over and over, or cannot write a small file of its own."""
    try:
        psycopg.connect(make_conninfo(_dsn(server.socket), dbname="cityops"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return True
    return False


def remember(home: Path, server: Server) -> None:
    """Where it stands, in a home that has lost it: nobody shall begin a new city for want of a pointer."""
    folder = server.directory.parent
    ground.point(ready_home(home).resolve(), Ground(folder, folder.stat().st_uid, made=True))


def stop(server: Server) -> None:
    """Ends the server unless somebody else uses it."""
    server.users.close()
    folder, shared = server.directory.parent, 0
    while _taken(folder / "keeper.lock") and shared < _SHARED:
        shared = 0 if _taken(folder / "users.lock") else shared + 1
        time.sleep(0.02)
    if server.keeper is not None and shared < _SHARED:
        server.keeper.wait()


@contextmanager
def server(home: Path) -> Iterator[Server]:
    """The server of this home for a while: joined if it runs, else started and stopped."""
    used = start(home)
    try:
        yield used
    finally:
        stop(used)


def running(home: Path) -> int | None:
    """The process id of this home's server."""
    kept = read_json(database_file(home))
    return _postmaster(Path(kept["directory"])) if kept else None


def refuse_unsafe(dsn: str) -> None:
    """A server that may lose what it has acknowledged is not used; ConnectionError when none answers."""
    try:
        with psycopg.connect(dsn, connect_timeout=5) as conn:
            rows = conn.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(_SAFE)])
            found: dict[str, str] = dict(rows.fetchall())
    except psycopg.OperationalError as silent:
        raise ConnectionError(f"no database answers: {silent}") from silent
    unsafe = [f"{name} is {found[name]}" for name, good in _SAFE.items() if found[name] not in good]
    if unsafe:
        raise Refused(
            f"this PostgreSQL may lose what it has acknowledged: {', '.join(unsafe)}; each must be on"
        )


def _joined(here: Ground, users: IO[str]) -> Server | None:
    """A live server with a keeper is shared; one without is an orphan, and is stopped."""
    pid = _postmaster(here.data)
    if pid is None:
        return None
    if _taken(here.folder / "keeper.lock"):
        return Server(pid, here.data, here.socket, users)
    _end_orphan(pid, here.data)
    return None


def _launched(here: Ground, users: IO[str]) -> Server:
    _clear(here)
    if not here.data.exists():
        cluster.create(here)
    here.own(here.socket)
    with open(here.folder / "start.log", "w") as log:
        kept_by = subprocess.Popen(
            _keeper(here),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _await_ready(here, kept_by)
    pid = _postmaster(here.data)
    if pid is None:
        raise Refused(f"the database ended as soon as it had started: {_last_words(here)}")
    return Server(pid, here.data, here.socket, users, kept_by)


def _keeper(here: Ground) -> list[str]:
    arguments = [str(here.folder), str(here.socket), str(here.uid), *cluster.command(here)]
    return [sys.executable, "-IS", keeper.__file__, *arguments]


def _await_ready(here: Ground, kept_by: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _READY
    while time.monotonic() < deadline:
        if kept_by.poll() is not None:
            raise Refused(f"the database does not start: {_last_words(here)}")
        try:
            psycopg.connect(_dsn(here.socket), connect_timeout=5).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.02)
    raise Refused(f"the database was not ready within {_READY:.0f} s: {_last_words(here)}")


def _last_words(here: Ground) -> str:
    """All that was said before the log was open, or the last grave line in it."""
    said = (here.folder / "start.log").read_text(errors="replace").strip()
    logs = sorted((here.data / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
    lines = logs[-1].read_text(errors="replace").splitlines() if logs else []
    grave = [line for line in lines if re.search("FATAL|PANIC", line) and "starting up" not in line]
    spoken = said if said and "redirecting log output" not in said else grave[-1] if grave else said
    return spoken or "it left no word, as on a disk that is full"


def _furnish(socket: Path) -> None:
    with psycopg.connect(_dsn(socket), autocommit=True) as conn:
        there = {name for (name,) in conn.execute("SELECT rolname FROM pg_roles")}
        for role, statement in _ROLES.items():
            if role not in there:
                conn.execute(statement.encode())
        if conn.execute("SELECT FROM pg_database WHERE datname = 'cityops'").fetchone() is None:
            conn.execute("CREATE DATABASE cityops OWNER cityops_owner")


def _dsn(socket: Path) -> str:
    return make_conninfo(host=str(socket), port=PORT, user="postgres", dbname="postgres")


def _clear(here: Ground) -> None:
    """What a server that was killed has left: backends that are still ending, its pid file, its socket."""
    gone = _until(lambda: not _backends(here.data), 2.0)
    for pid in [] if gone else _backends(here.data):
        psutil.Process(pid).send_signal(signal.SIGKILL)
    _until(lambda: not _backends(here.data), 2.0)
    (here.data / "postmaster.pid").unlink(missing_ok=True)
    shutil.rmtree(here.socket, ignore_errors=True)


def _end_orphan(pid: int, directory: Path) -> None:
    for sign, patience in keeper.PATIENCE:
        if _serves(pid, directory):
            psutil.Process(pid).send_signal(sign)
        if _until(lambda: not _serves(pid, directory), patience):
            return


def _postmaster(directory: Path) -> int | None:
    """A pid file proves nothing: its pid may be dead, a zombie, or another program's by now."""
    try:
        pid = int((directory / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if _serves(pid, directory) else None


def _serves(pid: int, directory: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name() == "postgres" and Path(process.cwd()) == directory
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # a zombie has no directory any more
        return False


def _backends(directory: Path) -> list[int]:
    return [process.pid for process in psutil.process_iter() if _serves(process.pid, directory)]


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _taken(path: Path) -> bool:
    try:
        keeper.lock(path, fcntl.LOCK_SH | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False
