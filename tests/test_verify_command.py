"""Does the command say what it proved, in words and for machines, on a running and on a stopped database?"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from data import cli, db, embedded
from data.commands import verify
from data.domain.proof import INVARIANTS, Break, Proof
from data.embedded import pages
from data.store import verifications
from tests.conftest import CITY, ROOT, environment
from tests.test_incidents import a_report

PAGE = 8192


def run(*words: str) -> Any:
    return CliRunner().invoke(cli.verify, words)


def test_what_is_whole_is_one_line_an_invariant_and_ends_well(fresh: str) -> None:
    done = run()
    lines = done.stdout.splitlines()
    assert done.exit_code == 0, done.output
    assert [line.split()[:2] for line in lines[:-1]] == [
        ["ok", name] for name in INVARIANTS if name != "pages"
    ]
    assert lines[-1].endswith(" s") and "proven in" in lines[-1]


def test_what_is_broken_is_named_and_ends_badly(fresh: str) -> None:
    from data.commands import incidents

    incidents.report(a_report())
    with closing(db.owner()) as conn:
        conn.execute("UPDATE event SET note = 'changed'")
    done = run()
    assert done.exit_code == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("BROKEN")]
    assert line.split()[:3] == ["BROKEN", "I3", "hash"] and "event 1" in line
    whole = json.loads(run("--json").stdout)
    (proof,) = [proof for proof in whole["proofs"] if proof["breaks"]]
    assert (whole["ok"], proof["invariant"], proof["breaks"][0]["clause"], proof["breaks"][0]["n"]) == (
        False, "I3", "hash", 1,
    )  # fmt: skip


def test_every_run_is_kept_and_only_the_newest_ninety(fresh: str) -> None:
    verdict = verify.prove()
    assert verdict is not None
    for _ in range(verifications.KEPT + 3):
        assert verify.keep(verdict) is None
    run()
    with db.read() as conn:
        row = conn.execute("SELECT count(*) AS n, max(n) AS last FROM verification").fetchone()
    assert row == {"n": verifications.KEPT, "last": verifications.KEPT + 4}


def test_a_database_that_takes_nothing_in_is_proven_all_the_same(fresh: str) -> None:
    with closing(db.owner()) as conn:
        conn.execute(f'ALTER DATABASE "{fresh}" SET default_transaction_read_only = on')
    db.close()
    done = run()
    assert done.exit_code == 0
    assert done.stderr == "this result is not kept: the database takes nothing in\n"


@pytest.mark.parametrize(
    "values, words",
    [
        ({"CITYOPS_DSN": None, "CITYOPS_OWNER_DSN": None}, "no database has been started"),
        ({"CITYOPS_DSN": "postgresql://x@/nothing?host=/nowhere"}, "the database does not answer"),
    ],
)
def test_without_a_database_it_says_so_in_one_line(
    tmp_path: Path, values: dict[str, str | None], words: str
) -> None:
    with environment(CITYOPS_HOME=str(tmp_path), CITYOPS_DEMO="0", CITYOPS_CITY=str(CITY), **values):
        done = run()
    assert done.exit_code == 1 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stdout == ""
    assert not (tmp_path / "postgres").exists()


def test_before_a_city_is_loaded_it_says_what_to_do(fresh: str) -> None:
    with closing(db.owner()) as conn:
        conn.execute("DELETE FROM city")
    assert "no city is loaded" in run().stderr
    with closing(db.owner()) as conn:
        conn.execute("DELETE FROM migration WHERE number > 1")
    assert "run `flask init`" in run().stderr


def test_an_application_that_runs_as_the_owner_is_broken(postgres: Any, fresh: str) -> None:
    with environment(CITYOPS_DSN=postgres.dsn("cityops_owner", fresh)):
        done = run()
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("BROKEN")]
    assert done.exit_code == 1
    assert line.startswith("BROKEN I11") and "cityops_owner may update event" in line


# ── deep ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def own(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a home with a database of its own, loaded and stopped."""
    home = tmp_path / "home"
    env = {**os.environ, "CITYOPS_HOME": str(home), "CITYOPS_DEMO": "0", "CITYOPS_CITY": str(CITY)}
    for name in ("CITYOPS_DSN", "CITYOPS_OWNER_DSN"):
        env.pop(name, None)
    with embedded.server(home) as server:
        assert flask(env, "init").returncode == 0
    yield env
    shutil.rmtree(server.directory.parent, ignore_errors=True)


def flask(env: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flask", "--app", "app", *words]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)


def test_a_stopped_database_is_started_looked_into_and_stopped(own: dict[str, str]) -> None:
    home = Path(own["CITYOPS_HOME"])
    done = flask(own, "verify", "--deep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-2].split()[:2] == ["ok", "pages"]
    assert embedded.running(home) is None
    with embedded.server(home) as server:
        name, file = _file(server, "place")
    _invert_checksum(server.directory / file)
    done = flask(own, "verify", "--deep")
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("BROKEN pages")]
    assert name in line and "invalid page in block 0" in line
    assert embedded.running(home) is None


def _file(server: embedded.Server, table: str) -> tuple[str, str]:
    with psycopg.connect(pages.superuser(server)) as conn:
        row = conn.execute("SELECT %s, pg_relation_filepath(%s)", (table, table)).fetchone()
    assert row is not None
    return row


def _invert_checksum(file: Path) -> None:
    """Of the first page; a zeroed one would be right once in 65,536 times."""
    with file.open("r+b") as table:
        page = bytearray(table.read(PAGE))
        page[8] ^= 0xFF
        page[9] ^= 0xFF
        table.seek(0)
        table.write(page)


def test_every_table_and_index_is_counted_that_is_looked_at_and_nothing_else(
    postgres: Any, fresh: str
) -> None:
    dsn = postgres.dsn(postgres.superuser, fresh)
    found = pages.look(dsn, ours=False)
    with psycopg.connect(dsn) as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
            " WHERE a.amname IN ('heap', 'btree') AND c.relkind IN ('r', 't', 'm', 'i')"
        ).fetchone()
    assert row == (found.relations,)


# ── what the programs answer ────────────────────────────────────────────────────────────────────
CHECKED = """pg_amcheck: including database "x"
pg_amcheck: checking heap table "x.public.city"
pg_amcheck: checking btree index "x.public.city_pkey" """
LOST = 'pg_amcheck: error: connection to server on socket "/x" failed: No such file'
REFUSED = "pg_basebackup: error: connection to server failed: FATAL:  too many connections"
UNLIKE = "WARNING:  checksum verification failed in file base/5/1, block 0"


def says(code: int, out: str = "", err: str = "") -> str:
    return f"#!/bin/sh\ncat <<'E'\n{out}\nE\ncat >&2 <<'E'\n{err}\nE\nexit {code}\n".replace("\n\nE", "\nE")


@pytest.mark.parametrize(
    "amcheck, basebackup, found",
    [
        (says(0, err=CHECKED), says(0), pages.Look(2)),
        (says(2, "heap table city", CHECKED), says(0), pages.Look(2, ("heap table city",))),
        (says(1, err=LOST), says(0), pages.Look(missing=LOST)),
        (says(1), says(0), pages.Look(missing="pg_amcheck ended with 1")),
        ("#!/bin/sh\nkill -9 $$\n", says(0), pages.Look(missing="pg_amcheck ended with -9")),
        (says(3, "half", CHECKED), says(0), pages.Look(missing="pg_amcheck ended with 3")),
        (says(0, err=CHECKED), says(1, err=REFUSED), pages.Look(2, missing=REFUSED)),
        (says(0, err=CHECKED), says(1), pages.Look(2, missing="pg_basebackup ended with 1")),
        (says(0, err=CHECKED), says(1, err=f"{UNLIKE}\npg_basebackup: error: no"), pages.Look(2, (UNLIKE,))),
        (says(2, "torn", CHECKED), says(1, err=REFUSED), pages.Look(2, ("torn",), REFUSED)),
        (None, says(0), pages.Look(missing="the program pg_amcheck is not here")),
        (says(0, err=CHECKED), None, pages.Look(2, missing="the program pg_basebackup is not here")),
    ],
)
def test_only_a_program_that_came_to_its_end_has_looked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    amcheck: str | None,
    basebackup: str | None,
    found: pages.Look,
) -> None:
    for name, script in (("pg_amcheck", amcheck), ("pg_basebackup", basebackup)):
        if script is not None:
            (tmp_path / name).write_text(script)
            (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(pages, "find_spec", lambda name: None)
    monkeypatch.setattr(
        pages.shutil, "which", lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None
    )
    assert pages.look("", ours=True) == found


def test_what_is_broken_is_said_even_where_not_all_was_looked_at() -> None:
    line = str(Proof("pages", {}, [Break("damaged", 1, ["torn"])], "no connection"))
    assert line == "BROKEN pages damaged (1): torn | not all was looked at: no connection"


def test_an_entry_that_an_index_lacks_is_found(postgres: Any, fresh: str) -> None:
    with closing(postgres.admin(fresh)) as conn:
        conn.execute("SET enable_indexscan = off")
        conn.execute("UPDATE pg_index SET indisready = false WHERE indexrelid = 'source_pkey'::regclass")
        conn.execute("INSERT INTO source (feed) VALUES ('unseen')")
        conn.execute("UPDATE pg_index SET indisready = true WHERE indexrelid = 'source_pkey'::regclass")
    found = pages.look(postgres.dsn(postgres.superuser, fresh), ours=False)
    assert any("source_pkey" in line for line in found.damage), found


def test_who_may_not_look_says_so_and_is_not_called_whole(fresh: str) -> None:
    done = run("--deep")
    assert done.exit_code == 1
    assert any(line.startswith("NOT RUN pages") for line in done.stdout.splitlines()), done.output
