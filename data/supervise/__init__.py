"""What runs, what is started again when it dies, and what is left when all ends?"""

import fcntl
import hashlib
import http.client
import logging
import os
import signal
import socket
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from types import FrameType
from typing import IO

from data import config, embedded
from data.config import Refused
from data.config.room import directory
from data.embedded import cluster, keeper, reserve
from data.supervise.child import Child, Pause, children

_TURN = 0.2  # seconds between two looks at everything
_FAREWELL = 3.0  # seconds for web and worker to end by themselves
_SHUT = 3  # such looks at a database that lets nobody in
_LOOK = 1.0  # seconds between two looks at the reserve and the pointer
_PORT_FREE = 5.0  # seconds in which what a killed instance has left lets go of the port
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_SIGNS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_log = logging.getLogger("cityops")


_told = Event()


class _Stopped(BaseException):
    """By a signal. Where nobody can hear it, in a destructor say, it is lost: `_told` is not."""


def run(app: str = "app") -> int:
    """Until it is told to end; `app` names the module with `server` and the commands."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    for sign in _SIGNS:
        signal.signal(sign, _stop)
    try:
        home = config.ready_home(config.settings().home)
        with closing(_only(home)):
            Instance(app, home).run()
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    except OSError as failed:
        sys.stderr.write(f"{failed.filename}: {failed.strerror}\n")
        return 1
    except _Stopped:
        pass
    return 0


def _stop(_sign: int, _frame: FrameType | None) -> None:
    for sign in _SIGNS:
        signal.signal(sign, signal.SIG_IGN)
    _told.set()
    raise _Stopped


def _only(home: Path) -> IO[str]:
    try:
        return keeper.lock(home / "lock", fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as taken:
        first = None
        with suppress(Refused):
            first = config.read_run(home)
        where = f"at {first['url']}" if first else "and is just starting"
        raise Refused(
            f"CityOps runs for {home} already, {where}: another needs its own CITYOPS_HOME and CITYOPS_PORT"
        ) from taken


def _await_port() -> None:
    said = config.settings()
    deadline = time.monotonic() + _PORT_FREE
    while True:
        try:
            family = socket.AF_INET6 if ":" in said.host else socket.AF_INET
            socket.create_server((said.host, said.port), family=family).close()
            return
        except OSError as taken:
            if time.monotonic() > deadline:
                raise Refused(f"{said.url} cannot be opened ({taken.strerror}): set CITYOPS_PORT") from taken
            time.sleep(0.1)


class Database:
    """Our own server, kept running, or a look at the one that was named."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.server: embedded.Server | None = None
        self.ready = False
        self.starts = 0
        self.began = 0.0
        self.pause = Pause()
        self.is_full = False
        self.looked = 0.0
        self.shut = 0
        self.pointer: tuple[int, int] | None = None

    @property
    def place(self) -> Path | None:
        """Where it stands or stood, if it is ours."""
        return self.server.directory if self.server else directory()

    @property
    def pid(self) -> int | None:
        return self.server.pid if self.server and self.ready else None

    def tend(self, now: float) -> None:
        if self.ready and self.server is not None and not self.server.alive:
            self.ready = False
            self.server.users.close()
            pause = self.pause.after(now - self.began, now, killed=True)
            _log.warning("postgres ended, starts again in %.1f s", pause)
        if not self.ready and now >= self.pause.due:
            self._start(now)
        if self.ready and self.server is not None and now >= self.looked:
            self.looked = now + _LOOK
            with suppress(OSError, Refused):  # said by whoever needs the room, or the home
                self._look(self.server)

    def _look(self, server: embedded.Server) -> None:
        place = server.directory
        self.shut = self.shut + 1 if reserve.is_full(place) and embedded.is_shut(server) else 0
        if self.shut >= _SHUT and reserve.give_up(place):
            _log.warning("the disk is full and the database lets nobody in: its reserve is given up")
        if not self.shut:
            reserve.keep(place)
        pointer = config.database_file(self.home)
        if self.pointer is None or _mark(pointer) != self.pointer:
            embedded.remember(self.home, server)
            self.pointer = _mark(pointer)

    def _start(self, now: float) -> None:
        try:
            if config.settings().embedded:
                self.server = embedded.start(self.home, self.server.directory if self.server else None)
            else:
                embedded.refuse_unsafe(config.settings().dsn_for("cityops_app"))
        except (Refused, OSError) as failed:
            self._fail(failed, now)
        else:
            self.ready, self.starts, self.began = True, self.starts + 1, now

    def _fail(self, failed: Exception, now: float) -> None:
        """A full disk is waited for; any other reason is final at a first start."""
        place = self.place
        if place and reserve.give_up(place):
            _log.warning("%s; the disk is full: its reserve is given up", failed)
            return
        self.is_full = place is not None and reserve.is_full(place)
        if not self.starts and not self.is_full and not isinstance(failed, ConnectionError):
            raise failed
        _log.warning("%s; again in %.1f s", failed, self.pause.after(0, now))

    def end(self) -> None:
        if self.server is not None:
            embedded.stop(self.server)


class Instance:
    """PostgreSQL, then the web beside `flask init`, then the worker."""

    def __init__(self, app: str, home: Path) -> None:
        self.home = home
        self.database = Database(home)
        self.init = Child("init", ["flask", "--app", app, "init"])
        self.worker = Child("worker", ["flask", "--app", app, "worker"])
        self.web = Child("web", ["gunicorn", "--config", "python:data.serve", f"{app}:server"])
        self.initialised = self.announced = False
        self.init_on = 0
        self.written: config.Run | None = None
        self.unwritten: str | None = ""

    def run(self) -> None:
        config.forget_run(self.home)
        _await_port()
        config.file_token(self.home)
        try:
            while not _told.is_set():
                self.turn(time.monotonic())
                time.sleep(_TURN)
        finally:
            self.end()

    def turn(self, now: float) -> None:
        self.database.tend(now)
        if self.database.starts or self.database.is_full or not config.settings().embedded:
            self.web.tend(now)
        if self.database.ready:
            self.tend_work(now)
        self.record()
        if not self.announced and _answers():
            self.announced = True
            sys.stdout.write(f"CityOps: {config.settings().url}\n")
            sys.stdout.flush()

    def tend_work(self, now: float) -> None:
        self.initialised = self.initialised or self._was_initialised() or self._has_initialised()
        if self.initialised:
            self.worker.tend(now)
        elif self.init.pid is None:
            self.init_on = self.database.starts
            self.init.tend(now)

    def _was_initialised(self) -> bool:
        """By an earlier start of the same build with the same city, on this database."""
        kept = self._stamp()
        with suppress(Refused):  # half written: done again
            return kept is not None and not self.init.process and config.read_json(kept) == _to_initialise()
        return False

    def _has_initialised(self) -> bool:
        """A reason given is final, unless the database went away meanwhile; a kill is tried again."""
        code = self.init.process.poll() if self.init.process else None
        if code and code > 0 and self.init_on == self.database.starts:
            raise Refused("the city could not be made ready: `flask init` says why above")
        if code == 0 and (kept := self._stamp()):
            with suppress(OSError):  # no room: the next start looks again
                config.write_json(kept, _to_initialise())
        return code == 0

    def _stamp(self) -> Path | None:
        server = self.database.server
        return cluster.stamp(server.directory) if server else None

    def record(self) -> None:
        server, master = self.database.server, self.web.pid
        now = config.Run(
            url=config.settings().url,
            build=config.build(),
            database=str(server.directory) if server else None,
            pids=config.Pids(
                main=os.getpid(),
                postgres=self.database.pid,
                worker=self.worker.pid,
                web=[master, *children(master)] if master else [],
            ),
        )
        try:
            if now != self.written or not (self.home / "run.json").exists():
                config.write_run(self.home, now)
            self.written, self.unwritten = now, ""
        except OSError as failed:  # what runs goes on when its home is full or gone
            if self.unwritten != failed.strerror:
                _log.warning("%s cannot be written: %s", self.home / "run.json", failed.strerror)
            self.unwritten = failed.strerror

    def end(self) -> None:
        ending = (self.init, self.worker, self.web)
        for child in ending:
            child.terminate()
        deadline = time.monotonic() + _FAREWELL
        for child in ending:
            child.finish(deadline)
        self.database.end()
        with suppress(OSError):
            config.forget_run(self.home)


def _mark(path: Path) -> tuple[int, int] | None:
    """Another one as soon as the file is written anew."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _to_initialise() -> dict[str, str]:
    """What `flask init` brings in: the schema of this build, and the city's folder."""
    city = config.settings().city
    digest = hashlib.sha256(str(city).encode())
    for path in sorted(city.rglob("*")):
        found = path.stat()
        digest.update(f"{path.relative_to(city)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return {"build": config.build(), "city": digest.hexdigest()}


def _answers() -> bool:
    said = config.settings()
    connection = http.client.HTTPConnection(_ANY.get(said.host, said.host), said.port, timeout=0.5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
