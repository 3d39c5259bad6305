"""What has been computed already, by any process, and who computes it when nobody has?"""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import structlog
from flask_caching.backends.base import BaseCache
from flask_caching.backends.filesystemcache import FileSystemCache
from flask_caching.backends.rediscache import RedisCache
from redis import Redis
from redis.exceptions import RedisError

from data import config

FRESH_SECONDS = 300
KEPT_SECONDS = 7 * 86_400
FILES = 5_000
LOCK_SECONDS = 60

log = structlog.get_logger(__name__)


class Shelf(Protocol):
    """Where computed bytes lie, seen by every process of the instance."""

    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, value: bytes, seconds: int) -> None: ...
    @contextmanager
    def alone(self, key: str) -> Iterator[None]: ...


def once(key: str, make: Callable[[], bytes], seconds: int = FRESH_SECONDS) -> bytes:
    """Of all who ask for the key at once, in all processes, one computes; the others get its bytes."""
    shelf, key = _shelf(), _named(key)
    found = shelf.get(key)
    if found is not None:
        return found
    with shelf.alone(key):
        found = shelf.get(key)
        if found is None:
            found = make()
            shelf.put(key, found, seconds)
        return found


def keep(key: str, value: bytes) -> None:
    """For the day when it cannot be computed any more."""
    _shelf().put(_named(f"kept:{key}"), value, KEPT_SECONDS)


def kept(key: str) -> bytes | None:
    return _shelf().get(_named(f"kept:{key}"))


def _named(key: str) -> str:
    """Neither another database nor another build may ever answer."""
    return f"{config.build()}|{config.settings().dsn or 'embedded'}|{key}"


def _shelf() -> Shelf:
    settings = config.settings()
    return _on_redis(settings.cache_url) if settings.cache_url else _on_files(settings.home / "cache")


class Files:
    """One folder, locks by flock: the kernel gives them back when a process dies."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._locks = folder / "locks"
        self._locks.mkdir(exist_ok=True)
        self._short = FileSystemCache(str(folder / "fresh"), threshold=FILES, default_timeout=FRESH_SECONDS)
        self._long = FileSystemCache(str(folder / "kept"), threshold=FILES, default_timeout=KEPT_SECONDS)

    def _of(self, seconds: int) -> BaseCache:
        return self._long if seconds >= KEPT_SECONDS else self._short

    def get(self, key: str) -> bytes | None:
        return cast(bytes | None, self._short.get(key) or self._long.get(key))

    def put(self, key: str, value: bytes, seconds: int) -> None:
        if not self._of(seconds).set(key, value, timeout=seconds):
            log.warning("cache.not_written", key=key)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        path = self._locks / hashlib.sha256(key.encode()).hexdigest()
        file = _locked(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(file)


def _locked(path: Path) -> int:
    """The holder removes the file before it lets go, so whoever waited on a removed one asks again."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except FileNotFoundError:
            pass
        os.close(file)


class OnRedis:
    """A Redis that several machines share; when it is away everybody computes for himself."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
        self._values = RedisCache(host=self._redis, key_prefix="cityops:")

    def get(self, key: str) -> bytes | None:
        try:
            return cast(bytes | None, self._values.get(key))
        except RedisError as away:
            log.warning("cache.away", reason=str(away))
            return None

    def put(self, key: str, value: bytes, seconds: int) -> None:
        try:
            self._values.set(key, value, timeout=seconds)
        except RedisError as away:
            log.warning("cache.away", reason=str(away))

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        lock = self._redis.lock(f"cityops:lock:{key}", timeout=LOCK_SECONDS)
        held = False
        try:
            held = lock.acquire(blocking_timeout=LOCK_SECONDS)
        except RedisError as away:
            log.warning("cache.away", reason=str(away))
        try:
            yield
        finally:
            if held:
                _release(lock.release)


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
