"""Is every planted break found, under its invariant and by the name of its place?"""

import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from data import db
from data.commands import incidents, verify
from data.domain.event import COLUMNS, Event, chained
from data.domain.incident import Act, Holder, Move
from data.domain.proof import Proof
from data.domain.report import Life
from data.store import verify as store
from data.store.verify.keys import KEYS, READING
from data.work import fold
from tests.conftest import ROOT
from tests.test_fold import SERIES, a_reading, post
from tests.test_incidents import HOUR, NOW, a_report

WATER = Holder("A", "water")
FLOOR = """
INSERT INTO asset (code, kind, place, path, district, name_zh, name_en)
  VALUES ('x', 'y', 'C', 'C/', 'C', '井', 'well');
INSERT INTO department (code, place, name_zh, name_en) VALUES ('water', 'C', '水务', 'water');
INSERT INTO class (code, no, name_zh, name_en) VALUES ('E', 1, '积水', 'water');
INSERT INTO source (feed) VALUES ('bureau');
INSERT INTO decision (id, track, place, level, by, reason, source, valid)
  VALUES (gen_random_uuid(), '防汛', 'C', 'IV', 'x', 'y', 'bureau', '[2024-01-01,)');
INSERT INTO warning (id, kind, colour, path, issuer, source, valid)
  VALUES ('w', '暴雨', 'red', 'C/', 'x', 'bureau', '[2024-01-01,)');
INSERT INTO beat (process, at, build) VALUES ('web', now(), 'x');
INSERT INTO refill (tier, day, id) SELECT 1, '2020-01-01', min(id) FROM node;
INSERT INTO inbox (fast, size, ids, ats, vals) VALUES (true, 0, '{}', '{}', '{}');
INSERT INTO verification (at, seconds, deep, ok, proofs) VALUES (now(), 1, false, true, '[]');
"""


@pytest.fixture(scope="module")
def planted(
    postgres: Any, clone: Any, measured_template: str
) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A superuser in a city with readings and cases; what is planted is taken back after every test."""
    with clone(measured_template) as name:
        with db.owner() as owner:
            owner.execute("UPDATE sign SET freshness = '1 day'")  # nothing grows old while it is looked at
        with closing(db.connect()) as conn:
            post(
                [
                    a_reading(*key, minutes=m, value=(m * 7 + n) % 97)
                    for n, key in enumerate(SERIES)
                    for m in (1, 4, 70, 1500)
                ]
            )
            fold.drain(conn)
        _cases()
        dsn = postgres.dsn(postgres.superuser, name)
        with closing(psycopg.connect(dsn, autocommit=True, row_factory=dict_row)) as conn:
            conn.execute(FLOOR)
            yield conn


def _cases() -> None:
    road = (
        (Act.REGISTER, None), (Act.DISPATCH, WATER), (Act.RECEIVE, None), (Act.REGRADE, None),
        (Act.RETURN, None), (Act.FORCE_CLOSE, None),
    )  # fmt: skip
    moves = tuple(
        Move(act, NOW - 3 * HOUR + timedelta(minutes=5 * n), "sim", holder, note="x", severity=2)
        for n, (act, holder) in enumerate(road)
    )
    report = a_report(place="A1x0", kind="E", at=NOW - 4 * HOUR, due=NOW + HOUR)
    incidents.live_through(
        [Life(report, moves), Life(a_report(source_id="2", place="B", kind="E"), moves[2:2])]
    )


def found(conn: Any, invariant: str) -> dict[str, list[str]]:
    """Places by clause, as the application's role finds them."""
    conn.execute("SET LOCAL SESSION AUTHORIZATION cityops_app")
    proof: Proof = verify.proof_of(store.moment_of(conn), invariant)
    return {one.clause: list(one.where) for one in proof.breaks}


def test_nothing_is_broken_where_nothing_is_planted(planted: Any) -> None:
    with planted.transaction(force_rollback=True):
        planted.execute("SET LOCAL SESSION AUTHORIZATION cityops_app")
        assert [proof for proof in verify.proofs_of(store.moment_of(planted)) if not proof.ok] == []


def test_invariants_may_be_proven_in_any_order(planted: Any) -> None:
    """What one of them needs of the planner holds for none that comes after."""
    ask = "SELECT name, setting FROM pg_settings WHERE name LIKE 'enable%' ORDER BY 1"
    with planted.transaction(force_rollback=True):
        now = store.moment_of(planted)
        before = planted.execute(ask).fetchall()
        assert verify.proof_of(now, "keys").ok
        assert planted.execute(ask).fetchall() == before


@pytest.mark.parametrize("role", ["cityops_owner", "stranger", "postgres"])
def test_the_role_that_the_application_is_told_to_use_is_examined(planted: Any, role: str) -> None:
    with planted.transaction(force_rollback=True):
        planted.execute("CREATE ROLE stranger LOGIN IN ROLE cityops_owner")
        planted.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
        proof = verify.proof_of(store.moment_of(planted), "I11")
    found = {one.clause: one.where for one in proof.breaks}
    assert proof.counts == {"roles": 3}
    assert f"{role} may update event" in found["may"]
    assert any(place.startswith(f"{role} can act as") for place in found["is"])
    assert role != "cityops_owner" or any(place.startswith(f"{role} owns") for place in found["owns"])


def rehashed(conn: Any) -> None:
    """As somebody would who knows how the log is bound."""
    hashes: dict[Any, str] = {}
    names = ", ".join(COLUMNS)
    for row in conn.execute(f"SELECT {names} FROM event ORDER BY incident, n").fetchall():
        hashes[row["incident"]] = chained(hashes.get(row["incident"], ""), Event(**row))
        conn.execute("UPDATE event SET hash = %s WHERE id = %s", (hashes[row["incident"]], row["id"]))


NAMED = {
    "long": "(SELECT id FROM incident WHERE version = 7)",
    "leaf": "(SELECT id FROM node WHERE sign = 'BARRIER' AND place = 'A1')",
    "fold": "(SELECT id FROM node WHERE sign = 'BARRIER' AND place = 'A')",
    "worst": """(SELECT n.id FROM node n JOIN sign s ON s.code = n.sign JOIN latest l ON l.id = n.id
                 WHERE s.fold_space = 'worst' AND NOT n.leaf AND l.at IS NOT NULL ORDER BY n.id LIMIT 1)""",
}
TABLE = tomllib.loads((ROOT / "tests" / "breaks.toml").read_text(encoding="utf-8"))
RELAID = TABLE.pop("relaid")
BREAKS = [(invariant, name) for invariant, own in TABLE.items() for name in own]


def plant(conn: Any, statements: str) -> None:
    for name, value in NAMED.items():
        statements = statements.replace(f"{{{name}}}", value)
    for statement in statements.split(";"):
        conn.execute(statement)


@pytest.mark.parametrize("invariant, name", BREAKS)
def test_a_break_is_found_and_named(planted: Any, invariant: str, name: str) -> None:
    clause, words, statements = TABLE[invariant][name]
    with planted.transaction(force_rollback=True):
        plant(planted, statements)
        places = found(planted, invariant)
    assert any(words in place for place in places.get(clause, [])), places


@pytest.mark.parametrize("name", RELAID)
def test_an_illegal_move_is_found_even_under_right_hashes(planted: Any, name: str) -> None:
    clause, words, statements = RELAID[name]
    with planted.transaction(force_rollback=True):
        plant(planted, statements)
        rehashed(planted)
        places = found(planted, "I3")
    assert "hash" not in places
    assert words in places[clause][0]


@pytest.mark.parametrize("table", sorted({key.table for key in KEYS} - {"reading"}))
def test_a_row_that_stands_twice_is_found_without_any_index(planted: Any, table: str) -> None:
    with planted.transaction(force_rollback=True):
        _unguard(planted, table)
        planted.execute(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {table} LIMIT 1")
        twice = _twice(planted)
    wanted = [key for key in KEYS if key.table == table and not key.holds]
    assert len([place for place in twice if place.startswith(f"{table} (")]) >= len(wanted)


def test_a_reading_that_stands_twice_is_found_without_any_index(planted: Any) -> None:
    with planted.transaction(force_rollback=True):
        row = planted.execute("SELECT tableoid::regclass::text AS month FROM reading LIMIT 1").fetchone()
        month = row["month"]
        planted.execute(f"ALTER TABLE reading DETACH PARTITION {month}")
        _unguard(planted, month)
        _unguard(planted, "reading")
        planted.execute(f"INSERT INTO {month} SELECT * FROM {month} LIMIT 1")
        low = f"{month[-6:-2]}-{month[-2:]}-01 00:00:00+00"
        planted.execute(
            f"ALTER TABLE reading ATTACH PARTITION {month}"
            f" FOR VALUES FROM ('{low}') TO ('{low}'::timestamptz + interval '1 month')"
        )
        twice = _twice(planted)
    assert [place.split()[0] for place in twice] == [month]


def _twice(conn: Any) -> list[str]:
    proof = verify.proof_of(store.moment_of(conn), "keys")
    return [one.where[0] for one in proof.breaks if one.clause == "twice"]


def _unguard(conn: Any, table: str) -> None:
    constraints = conn.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')", (table,)
    ).fetchall()
    for row in constraints:
        conn.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{row["conname"]}" CASCADE')
    for row in conn.execute(
        "SELECT indexrelid::regclass::text AS name FROM pg_index"
        " WHERE indrelid = %s::regclass AND indisunique",
        (table,),
    ).fetchall():
        conn.execute(f"DROP INDEX {row['name']}")


def test_every_unique_index_of_the_schema_is_known(planted: Any) -> None:
    """A table that comes new is told to verify, in data/store/verify/keys.py."""
    rows = planted.execute(
        """SELECT c.relname AS tab, coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS holds,
                  (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' ORDER BY n)
                   FROM generate_series(1, i.indnkeyatts) n) AS columns
           FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
           WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"""
    ).fetchall()
    assert {(row["tab"], row["columns"], row["holds"]) for row in rows} == set(map(tuple, (*KEYS, READING)))
