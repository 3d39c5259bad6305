"""A real PostgreSQL, a real city, and for the browser a real server: what tests stand on."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests import chromium as installed
from tests.told import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_deselected,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

ROOT = Path(__file__).parent.parent
CITY = ROOT / "tests" / "city"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """CITYOPS_HOME of the whole run; nothing of the person's own home is touched."""
    folder = tmp_path_factory.mktemp("home")
    with environment(CITYOPS_HOME=str(folder), CITYOPS_DEMO="0", CITYOPS_CITY=str(CITY)):
        yield folder


@contextmanager
def environment(**values: str | None) -> Iterator[None]:
    """Sets variables and forgets what was read from the old ones."""
    from data import config, db

    before = {name: os.environ.get(name) for name in values}
    db.close()
    _put(values)
    config.settings.cache_clear()
    try:
        yield
    finally:
        if "data.live" in sys.modules:
            sys.modules["data.live"].stop()
        db.close()
        _put(before)
        config.settings.cache_clear()


def _put(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@dataclass(frozen=True)
class Postgres:
    socket: str
    superuser: str

    def dsn(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={quote(self.socket, safe='')}"

    def admin(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.dsn(self.superuser, database), autocommit=True)


@contextmanager
def careless_postgres(home: Path) -> Iterator[Postgres]:
    """The embedded server, as the product starts it, without waiting for the disk."""
    from data import embedded

    server = embedded.start(home)
    found = Postgres(str(server.socket), "postgres")
    try:
        with closing(found.admin()) as admin:
            admin.execute("ALTER SYSTEM SET fsync = off")
            admin.execute("SELECT pg_reload_conf()")
        yield found
    finally:
        embedded.stop(server)
        shutil.rmtree(server.directory.parent, ignore_errors=True)  # as root it lies outside the home


@pytest.fixture(scope="session")
def postgres(home: Path) -> Iterator[Postgres]:
    with careless_postgres(home) as found:
        yield found


@pytest.fixture(scope="session")
def make_template(postgres: Postgres) -> Callable[[str, Path], str]:
    """(name, city folder) → a database with schema and city, to be cloned."""

    def make(name: str, folder: Path) -> str:
        with closing(postgres.admin()) as admin:
            admin.execute(f'CREATE DATABASE "{name}" OWNER cityops_owner')
        with pointed_at(postgres, name):
            from data.commands import city

            list(city.init(folder))
        return name

    return make


@pytest.fixture(scope="session")
def template(make_template: Callable[[str, Path], str]) -> str:
    return make_template("tiny_city", CITY)


@contextmanager
def pointed_at(postgres: Postgres, database: str) -> Iterator[None]:
    """The product's settings name this database."""
    with environment(
        CITYOPS_DSN=postgres.dsn("cityops_app", database),
        CITYOPS_OWNER_DSN=postgres.dsn("cityops_owner", database),
    ):
        yield


@pytest.fixture(scope="session")
def clone(postgres: Postgres) -> Callable[[str], Iterator[str]]:
    """A context: a new database like the template, dropped afterwards."""
    numbers = iter(range(1_000_000))

    @contextmanager
    def cloned(template: str) -> Iterator[str]:
        name = f"t{next(numbers)}"
        with closing(postgres.admin()) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER cityops_owner')
        try:
            with pointed_at(postgres, name):
                yield name
        finally:
            with closing(postgres.admin()) as admin:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    return cloned  # type: ignore[return-value]


@pytest.fixture
def fresh(clone, template: str) -> Iterator[str]:
    """A database of its own with the tiny city; `data.db` is pointed at it."""
    with clone(template) as name:
        yield name


@pytest.fixture(scope="module")
def fresh_module(clone, template: str) -> Iterator[str]:
    """The same, shared by a module whose tests do not get in each other's way."""
    with clone(template) as name:
        yield name


@pytest.fixture
def conn(fresh_module: str):
    """A connection in a transaction that is rolled back."""
    from data import db

    with closing(db.connect()) as conn, conn.transaction(force_rollback=True):
        yield conn


@pytest.fixture
def token(home: Path) -> str:
    from data.config import file_token

    return file_token(home)


@pytest.fixture(scope="session")
def flask_app(home: Path):
    import app

    return app.server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody folds here, so nobody waits for the fold."""
    from data.commands import readings

    monkeypatch.setattr(readings.post, "__kwdefaults__", {**readings.post.__kwdefaults__, "patience": 0.0})


@pytest.fixture
def app_client(fresh: str, flask_app):
    return flask_app.test_client()


# ── the whole thing, running ────────────────────────────────────────────────────────────────────
@dataclass
class LiveServer:
    """A web server and a worker of their own on a database of their own."""

    url: str
    token: str
    web: subprocess.Popen[bytes]
    worker: subprocess.Popen[bytes] | None
    environment: dict[str, str]

    def post(self, path: str, rows: object) -> object:
        import requests

        answer = requests.post(
            f"{self.url}/api/v1/{path}",
            json=rows,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        answer.raise_for_status()
        return answer.json()

    def post_reading(self, **reading: object) -> object:
        return self.post("readings", [reading])


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(home: Path, *, demo: bool = False, worker: bool = True, **extra: str) -> Iterator[LiveServer]:
    """gunicorn as the product runs it, and a worker, on the database that the settings name."""
    from data.config import file_token

    port = free_port()
    env = {**os.environ, "CITYOPS_PORT": str(port), "CITYOPS_DEMO": "1" if demo else "0", **extra}
    python = sys.executable
    web = subprocess.Popen(
        [python, "-m", "gunicorn", "--config", "python:data.serve", "app:server"], env=env, cwd=ROOT
    )
    work = (
        subprocess.Popen([python, "-m", "flask", "--app", "app", "worker"], env=env, cwd=ROOT)
        if worker
        else None
    )
    server = LiveServer(f"http://127.0.0.1:{port}", file_token(home), web, work, env)
    try:
        _until_answering(server)
        yield server
    finally:
        for child in filter(None, (web, work)):
            child.terminate()
        for child in filter(None, (web, work)):
            child.wait(15)


def _until_answering(server: LiveServer) -> None:
    import requests

    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        assert server.web.poll() is None, "the web server ended"
        try:
            if requests.get(f"{server.url}/readyz", timeout=2).status_code == 200:
                return
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.2)
    raise AssertionError("the web server did not answer")


@pytest.fixture
def live_server(home: Path, fresh: str) -> Iterator[LiveServer]:
    with running(home) as server:
        yield server


@pytest.fixture(scope="module")
def live_module(home: Path, fresh_module: str) -> Iterator[LiveServer]:
    """The same for a module whose tests share it."""
    with running(home) as server:
        yield server


# ── Chromium ────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture(scope="session")
def chromium():
    """One browser for the run; a test opens its own contexts."""
    if installed.path() is None:
        pytest.skip("NOT RUN: no Chromium; install Debian's chromium and fonts-noto-cjk")
    with installed.browser() as opened:
        yield opened


@pytest.fixture
def page(chromium):
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Recorded data that nobody here made; it is never part of the project."""
    from data.config import settings

    folder = settings().test_data
    if not folder.is_dir():
        pytest.skip(f"NOT RUN: no recorded data at {folder} (CITYOPS_TEST_DATA)")
    return folder


# ── a city in which every way of folding is met ─────────────────────────────────────────────────
@pytest.fixture(scope="session")
def measured_template(make_template, tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests import measured_city

    return make_template("measured_city", measured_city.write(tmp_path_factory.mktemp("measured")))


@pytest.fixture(scope="session")
def siblings(make_template, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A template: a city whose codes begin with one another."""
    from tests import siblings

    return make_template("siblings_city", siblings.write(tmp_path_factory.mktemp("siblings")))


@pytest.fixture
def measured(clone, measured_template: str) -> Iterator[str]:
    """A database of its own with the measured city; `data.db` is pointed at it."""
    with clone(measured_template) as name:
        yield name


@pytest.fixture
def folder_conn(measured: str):
    """The folding process's own connection."""
    from data import db

    with closing(db.connect()) as conn:
        yield conn
