"""Does what dies come back, and is nothing left when all ends, however it ends?"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from io import StringIO
from pathlib import Path

import psutil
import psycopg
import pytest

from data import config, embedded
from data.embedded import ground
from data.supervise import Database
from data.supervise.child import children
from tests import waiting
from tests.conftest import environment

ROOT = Path(__file__).parent.parent
MAIN = "from data import supervise; raise SystemExit(supervise.run('small_city'))"
SMALL_CITY = """
import os, pathlib, sys, time
import flask
from data import config

server = flask.Flask(__name__)
log = config.settings().home / "commands.log"

@server.get("/healthz")
def healthz():
    return {"up": True}

@server.cli.command("init")
def init():
    with log.open("a") as file:
        file.write(f"init on {config.build()}\\n")
    config.settings().dsn_for("cityops_owner")
    if os.environ.get("CITYOPS_CITY", "").endswith("broken"):
        sys.exit("places.csv:7:3 unknown parent")

@server.cli.command("worker")
def worker():
    with log.open("a") as file:
        file.write("worker\\n")
    time.sleep(600)
"""


@dataclass
class Instance:
    process: subprocess.Popen[str]
    home: Path
    port: int

    def run(self) -> config.Run | None:
        return config.read_run(self.home)

    def pids(self) -> dict[str, int | None]:
        """By part; a part that does not run yet has none."""
        run = self.run()
        if run is None:
            return dict.fromkeys(("main", "postgres", "worker", "master", "web"))
        web = [*run["pids"]["web"], None, None]
        return {
            "main": run["pids"]["main"],
            "postgres": run["pids"]["postgres"],
            "worker": run["pids"]["worker"],
            "master": web[0],
            "web": web[1],
        }

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
                return bool(json.load(answer)["up"])
        except (OSError, HTTPException):
            return False

    def whole(self) -> bool:
        return None not in self.pids().values() and self.answers()

    def processes(self) -> list[psutil.Process]:
        """Everything that descends from it, and PostgreSQL."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def commands(self) -> list[str]:
        return (self.home / "commands.log").read_text().splitlines()


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    waiting.until(holds, seconds)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def small_city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an application that has the commands and addresses the supervisor needs, and no more."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small_city.py").write_text(SMALL_CITY)
    return folder


def launch(small_city: Path, home: Path, port: int, **extra: str) -> Instance:
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CITYOPS_")},
        **{"PYTHONPATH": str(small_city), "HOME": str(small_city)},
        **{"CITYOPS_HOME": str(home), "CITYOPS_PORT": str(port)},
        **extra,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Instance(process, home, port)


@contextmanager
def running(small_city: Path, home: Path, **extra: str) -> Iterator[Instance]:
    instance = launch(small_city, home, free_port(), **extra)
    try:
        until(instance.whole)
        assert instance.said() == f"CityOps: http://127.0.0.1:{instance.port}\n"
        yield instance
    finally:
        instance.process.terminate()
        instance.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    yield folder
    shutil.rmtree(Path(config.read_json(config.database_file(folder))["directory"]).parent)


@pytest.fixture(scope="module")
def instance(small_city: Path, home: Path) -> Iterator[Instance]:
    with running(small_city, home) as instance:
        yield instance


def test_what_runs_is_written_down(instance: Instance) -> None:
    run = instance.run()
    assert run is not None
    assert run["url"] == f"http://127.0.0.1:{instance.port}" and run["build"] == config.build()
    assert run["pids"]["main"] == instance.process.pid
    assert run["pids"]["postgres"] == embedded.running(instance.home)
    assert (Path(run["database"] or "") / "PG_VERSION").exists()
    assert run["pids"]["web"][1:] == children(run["pids"]["web"][0])
    assert (instance.home / "token").exists()
    until(lambda: len(instance.commands()) == 2)
    assert instance.commands()[0].startswith("init") and instance.commands()[1] == "worker"


def test_no_control_socket_is_left_in_any_home(small_city: Path, instance: Instance) -> None:
    assert sorted(path.name for path in instance.home.iterdir() if path.name != "postgres") == [
        "commands.log",
        "lock",
        "postgres.json",
        "run.json",
        "token",
    ]
    assert not (small_city / ".gunicorn").exists()


@pytest.mark.parametrize("part", ["worker", "web", "master", "postgres"])
def test_a_part_that_is_killed_comes_back(instance: Instance, part: str) -> None:
    until(instance.whole)
    killed = instance.pids()[part]
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    until(lambda: instance.whole() and instance.pids()[part] != killed)
    assert instance.pids()["main"] == instance.process.pid


def test_a_second_start_on_the_same_home_is_refused_with_the_address_of_the_first(
    small_city: Path, instance: Instance
) -> None:
    until(instance.whole)
    second = launch(small_city, instance.home, free_port())
    _, words = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert f"http://127.0.0.1:{instance.port}" in words and "Traceback" not in words
    assert instance.whole()


def test_a_port_that_another_program_holds_is_refused_in_words(small_city: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = launch(small_city, tmp_path, other.getsockname()[1])
        _, words = refused.process.communicate(timeout=60)
    assert refused.process.returncode == 1
    assert "CITYOPS_PORT" in words and "Traceback" not in words


def test_settings_that_contradict_each_other_are_refused_in_words(small_city: Path, tmp_path: Path) -> None:
    refused = launch(small_city, tmp_path, free_port(), CITYOPS_HOST="0.0.0.0")
    _, words = refused.process.communicate(timeout=60)
    assert refused.process.returncode == 1
    assert "CITYOPS_ALLOW_REMOTE=1" in words and "Traceback" not in words


@pytest.fixture(scope="module")
def other_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("other")
    yield folder
    shutil.rmtree(Path(config.read_json(config.database_file(folder))["directory"]).parent)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sign: sign.name)
def test_nothing_outlives_the_main_process(small_city: Path, other_home: Path, sign: signal.Signals) -> None:
    with running(small_city, other_home) as instance:
        running_now = instance.processes()
        assert len(running_now) >= 10  # PostgreSQL's among them
        instance.process.send_signal(sign)
        _, alive = psutil.wait_procs(running_now, timeout=10)
        assert alive == []
        out, words = instance.process.communicate()
        assert out == "" and "Traceback" not in words
        socket_folder = Path(config.read_json(config.database_file(other_home))["socket"])
        until(lambda: not socket_folder.exists(), 5)
        if sign != signal.SIGKILL:
            assert instance.process.returncode == 0 and instance.run() is None
    inits = [line for line in instance.commands() if line.startswith("init")]
    assert len(inits) == len(set(inits))  # the same build with the same city is ready already


DEAF = """
import os, signal
from data import supervise
class Deaf:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000): pass
supervise.Instance.turn = lambda self, now: Deaf() and None
raise SystemExit(supervise.run())
"""


def test_a_signal_that_arrives_where_nobody_can_hear_it_is_obeyed(tmp_path: Path) -> None:
    env = {**os.environ, "CITYOPS_HOME": str(tmp_path), "CITYOPS_PORT": str(free_port())}
    done = subprocess.run([sys.executable, "-c", DEAF], cwd=ROOT, env=env, timeout=20, capture_output=True)
    assert done.returncode == 0 and b"Exception ignored" in done.stderr


def test_a_start_that_is_interrupted_at_once_leaves_nothing(small_city: Path, other_home: Path) -> None:
    config.forget_run(other_home)
    for moment in (0.35, 0.6, 0.8):
        instance = launch(small_city, other_home, free_port())
        time.sleep(moment)
        found = instance.processes()
        instance.process.terminate()
        _, alive = psutil.wait_procs(found, timeout=10)
        instance.process.communicate()
        assert alive == [] and instance.run() is None
        until(lambda: embedded.running(other_home) is None, 8)


def test_a_city_that_cannot_be_loaded_ends_everything_with_the_reason(
    small_city: Path, other_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    instance = launch(small_city, other_home, free_port(), CITYOPS_CITY=str(tmp_path / "broken"))
    _, words = instance.process.communicate(timeout=60)
    assert instance.process.returncode == 1
    assert "places.csv:7:3 unknown parent" in words and "Traceback" not in words
    until(lambda: embedded.running(other_home) is None, 8)


def test_with_another_database_none_is_started(small_city: Path, instance: Instance, tmp_path: Path) -> None:
    until(instance.whole)
    kept = config.read_json(config.database_file(instance.home))
    dsn = f"host={kept['socket']} dbname=cityops user=cityops_app"
    owner = {"CITYOPS_OWNER_DSN": dsn.replace("_app", "_owner")}
    other = launch(small_city, tmp_path, free_port(), CITYOPS_DSN=dsn, **owner)
    until(lambda: other.answers() and other.pids()["worker"])
    assert other.pids()["postgres"] is None and not config.database_file(tmp_path).exists()
    other.process.terminate()
    other.process.communicate(timeout=60)
    assert instance.whole()


def test_a_database_that_may_lose_what_it_acknowledged_ends_the_start(
    small_city: Path, instance: Instance, tmp_path: Path
) -> None:
    until(instance.whole)
    kept = config.read_json(config.database_file(instance.home))
    dsn = f"host={kept['socket']} dbname=cityops user=cityops_app options='-c synchronous_commit=off'"
    refused = launch(small_city, tmp_path, free_port(), CITYOPS_DSN=dsn)
    _, words = refused.process.communicate(timeout=60)
    assert refused.process.returncode == 1 and "synchronous_commit is off" in words


def test_the_pointer_is_read_again_only_when_it_has_changed_and_comes_back_when_it_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    pointer, read = config.database_file(tmp_path), list[Path]()
    monkeypatch.setattr(ground, "read_json", lambda path: read.append(path) or config.read_json(path))
    database = Database(tmp_path)
    server = embedded.Server(1, tmp_path / "postgres" / "data", tmp_path / "socket", StringIO())
    with environment(CITYOPS_HOME=str(tmp_path), CITYOPS_RESERVE_MB="0"):
        for change in (list, pointer.unlink, lambda: pointer.write_text("{")):
            change()
            for _ in range(3):
                database._look(server)
            assert config.read_json(pointer)["directory"] == str(server.directory)
    assert read == [pointer] * 3


def test_the_database_is_that_of_the_role(instance: Instance) -> None:
    until(instance.whole)
    dsn = config.read({"CITYOPS_HOME": str(instance.home)}).dsn_for("cityops_owner")
    with psycopg.connect(dsn) as conn:
        assert conn.execute("SELECT current_user || ' ' || current_database()").fetchone() == (
            "cityops_owner cityops",
        )
