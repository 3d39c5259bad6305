"""What has been computed already, by any process, and who computes it when nobody has?"""

import fcntl
import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from threading import get_ident
from typing import Protocol, cast
from zlib import crc32

import structlog
from flask_caching.backends.rediscache import RedisCache
from redis import Redis
from redis.exceptions import RedisError

from data import config

FRESH_SECONDS = 300
KEPT_SECONDS = 7 * 86_400
FILES = 5_000
LOCK_SECONDS = 60
DRAFT_SECONDS = 60  # after which whoever wrote it is dead
LOOK_SECONDS = 0.005  # between two looks at somebody else's lock

log = structlog.get_logger(__name__)


class Shelf(Protocol):
    """Where computed bytes lie, seen by every process of the instance."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes, seconds: int) -> None: ...
    def has(self, key: str) -> bool: ...
    @contextmanager
    def alone(self, key: str, patience: float) -> Iterator[None]: ...


def once(
    key: str, make: Callable[[], bytes], seconds: int = FRESH_SECONDS, patience: float = LOCK_SECONDS
) -> bytes:
    """Of all who ask for the key at once, in all processes, one computes; the others get its bytes, or a
    TimeoutError when they have waited so long."""
    shelf, key = _shelf(), _named(key)
    found = shelf.get(key)
    if found is not None:
        return found
    with shelf.alone(key, patience):
        found = shelf.get(key)
        if found is None:
            found = make()
            shelf.put(key, found, seconds)
        return found


def anew(key: str, make: Callable[[], bytes], seconds: int = FRESH_SECONDS) -> bytes:
    """In place of what lies there."""
    made = make()
    _shelf().put(_named(key), made, seconds)
    return made


def keep(key: str, value: bytes) -> None:
    """For the day when it cannot be computed any more."""
    _shelf().put(_named(f"kept:{key}"), value, KEPT_SECONDS)


def kept(key: str) -> bytes | None:
    return _shelf().get(_named(f"kept:{key}"))


def is_kept(key: str) -> bool:
    return _shelf().has(_named(f"kept:{key}"))


def clear_up() -> None:
    """What those have left who were killed: halves of files, and locks."""
    settings = config.settings()
    if not settings.cache_url:
        with suppress(OSError):  # there is none
            _clear_up(settings.home / "cache")


def _named(key: str) -> str:
    """Neither another database nor another build may ever answer."""
    return f"{config.build()}|{config.settings().dsn or 'embedded'}|{key}"


def _shelf() -> Shelf:
    settings = config.settings()
    return _on_redis(settings.cache_url) if settings.cache_url else _on_files(settings.home / "cache")


class Files:
    """One folder, locks by flock: the kernel gives them back when a process dies. Without room in it, or
    without the folder, everybody computes for himself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writes: Counter[str] = Counter()
        self._reason: str | None = None

    def get(self, key: str) -> bytes | None:
        found = (_unsealed(self._path(shelf, key)) for shelf in ("fresh", "kept"))
        return next((value for value in found if value is not None), None)

    def has(self, key: str) -> bool:
        return any(_holds(self._path(shelf, key)) for shelf in ("fresh", "kept"))

    def put(self, key: str, value: bytes, seconds: int) -> None:
        shelf = "kept" if seconds >= KEPT_SECONDS else "fresh"
        path = self._path(shelf, key)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._writes[shelf] % (FILES // 10) == 0:
                _sweep(path.parent)
                _forget(self._folder / "locks")
            self._writes[shelf] += 1
            _seal(path, value, int(time.time()) + seconds)
        except OSError as failed:
            self._tell(failed.strerror)
        else:
            self._tell(None)

    @contextmanager
    def alone(self, key: str, patience: float) -> Iterator[None]:
        path = self._path("locks", key)
        file = self._lock(path, time.monotonic() + patience)
        try:
            yield
        finally:
            if file is not None:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
                os.close(file)

    def _path(self, shelf: str, key: str) -> Path:
        return self._folder / shelf / hashlib.sha256(key.encode()).hexdigest()

    def _lock(self, path: Path, deadline: float) -> int | None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _locked(path, deadline)
        except TimeoutError:
            raise
        except OSError as failed:
            self._tell(failed.strerror)
            return None

    def _tell(self, reason: str | None) -> None:
        """Once, not at every try."""
        if reason and reason != self._reason:
            log.warning("cache.away", reason=reason)
        self._reason = reason


_MARK, _TIME = 4, 8  # bytes before the value: what proves it whole, and until when it holds


def _seal(path: Path, value: bytes, until: int) -> None:
    """Whole or not at all; a file is as old as it is good for."""
    body = until.to_bytes(_TIME) + value
    draft = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}")
    try:
        draft.write_bytes(crc32(body).to_bytes(_MARK) + body)
        os.utime(draft, (until, until))
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise


def _holds(path: Path) -> bool:
    try:
        return path.stat().st_mtime >= time.time()
    except OSError:
        return False


def _unsealed(path: Path) -> bytes | None:
    try:
        found = path.read_bytes()
    except OSError:
        return None
    body = found[_MARK:]
    if int.from_bytes(found[:_MARK]) != crc32(body) or int.from_bytes(body[:_TIME]) < time.time():
        return None
    return body[_TIME:]


def _sweep(folder: Path) -> None:
    """What is over goes, and of too many those that end first; a draft is somebody's as long as he lives."""
    found, now = sorted(_ends(folder)), time.time()
    whole = [name for _, name in found if "." not in name]
    over = [name for until, name in found if until + ("." in name) * DRAFT_SECONDS < now]
    for name in {*over, *whole[:-FILES]}:
        (folder / name).unlink(missing_ok=True)


def _is_orphan(name: str) -> bool:
    """A draft whose writer lives no more."""
    _, _, writer = name.partition(".")
    return bool(writer) and not Path("/proc", writer.partition(".")[0]).exists()


def _clear_up(folder: Path) -> None:
    _forget(folder / "locks")
    for draft in filter(lambda path: _is_orphan(path.name), folder.glob("*/*.*")):
        draft.unlink(missing_ok=True)


def _ends(folder: Path) -> Iterator[tuple[float, str]]:
    """Until when each file holds; others take files away meanwhile."""
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            yield entry.stat().st_mtime, entry.name


def _forget(locks: Path) -> None:
    """Those whose holder was killed."""
    for path in locks.glob("*"):
        with suppress(OSError):  # it is held
            file = _locked(path, 0.0)
            path.unlink()
            os.close(file)


def _locked(path: Path, deadline: float) -> int:
    """The holder removes the file before it lets go, so whoever waited on a removed one asks again."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
        os.close(file)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} is still locked")


class OnRedis:
    """A Redis that several machines share; when it is away everybody computes for himself."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
        self._values = RedisCache(host=self._redis, key_prefix="cityops:")

    def get(self, key: str) -> bytes | None:
        return cast(bytes | None, _asked(lambda: self._values.get(key)))

    def put(self, key: str, value: bytes, seconds: int) -> None:
        _asked(lambda: self._values.set(key, value, timeout=seconds))

    def has(self, key: str) -> bool:
        return bool(_asked(lambda: self._values.has(key)))

    @contextmanager
    def alone(self, key: str, patience: float) -> Iterator[None]:
        lock = self._redis.lock(f"cityops:lock:{key}", timeout=LOCK_SECONDS)
        held = _asked(lambda: lock.acquire(blocking_timeout=patience))
        try:
            yield
        finally:
            if held:
                _release(lock.release)


def _asked(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except RedisError as away:
        log.warning("cache.away", reason=str(away))
        return None


def _release(release: Callable[[], object]) -> None:
    try:
        release()
    except RedisError as lost:
        log.warning("cache.lock_lost", reason=str(lost))


@lru_cache(maxsize=4)
def _on_files(folder: Path) -> Shelf:
    return Files(folder)


@lru_cache(maxsize=4)
def _on_redis(url: str) -> Shelf:
    return OnRedis(url)
