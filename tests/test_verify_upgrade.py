"""Is a home that an older build has left proven, once this build has brought its schema up to date?"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from data import db
from data.commands import city, readings
from data.store import buckets, migrations
from data.store import fold as store
from data.work import fold, sweep
from tests import measured_city
from tests.conftest import Postgres, pointed_at
from tests.test_fold import SERIES, a_reading, post
from tests.test_verify import CHANGES, broken, changed

BEFORE = "before"  # the database of the older build
TABLES = """
SELECT c.relname AS name, array_agg(a.attname ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'migration' GROUP BY 1"""


@contextmanager
def older_build() -> Iterator[None]:
    """It knew two migrations, restated nothing, and weighed the values of old buckets anew."""
    children = store.CHILDREN.as_string(None).replace(
        "coalesce(c.w, c.weight) * c.value", "c.weight * c.value"
    )
    parts = {"children": sql.SQL(children), "value": store.VALUE, "rank": store.RANK}
    above = buckets._made(buckets._FOLDS, folds=sql.SQL(buckets._TOUCHED), **parts)
    first = migrations.files()[:2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "files", lambda: first)
        patch.setattr(store, "restate", lambda conn: None)
        patch.setattr(buckets, "_ABOVE", above)
        yield


def values(factor: int) -> list[dict[str, object]]:
    return [
        a_reading(*key, minutes=minutes / factor, value=(minutes * 7 + n * factor) % 97)
        for n, key in enumerate(SERIES[::factor]) for minutes in (5, 70)
    ]  # fmt: skip


def copied(postgres: Postgres, source: str, target: str) -> None:
    """All that the older schema has a column for."""
    with closing(postgres.admin(source)) as old, closing(postgres.admin(target)) as new:
        new.execute("SET session_replication_role = replica")
        for (at,) in old.execute("SELECT DISTINCT date_trunc('month', at, 'UTC') FROM reading").fetchall():
            new.execute("SELECT reading_month(%s)", (at,))
        for name, columns in new.execute(TABLES).fetchall():
            parts = sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
            _copy(old, new, *parts)


def _copy(old: Any, new: Any, table: sql.Identifier, columns: sql.Composed) -> None:
    rows = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, table)
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(table, columns)
    with old.cursor().copy(rows) as given, new.cursor().copy(into) as taken:
        for block in given:
            taken.write(block)


@pytest.fixture
def old_home(
    postgres: Postgres, clone: Any, measured_template: str, tmp_path: Path
) -> Iterator[Callable[[str], Path]]:
    """Makes the database of an older build whose folder was changed, and points at it; answers the folder."""

    def make(change: str) -> Path:
        folder = changed(measured_city.write(tmp_path / "city"), *CHANGES[change])
        with clone(measured_template) as name, older_build():
            with closing(db.connect()) as conn:
                _lived(conn, folder)
            with closing(postgres.admin()) as admin:
                admin.execute(f'CREATE DATABASE "{BEFORE}" OWNER cityops_owner')
            with pointed_at(postgres, BEFORE), db.owner() as owner:
                assert migrations.migrate(owner) == [0, 1]
            copied(postgres, name, BEFORE)
        return folder

    with pointed_at(postgres, BEFORE):
        yield make
    with closing(postgres.admin()) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{BEFORE}" WITH (FORCE)')


def _lived(conn: db.Conn, folder: Path) -> None:
    post(values(1))
    fold.drain(conn)
    sweep.stale(conn)
    list(city.init(folder))
    post(values(3))
    fold.drain(conn)


@pytest.mark.parametrize("change", CHANGES)
def test_the_home_of_an_older_build_whose_folder_had_changed_is_proven(
    old_home: Callable[[str], Path], change: str
) -> None:
    folder = old_home(change)
    assert list(city.init(folder)) == ["schema: 002, 003, 004", "city: unchanged"]
    assert broken() == []
    with closing(db.connect()) as conn:
        while readings.make_some_anew(150).made:
            assert broken() == []
        post(values(5))
        fold.drain(conn)
        sweep.stale(conn)
    assert broken() == []


def test_an_upgrade_that_ends_before_its_last_step_is_taken_up_again(
    old_home: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = old_home("limits")
    with monkeypatch.context() as patch, pytest.raises(psycopg.OperationalError):
        patch.setattr(store, "restate", _cut)
        list(city.init(folder))
    assert next(iter(city.init(folder))) == "schema: 004"
    assert broken() == []


def _cut(conn: db.Conn) -> None:
    raise psycopg.OperationalError("the line is cut")
