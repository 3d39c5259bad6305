"""What becomes of a file that is half written, and of a directory that is gone or closed?"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from data import cache, config
from data.commands import city
from data.config import Refused
from data.embedded import ground
from data.ingest.folder import read_folder
from data.ingest.rows import FolderError
from tests.conftest import CITY, ROOT, environment
from tests.faults import invariants
from tests.faults.house import House, furnish
from tests.test_embedded import only_root
from tests.waiting import until

EVERY = 10  # bytes


def cuts(whole: bytes) -> Iterator[bytes]:
    """What is left of a file that was cut short."""
    yield from (whole[:size] for size in range(0, len(whole), EVERY))


# ── half-written files ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["token", "secret"])
def test_a_secret_that_is_cut_short_is_named_and_never_used(tmp_path: Path, name: str) -> None:
    read = {"token": config.file_token, "secret": config.session_key}[name]
    whole, path = read(tmp_path), tmp_path / name
    for cut in cuts(path.read_bytes()):
        path.write_bytes(cut)
        with pytest.raises(Refused, match=str(path)):
            read(tmp_path)
    path.unlink()
    assert read(tmp_path) != whole


def a_pointer(home: Path, data: Path) -> bytes:
    home.mkdir(exist_ok=True)
    data.mkdir(parents=True)
    config.write_json(config.database_file(home), {"directory": str(data), "socket": "s", "port": 5432})
    return config.database_file(home).read_bytes()


def test_a_pointer_to_a_database_elsewhere_that_is_cut_short_is_named_with_its_line(tmp_path: Path) -> None:
    for cut in cuts(a_pointer(tmp_path / "home", tmp_path / "store" / "data")):
        config.database_file(tmp_path / "home").write_bytes(cut)
        with pytest.raises(Refused, match=rf"{config.database_file(tmp_path / 'home')}:\d+:\d+ .* delete it"):
            ground.at(tmp_path / "home")
        assert config.database_file(tmp_path / "home").read_bytes() == cut


def test_a_pointer_that_is_cut_short_is_written_anew_where_the_database_is_seen(tmp_path: Path) -> None:
    inside = tmp_path / "home" / "postgres" / "data"
    for cut in cuts(a_pointer(tmp_path / "home", inside)):
        config.database_file(tmp_path / "home").write_bytes(cut)
        assert ground.at(tmp_path / "home").data == inside
        assert config.read_json(config.database_file(tmp_path / "home"))["directory"] == str(inside)


def test_what_ran_is_named_with_its_line_when_it_is_cut_short(tmp_path: Path) -> None:
    pids = config.Pids(main=1, postgres=2, worker=3, web=[4])
    config.write_run(tmp_path, config.Run(url="u", build="b", database=None, pids=pids))
    for cut in cuts((tmp_path / "run.json").read_bytes()):
        (tmp_path / "run.json").write_bytes(cut)
        with pytest.raises(Refused, match=r"run.json:\d+:\d+ is half written"):
            config.read_run(tmp_path)


def test_a_kept_answer_that_is_cut_short_or_spoiled_is_computed_again(tmp_path: Path) -> None:
    with environment(CITYOPS_HOME=str(tmp_path)):
        answer = b'{"text.open": 7}' * 10
        assert cache.once("key", lambda: answer) == answer
        (path,) = (tmp_path / "cache" / "fresh").iterdir()
        whole = path.read_bytes()
        spoiled = [whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :] for n in range(0, len(whole), EVERY)]
        for broken in (*cuts(whole), *spoiled):
            path.write_bytes(broken)
            os.utime(path, (time.time() + 300,) * 2)
            made = []
            assert cache.once("key", lambda: made.append(1) or answer) == answer  # noqa: B023
            assert made


@pytest.mark.parametrize("file", sorted(path.name for path in CITY.iterdir()))
def test_a_city_file_that_is_cut_short_is_named_with_its_line_or_is_a_whole_file(
    tmp_path: Path, file: str
) -> None:
    folder = Path(shutil.copytree(CITY, tmp_path / "city"))
    names = {path.name for path in CITY.iterdir()}
    for cut in cuts((CITY / file).read_bytes()):
        (folder / file).write_bytes(cut)
        try:
            read_folder(folder)
        except FolderError as error:
            where = [one.file in names and (one.line or "missing" in one.detail) for one in error.mistakes]
            assert where and all(where)
        else:
            assert is_whole(file, cut), cut


def is_whole(file: str, cut: bytes) -> bool:
    """A cut between two rows, keys or cells leaves what nobody could tell from a shorter file."""
    text = cut.decode()
    if not file.endswith(".csv"):
        return not text.count('"') % 2
    header, *rows = text.splitlines()
    return not rows or rows[-1].count(",") == header.count(",")


def test_the_old_city_stays_when_a_file_of_the_new_one_is_cut_short(fresh: str, tmp_path: Path) -> None:
    from data import db

    def standing() -> list[object]:
        with db.read() as conn:
            return conn.execute(
                "SELECT (SELECT hash FROM city), (SELECT count(*) FROM place), (SELECT count(*) FROM node)"
            ).fetchall()

    before = standing()
    folder = Path(shutil.copytree(CITY, tmp_path / "city"))
    for path in sorted(CITY.iterdir()):
        whole = path.read_bytes()
        (folder / path.name).write_bytes(whole[: len(whole) // 2 - 3])
        with pytest.raises(FolderError):
            list(city.init(folder))
        assert standing() == before, path.name
        (folder / path.name).write_bytes(whole)
    invariants.sound()


# ── a cache that cannot be written ──────────────────────────────────────────────────────────────
@pytest.fixture
def full_folder(tmp_path: Path) -> Iterator[Path]:
    if os.getuid() != 0:
        pytest.skip("NOT RUN: needs root, to mount a small disk")
    folder = tmp_path / "cache"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]).returncode:
        pytest.skip("NOT RUN: needs to mount a tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_cache_whose_disk_is_full_leaves_no_litter_and_answers(full_folder: Path) -> None:
    with environment(CITYOPS_HOME=str(full_folder.parent)):
        for n in range(40):
            answer = bytes([n]) * 20_000
            assert cache.once(f"key {n}", lambda: answer) == answer  # noqa: B023
        names = [path.name for path in full_folder.rglob("*") if path.is_file()]
        assert 5 < len(names) < 15 and all("." not in name for name in names)


# ── a house whose files are broken while it stands still ────────────────────────────────────────
@pytest.mark.slow
def test_a_start_mends_what_was_half_written_when_it_stopped(shared_house: House) -> None:
    house = shared_house
    house.stop()
    assert house.database is not None
    kept = [path for path in (house.home / "cache").rglob("*") if path.is_file()]
    for path in (house.database / "initialised.json", house.database / "reserve", *kept):
        os.truncate(path, path.stat().st_size // 20 * EVERY)
    (house.home / "run.json").write_text('{"url": "http')
    (house.home / "lock").write_text("half a li")
    house.start()
    until(lambda: not (house.home / "run.json").exists(), 20, "what ran is forgotten", every=0.001)
    house.until_ready()
    run = house.run()
    assert run and run["pids"]["main"] == house.process.pid  # type: ignore[union-attr]
    until(lambda: (house.database / "reserve").stat().st_blocks * 512 >= 1 << 20, 10, "the reserve is whole")  # type: ignore[operator]
    invariants.proven(house)


# ── directories ─────────────────────────────────────────────────────────────────────────────────
def refused(house: House) -> str:
    """Its one line, when it does not start."""
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=house.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_database_that_is_gone_is_never_begun_anew(made_house: House, tmp_path: Path) -> None:
    house = House(tmp_path / "home")
    furnish(house.home, made_house)
    assert house.database is not None
    try:
        data = house.database / "data"
        ground.point(house.home, ground.Ground(house.database, data.stat().st_uid, made=True))
        data.rename(house.database / "data.lost")
        assert str(data) in refused(house) and not data.exists()
        house.database.rename(house.database.with_name(f"{house.database.name}.lost"))
        assert str(data) in refused(house) and not house.database.exists()
        house.database.with_name(f"{house.database.name}.lost").rename(house.database)
    finally:
        house.remove()


@pytest.mark.slow
@only_root
def test_a_home_and_a_database_that_vanish_while_all_runs_are_said_and_come_back_as_they_were(
    shared_house: House,
) -> None:
    house = shared_house
    token, folder = house.token, house.database
    assert folder is not None
    shutil.rmtree(house.home)
    assert is_said(house)
    until(lambda: config.database_file(house.home).exists(), 10, "the home points to its database again")
    assert is_said(house)
    answer = requests.post(
        f"{house.url}/api/v1/readings", json=[], headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 401 and answer.json()["detail"]
    postmaster = int((folder / "data" / "postmaster.pid").read_text().split("\n")[0])
    (folder / "data").rename(folder / "lost")
    os.kill(postmaster, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(postmaster), 10, "the database is dead")
    time.sleep(2)
    assert not (folder / "data").exists() and house.database == folder  # nothing was begun anew
    assert is_said(house)
    (folder / "lost").rename(folder / "data")
    until(lambda: house.is_whole() and house.is_ready(), 30, "it stands again")
    assert house.database == folder
    invariants.proven(house)


def is_said(house: House) -> bool:
    """The page opens, and its state is the city's or a sentence."""
    page, state = house.get("/overview/99"), house.get("state/overview/99")
    said = state.json()["detail"] if state.status_code == 503 else state.json()["state"]["text.expected"]
    return page.status_code == 200 and bool(said)


class Theirs(House):
    """As an ordinary user runs it, who may not open every directory."""

    uid = 65_534

    def start(self) -> House:
        python, site = self.home.parent / "python", Path(psutil.__file__).parents[1]
        env = {"PYTHONPATH": str(site), "LD_LIBRARY_PATH": str(python / "lib"), "HOME": "/nonexistent"}
        self.process = subprocess.Popen(
            [python / "bin" / Path(sys.executable).resolve().name, "app.py"], cwd=ROOT,
            env={**self.env, **env}, user=self.uid, group=self.uid, extra_groups=[],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self


@pytest.fixture
def theirs() -> Iterator[Theirs]:
    """With this interpreter, wherever it stands, in a place that the other user can reach."""
    if not ground.reaches(Theirs.uid, Path(psutil.__file__).parent):
        pytest.skip("NOT RUN: another user cannot read the installed packages")
    folder = Path(f"/tmp/cityops-theirs-{os.getpid()}")
    (folder / "python").mkdir(parents=True)
    os.chown(folder, Theirs.uid, Theirs.uid)
    try:
        if subprocess.run(["mount", "--bind", sys.base_prefix, folder / "python"]).returncode:
            pytest.skip("NOT RUN: needs to mount the interpreter for another user")
        house = Theirs(folder / "home")
        try:
            yield house
        finally:
            if house.home.exists():
                house.home.chmod(0o700)
            house.remove()
            subprocess.run(["umount", "--lazy", folder / "python"], check=True)
    finally:
        (folder / "python").rmdir()
        shutil.rmtree(folder)


@pytest.mark.slow
@only_root
@pytest.mark.timeout(240)
def test_a_home_that_is_closed_is_one_sentence_and_opened_again_all_goes_on(theirs: Theirs) -> None:
    theirs.start()
    theirs.until_ready()
    bearer = theirs.bearer
    theirs.home.chmod(0)
    assert is_said(theirs)
    answer = requests.post(f"{theirs.url}/api/v1/readings", json=[], headers=bearer, timeout=10)
    assert answer.status_code == 503 and answer.json()["detail"]
    theirs.home.chmod(0o700)
    answer = requests.post(f"{theirs.url}/api/v1/readings", json=[], headers=bearer, timeout=10)
    assert answer.status_code == 422
    theirs.stop()
    theirs.home.chmod(0)
    theirs.start()
    assert theirs.process is not None
    _, words = theirs.process.communicate(timeout=60)
    assert theirs.process.returncode == 1 and words.count("\n") == 1 and str(theirs.home) in words, words
