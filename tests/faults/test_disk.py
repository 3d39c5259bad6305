"""Is a full disk said before it is felt, and does the city stand again with all it has acknowledged?"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event, Lock, Thread
from time import sleep

import psycopg
import pytest
import requests

from data import config
from data.config.room import MB, Room
from data.embedded import ground
from tests.faults import invariants
from tests.faults.history import writing
from tests.faults.house import House
from tests.faults.screens import Screens, addresses, astray, never_back
from tests.waiting import until

DISK, RESERVE = 400, 32  # MB
REFUSED, BUSY = 507, 503
BATCH = 20_000
PAGES = ("/overview/99", "/signs/99", "/sign/W2/99", "/incidents/99", "/wall/99", "/sources")
# How many reserves are left, and what is said then.
DOWN = {3.5: Room.AMPLE, 2.5: Room.LOW, 1.6: Room.READINGS, 0.9: Room.REPORTS, 0.3: Room.ACTS}


@dataclass
class Disk:
    """A small file system of its own, and somebody else's file on it."""

    path: Path
    turn: Lock = field(default_factory=Lock)

    @property
    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def leave(self, wanted: float) -> None:
        """The other file grows or shrinks until so many bytes are free."""
        with self.turn:
            file = os.open(self.path / "filler", os.O_RDWR | os.O_CREAT)
            try:
                has, more = os.fstat(file).st_size, self.free - int(wanted)
                if more > 0:
                    os.posix_fallocate(file, has, more)
                elif more < 0:
                    os.truncate(file, max(0, has + more))
            finally:
                os.close(file)

    def take_all(self) -> None:
        with suppress(OSError):  # somebody was faster
            self.leave(0)

    def give_back(self) -> None:
        (self.path / "filler").unlink()

    @property
    def reserve(self) -> int:
        return (self.path / "reserve").stat().st_size


@pytest.fixture
def disk(made_house: House, tmp_path: Path) -> Iterator[Disk]:
    if os.getuid() != 0:
        pytest.skip("NOT RUN: needs root, to mount a small disk")
    path = ground.store() / f"disk-{os.getpid()}"
    path.mkdir()
    owner = made_house.database.stat().st_uid if made_house.database else 0
    options = f"size={DISK}m,uid={owner},gid={owner},mode=700"
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True)
        if mounted.returncode:
            pytest.skip("NOT RUN: needs to mount a tmpfs")
        yield Disk(path)
        subprocess.run(["umount", "--lazy", path], check=True)
    finally:
        path.rmdir()


@pytest.fixture
def house(disk: Disk, made_house: House, tmp_path: Path) -> Iterator[House]:
    """Its home points to a database on the small disk, as that of a person who has moved it there."""
    house = House(tmp_path / "home", {"CITYOPS_RESERVE_MB": str(RESERVE)})
    house.home.mkdir(mode=0o700)
    pointer = {"directory": str(disk.path / "data"), "socket": str(disk.path / "socket"), "port": ground.PORT}
    config.write_json(config.database_file(house.home), pointer)
    for name in ("data", "initialised.json"):
        subprocess.run(["cp", "-a", f"{made_house.database}/{name}", disk.path], check=True)
    try:
        house.start()
        house.until_ready()
        yield house
        house.stop()
    finally:
        house.remove()


_seconds = count()


def a_reading() -> dict[str, object]:
    at = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=next(_seconds))
    return {"sign": "W2", "asset": "flood-1", "at": at.isoformat(), "value": 3}


def a_report() -> dict[str, object]:
    at, number = datetime.now(UTC).isoformat(), str(next(_seconds))
    said = {"class": "E0506", "place": "9901", "at": at, "description": "路面积水"}
    return {"source": "disk", "source_id": number, **said}


def told(house: House, path: str, rows: object) -> int:
    answer = requests.post(f"{house.url}/api/v1/{path}", json=rows, headers=house.bearer, timeout=60)
    if answer.status_code == REFUSED:
        assert answer.json()["code"] == "disk_short" and answer.headers["Retry-After"]
    return answer.status_code


def said(house: House) -> str:
    """What the state of every page says, and every page opens."""
    words = set()
    for page in PAGES:
        assert requests.get(house.url + page, timeout=10).status_code == 200
        answer = house.get(f"state{page}")
        assert answer.status_code == 200, answer.text
        words.add(answer.json()["room"])
    assert len(words) == 1, words
    return words.pop()


@contextmanager
def watched(house: House) -> Iterator[Screens]:
    asks = [{"page": page.split("/")[1], "subject": "/".join(page.split("/")[2:])} for page in PAGES]
    with Screens(house.url, addresses(len(asks)), *asks) as screens:
        yield screens
        until(lambda: screens.are("live"), 60, "all screens are live again")
        assert [*never_back(screens), *astray(screens)] == []


def until_heard(screens: Screens, word: str) -> float:
    return until(lambda: {screen.room for screen in screens} == {word}, 10, f"every screen hears {word}")


def check_step(house: House, disk: Disk, screens: Screens, reserves: float, step: Room) -> None:
    """Said on every page and to every screen; what is refused is what the step is called after."""
    disk.leave(reserves * RESERVE * MB)
    assert said(house) == step.word
    until_heard(screens, step.word)
    assert told(house, "readings", [a_reading()]) == (REFUSED if step >= Room.READINGS else 200), step
    assert told(house, "incidents", a_report()) == (REFUSED if step >= Room.REPORTS else 201), step
    assert f"cityops_room {float(step)}" in requests.get(f"{house.url}/metrics", timeout=10).text


def fill_with_readings(house: House, disk: Disk) -> list[str]:
    """Until they are refused, while the other file grows too; what the pages said meanwhile."""
    heard, start = [said(house)], datetime.now(UTC) - timedelta(days=25)
    for batch in count():
        ats = (start + timedelta(milliseconds=batch * BATCH + n) for n in range(BATCH))
        rows = [{**a_reading(), "at": at.isoformat()} for at in ats]
        while (status := told(house, "readings", rows)) == BUSY:  # so many wait to be folded
            house.until_folded(120)
        heard.append(said(house))
        if status == REFUSED:
            return heard
        disk.leave(disk.free - 4 * MB)
    raise AssertionError


@contextmanager
def superuser(house: House) -> Iterator[psycopg.Connection[object]]:
    dsn = config.read(house.env).dsn_for("postgres")  # type: ignore[arg-type]
    with closing(psycopg.connect(dsn, autocommit=True)) as conn:
        yield conn


def strike(house: House, disk: Disk) -> None:
    """Until it is down for want of room: with old files of its log it may stand up by itself."""
    while disk.reserve:
        with suppress(psycopg.Error):  # it is down already
            fell(house, disk)


def fell(house: House, disk: Disk) -> None:
    """Something else takes all there is while PostgreSQL needs more for its log: it dies of it."""
    with superuser(house) as conn:
        held = f"held_{next(_seconds)}"  # no log is used again
        conn.execute("SELECT pg_create_physical_replication_slot(%s, true, true)", [held])
        disk.take_all()
        with pytest.raises(psycopg.OperationalError):
            conn.execute(
                "SELECT pg_logical_emit_message(false, 't', repeat('x', 1 << 22)) FROM generate_series(1, 99)"
            )


@contextmanager
def eating(disk: Disk) -> Iterator[None]:
    """Whatever is given back, the reserve too, is taken at once."""
    full = Event()

    def eat() -> None:
        while not full.wait(0.001):
            disk.take_all()

    glutton = Thread(target=eat, daemon=True)
    glutton.start()
    try:
        yield
    finally:
        full.set()
        glutton.join()


def stands_again(house: House) -> float:
    return until(house.is_ready, 60, "it stands again")


def until_whole(house: House, disk: Disk) -> float:
    return until(lambda: disk.reserve == RESERVE * MB and said(house) == "ample", 30, "the reserve is back")


@pytest.mark.timeout(240)
def test_a_disk_that_fills_is_said_first_then_refuses_readings_then_reports_and_is_always_read(
    house: House, disk: Disk, record_property
) -> None:
    assert disk.reserve == RESERVE * MB
    with watched(house) as screens:
        for reserves, step in DOWN.items():
            check_step(house, disk, screens, reserves, step)
        disk.leave(0.6 * RESERVE * MB)
        assert said(house) == "acts"  # a step does not end where it began
        with writing(house, seed=28, clients=3, pause=0.05) as history:
            strike(house, disk)
            record_property("a full disk, database back on its reserve", f"{stands_again(house):.1f} s")
            assert disk.reserve == 0 and said(house) == "acts"
            disk.give_back()
            record_property("a full disk, reserve back", f"{until_whole(house, disk):.1f} s")
    assert history.acknowledged()
    invariants.proven(house, history)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_disk_that_readings_fill_says_so_before_it_refuses_them(house: House, disk: Disk) -> None:
    heard = fill_with_readings(house, disk)
    assert list(dict.fromkeys(heard)) == ["ample", "low", "readings"]
    assert told(house, "incidents", a_report()) == 201
    invariants.proven(house)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_full_disk_without_even_its_reserve_is_waited_for_and_loses_nothing(
    house: House, disk: Disk, record_property
) -> None:
    times = []
    with writing(house, seed=5, clients=4, pause=0.01, patience=120) as history:
        for turn in range(5):
            with eating(disk):
                strike(house, disk)
                if turn % 2:
                    house.kill("everything", signal.SIGKILL)
                    house.start()
                sleep(3)
                until(house.is_up, 30, "without a database the web answers")
                assert not house.is_ready()
            disk.give_back()
            times.append(stands_again(house))
            until_whole(house, disk)
    invariants.proven(house, history)
    record_property("a full disk, room again to ready, worst of 5", f"{max(times):.1f} s")


@pytest.mark.slow
def test_a_database_that_lets_nobody_in_for_want_of_a_byte_is_given_the_reserve(
    house: House, disk: Disk
) -> None:
    with eating(disk):
        for file in (disk.path / "data" / "base").glob("*/pg_internal.init"):
            file.unlink()  # as PostgreSQL does when its catalogue changes
        until(lambda: not disk.reserve, 20, "the reserve is given up")
    disk.leave(RESERVE * MB / 2)
    until(lambda: house.sql("SELECT 1") == [(1,)], 10, "it lets people in")
    assert said(house) == "acts"
    disk.give_back()
    until_whole(house, disk)
    invariants.proven(house)
