"""Is a thing computed once, whoever asks, and is nothing answered that is not ours?"""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from data import cache
from tests.conftest import ROOT, environment


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path):
    with environment(CITYOPS_HOME=str(tmp_path)):
        yield tmp_path


def test_threads_that_ask_together_compute_once():
    made = []

    def slow() -> bytes:
        made.append(1)
        time.sleep(0.1)
        return b"42"

    answers: list[bytes] = []
    threads = [Thread(target=lambda: answers.append(cache.once("slow", slow))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"42"] * 12
    assert len(made) == 1


def test_processes_that_ask_together_compute_once(own_home: Path):
    code = """
import os, time
from data import cache, config
config.build = lambda: "test"
def slow():
    time.sleep(0.5)
    return str(os.getpid()).encode()
print(cache.once("slow", slow).decode())
"""
    children = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert len({child.communicate(timeout=60)[0] for child in children}) == 1


def test_an_error_is_not_kept_and_gives_the_lock_back():
    with pytest.raises(ZeroDivisionError):
        cache.once("key", lambda: bytes([1 // 0]))
    assert cache.once("key", lambda: b"1") == b"1"


def test_one_key_may_be_computed_from_another():
    assert cache.once("outer", lambda: b"o" + cache.once("inner", lambda: b"i")) == b"oi"


def test_locks_leave_no_files_behind(own_home: Path):
    for n in range(5):
        cache.once(f"key {n}", lambda: b"1")
    assert list((own_home / "cache" / "locks").iterdir()) == []


def test_a_lock_whose_holder_was_killed_is_forgotten_and_one_that_is_held_is_not(own_home: Path):
    locks = own_home / "cache" / "locks"
    locks.mkdir(parents=True)
    (locks / "of the dead").touch()
    with open(locks / "held", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert cache.once("key", lambda: b"1") == b"1"
        assert [path.name for path in locks.iterdir()] == ["held"]


def test_after_a_stop_what_the_killed_have_left_is_cleared_up_and_nothing_else(own_home: Path):
    cache.keep("state", b"picture")
    (kept,) = (own_home / "cache" / "kept").iterdir()
    dead = subprocess.Popen(["true"])
    dead.wait()
    mine = f"half.{os.getpid()}.1"
    for half in (f"half.{dead.pid}.1", mine):
        kept.with_name(half).touch()
    cache.clear_up()
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, mine}


def test_without_a_cache_there_is_nothing_to_clear_up(own_home: Path):
    cache.clear_up()
    assert not (own_home / "cache").exists()


def test_another_database_does_not_get_the_answer_of_the_first():
    assert cache.once("key", lambda: b"first") == b"first"
    with environment(CITYOPS_DSN="postgresql://elsewhere/other"):
        assert cache.once("key", lambda: b"second") == b"second"


def test_another_build_does_not_get_the_answer_of_the_first(monkeypatch: pytest.MonkeyPatch):
    cache.once("key", lambda: b"first")
    monkeypatch.setattr("data.config.build", lambda: "another")
    assert cache.once("key", lambda: b"second") == b"second"


def test_what_is_kept_is_found_when_it_cannot_be_computed():
    assert cache.kept("state") is None
    cache.keep("state", b"old")
    cache.keep("state", b"new")
    assert cache.kept("state") == b"new"


def test_without_the_shared_cache_everybody_computes_for_himself():
    with environment(CITYOPS_CACHE_URL="redis://127.0.0.1:1/0"):
        assert cache.once("key", lambda: b"1") == b"1"
        assert cache.once("key", lambda: b"2") == b"2"
        assert cache.kept("key") is None


def test_without_room_or_a_folder_everybody_computes_for_himself(own_home: Path):
    (own_home / "cache").write_text("a file stands where the folder should")
    made: list[int] = []
    for _ in range(2):
        assert cache.once("key", lambda: made.append(1) or b"answer") == b"answer"
    assert len(made) == 2
    cache.keep("key", b"answer")
    assert cache.kept("key") is None
    (own_home / "cache").unlink()
    assert cache.once("key", lambda: b"again") == b"again" == cache.once("key", lambda: b"never")


def test_what_is_over_is_swept_and_of_too_many_what_ends_first(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "FILES", 20)
    cache.once("over", lambda: b"1", 0)
    for n in range(40):
        cache.once(f"key {n}", lambda: b"1", 100 + n)
    left = list((own_home / "cache" / "fresh").iterdir())
    assert 20 <= len(left) <= 22
    assert cache.once("key 39", lambda: b"2") == b"1" and cache.once("key 0", lambda: b"2") == b"2"


def test_both_shelves_are_swept_though_every_answer_is_put_on_both(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "FILES", 20)
    for n in range(60):
        cache.keep(f"key {n}", b"1")
        cache.once(f"key {n}", lambda: b"1")
    for shelf in ("kept", "fresh"):
        assert 20 <= len(list((own_home / "cache" / shelf).iterdir())) <= 22, shelf


def test_a_draft_is_left_to_whoever_writes_it_until_he_must_be_dead(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "FILES", 1)
    fresh = own_home / "cache" / "fresh"
    fresh.mkdir(parents=True)
    for name, age in (("a.1.1", 0), ("b.2.2", 0), ("c.3.3", cache.DRAFT_SECONDS + 1)):
        (fresh / name).touch()
        os.utime(fresh / name, (time.time() - age,) * 2)
    cache._sweep(fresh)
    assert {path.name for path in fresh.iterdir()} == {"a.1.1", "b.2.2"}


def test_a_file_that_somebody_else_takes_away_meanwhile_ends_no_sweep(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    fresh = own_home / "cache" / "fresh"
    fresh.mkdir(parents=True)
    for n in range(4):
        (fresh / f"{n}").touch()
        os.utime(fresh / f"{n}", (1, 1))
    with os.scandir(fresh) as there:
        found = list(there)
    (fresh / "1").unlink()
    monkeypatch.setattr("os.scandir", lambda _: iter(found))
    cache._sweep(fresh)
    assert list(fresh.iterdir()) == []


def test_whether_something_is_kept_is_known_without_reading_it(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
):
    assert not cache.is_kept("state")
    cache.keep("state", b"picture")
    with monkeypatch.context() as reading:
        reading.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} is read"))
        assert cache.is_kept("state") and not cache.is_kept("another")
    (path,) = (own_home / "cache" / "kept").iterdir()
    os.utime(path, (time.time() - 1,) * 2)
    assert not cache.is_kept("state")
