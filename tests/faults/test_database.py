"""Does a page answer, and does a report get through, however the database behaves?"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import Any

import psutil
import psycopg
import pytest
from flask.testing import FlaskClient

from data import db, live
from data.store import news, places
from tests import waiting
from tests.api.conftest import V1, a_report, is_problem
from tests.conftest import Postgres
from tests.faults.invariants import sound
from tests.waiting import until

PROMISE = 2.0  # seconds until a page answers
READY = 1.0
ENDED = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
)
PAGES = ("/overview/99", "/signs/99", "/sign/W2/99", "/incidents/99", "/wall/99", "/sources")
OLD = '"frozen":"down"'  # the words on it stand in every page's table of words
SLOW = [pytest.mark.slow, pytest.mark.timeout(900)]
QUESTIONS = ("places/99", "signs?place=99", "incidents?place=99", "state/overview/99", "sources")
Tell = Callable[[str, object], None]
Hurt = Callable[[Postgres, str], AbstractContextManager[None]]


@pytest.fixture
def client(app_client: FlaskClient) -> Iterator[FlaskClient]:
    yield app_client
    live.stop()


@pytest.fixture
def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def drawn(client: FlaskClient, path: str) -> str:
    """What Dash draws at this address."""
    location = [
        {"id": "_pages_location", "property": "pathname", "value": path},
        {"id": "_pages_location", "property": "search", "value": ""},
    ]
    parts = [{"id": "_pages_content", "property": "children"}, {"id": "_pages_store", "property": "data"}]
    answer = client.post("/_dash-update-component", json={
        "output": ".._pages_content.children..._pages_store.data..", "outputs": parts, "inputs": location,
        "changedPropIds": ["_pages_location.pathname"], "state": [],
    })  # fmt: skip
    assert answer.status_code == 200, (path, answer.data)
    return answer.get_data(as_text=True)


def timed(ask: Callable[[], Any]) -> tuple[Any, float]:
    began = time.monotonic()
    return ask(), time.monotonic() - began


# ── rows 16: locked, slow, frozen ───────────────────────────────────────────────────────────────
@contextmanager
def locked(postgres: Postgres, database: str) -> Iterator[None]:
    with closing(postgres.admin(database)) as admin, admin.transaction():
        admin.execute("LOCK TABLE incident, latest")
        yield


@contextmanager
def slow(postgres: Postgres, database: str) -> Iterator[None]:
    """Tables become views that sleep."""
    with closing(postgres.admin(database)) as admin:
        for table in ("incident", "latest"):
            admin.execute(f"ALTER TABLE {table} RENAME TO {table}_itself")
            admin.execute(f"CREATE VIEW {table} AS SELECT t.* FROM (SELECT pg_sleep(20)) s, {table}_itself t")
            admin.execute(f"GRANT SELECT ON {table} TO cityops_app")
        yield
        for table in ("incident", "latest"):
            admin.execute(f"DROP VIEW {table}")
            admin.execute(f"ALTER TABLE {table}_itself RENAME TO {table}")


@contextmanager
def frozen(postgres: Postgres, _database: str) -> Iterator[None]:
    """The whole server, as on a disk that hangs."""
    with closing(postgres.admin()) as admin:
        main = psutil.Process(admin.info.backend_pid).parent()
    assert main is not None
    with waiting.frozen(*(one.pid for one in (main, *main.children(recursive=True)))):
        yield


@pytest.mark.parametrize("hurt", [locked, slow, frozen])
@pytest.mark.parametrize("pages", [PAGES, pytest.param(5 * PAGES, marks=SLOW)], ids=len)
def test_a_page_answers_with_its_last_picture(
    client: FlaskClient,
    postgres: Postgres,
    fresh: str,
    hurt: Hurt,
    pages: tuple[str, ...],
    record_property: Tell,
) -> None:
    whole = {path: drawn(client, path) for path in pages}
    assert not any(OLD in picture for picture in whole.values())
    change()  # so that no page may show what it has computed before
    took: list[float] = []
    with hurt(postgres, fresh):
        for path in pages:
            picture, seconds = timed(lambda path=path: drawn(client, path))
            took.append(seconds)
            assert len(picture) > 0.9 * len(whole[path]), path
            assert (OLD in picture) is (hurt is frozen or path != "/sources"), path
    record_property(f"page while the database is {hurt.__name__}, longest", f"{max(took):.2f} s")
    assert max(took) < 2 * PROMISE
    for path in whole:
        until(lambda path=path: OLD not in drawn(client, path), 10, f"{path} is true again")
    sound()


def change() -> None:
    with db.transaction() as conn:
        for kind in ("signs", "incidents", "sources"):
            news.tell(conn, kind, ["99/"])


def test_many_who_ask_a_locked_page_do_not_add_up(
    client: FlaskClient, flask_app: Any, postgres: Postgres, fresh: str, record_property: Tell
) -> None:
    """One computes, the others wait for it no longer than for the database."""
    drawn(client, "/incidents/99")
    change()
    with locked(postgres, fresh), ThreadPoolExecutor(12) as people:
        found = list(
            people.map(lambda _: timed(lambda: drawn(flask_app.test_client(), "/incidents/99")), range(24))
        )
    record_property("locked page, 12 ask at once, longest", f"{max(seconds for _, seconds in found):.2f} s")
    assert all(OLD in picture for picture, _ in found)
    assert max(seconds for _, seconds in found) < 2 * PROMISE


def test_a_report_on_a_locked_table_is_told_to_come_again_and_stores_nothing(
    client: FlaskClient, postgres: Postgres, fresh: str, bearer: dict[str, str]
) -> None:
    with locked(postgres, fresh):
        answer, seconds = timed(lambda: client.post(f"{V1}/incidents", json=a_report(), headers=bearer))
        assert is_problem(answer, 503, "busy") and int(answer.headers["Retry-After"]) > 0
        assert seconds < 2 * PROMISE
    assert client.post(f"{V1}/incidents", json=a_report(), headers=bearer).status_code == 201
    sound()


# ── row 14: connections end ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_hardly_a_question_fails_when_all_connections_are_ended(
    flask_app: Any, client: FlaskClient, postgres: Postgres, fresh: str, kills: int, record_property: Tell
) -> None:
    failed = asked = 0
    with closing(postgres.admin()) as admin, ThreadPoolExecutor(4) as people:
        for _ in range(kills):
            list(people.map(lambda path: client_of(flask_app).get(f"{V1}/{path}"), QUESTIONS * 2))
            running = [people.submit(client_of(flask_app).get, f"{V1}/{path}") for path in QUESTIONS[:2]]
            admin.execute(ENDED, (fresh,))
            running += [people.submit(client_of(flask_app).get, f"{V1}/{path}") for path in QUESTIONS * 2]
            answers = [one.result().status_code for one in running]
            assert set(answers) <= {200, 503}, answers
            failed, asked = failed + answers.count(503), asked + len(answers)
    record_property("questions failed after all connections were ended", f"{failed} of {asked}")
    assert 100 * failed <= asked
    sound()


def client_of(flask_app: Any) -> FlaskClient:
    return flask_app.test_client()  # type: ignore[no-any-return]


@pytest.mark.parametrize("path", ["places/99", "state/overview/99", "incidents?place=99"])
def test_a_question_whose_connection_breaks_is_asked_again(
    client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, broken = places.find, []

    def breaks(conn: db.Conn, code: str) -> Any:
        if not broken:
            broken.append(code)
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return found(conn, code)

    monkeypatch.setattr(places, "find", breaks)
    assert client.get(f"{V1}/{path}").status_code == 200
    assert broken


def test_a_report_whose_connection_breaks_is_not_repeated_by_us(
    client: FlaskClient, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sent it does not know either, and sends the same again."""
    from data.store import incidents

    numbers = incidents.numbers

    def breaks(conn: db.Conn, count: int) -> list[int]:
        monkeypatch.setattr(incidents, "numbers", numbers)
        conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        raise AssertionError

    monkeypatch.setattr(incidents, "numbers", breaks)
    answers = [client.post(f"{V1}/incidents", json=a_report(), headers=bearer) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 201, 200]
    sound()


# ── row 17: no connection is left ───────────────────────────────────────────────────────────────
def test_a_report_gets_through_while_all_other_connections_are_held(
    client: FlaskClient, bearer: dict[str, str], record_property: Tell
) -> None:
    drawn(client, "/overview/99")
    with ExitStack() as held:
        for _ in range(db.pools().all.max_size):
            held.enter_context(db.read())
        answer = client.get(f"{V1}/places/99")
        assert is_problem(answer, 503, "busy") and int(answer.headers["Retry-After"]) > 0
        ready, seconds = timed(lambda: client.get("/readyz"))
        assert ready.status_code == 503 and seconds < 2 * READY
        record_property("/readyz without a connection", f"{seconds:.2f} s")
        assert client.get("/healthz").status_code == client.get("/metrics").status_code == 200
        report, seconds = timed(lambda: client.post(f"{V1}/incidents", json=a_report(), headers=bearer))
        assert report.status_code == 201 and seconds < 2 * PROMISE
        picture, seconds = timed(lambda: drawn(client, "/overview/99"))
        assert OLD in picture and seconds < 2 * PROMISE
    assert client.get(f"{V1}/places/99").status_code == client.get("/readyz").status_code == 200
    sound()


def test_a_report_gets_through_while_others_hold_every_connection_of_the_server(
    client: FlaskClient, postgres: Postgres, fresh: str, bearer: dict[str, str]
) -> None:
    assert client.get(f"{V1}/places/99").status_code == 200
    until(lambda: db.pools().acts.get_stats()["pool_available"] >= 1, 5, "one is kept for acts")
    with ExitStack() as held:
        with pytest.raises(psycopg.OperationalError, match=r"too many clients|remaining connection slots"):
            while True:
                held.enter_context(closing(psycopg.connect(postgres.dsn("cityops_app", fresh))))
        assert client.post(f"{V1}/incidents", json=a_report(), headers=bearer).status_code == 201


def test_a_process_opens_its_own_connections_after_a_fork(fresh: str) -> None:
    """Those of the parent are not the child's."""
    with db.read() as conn:
        ours = conn.info.backend_pid
    child = os.fork()
    if child == 0:
        with db.read() as conn:
            os._exit(conn.info.backend_pid == ours)
    assert os.waitpid(child, 0)[1] == 0
