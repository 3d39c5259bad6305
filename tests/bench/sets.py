"""On which databases does the bench stand, and are they made already?"""

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from data.config.setting import ROOT
from data.ingest.folder import folder_hash
from tests.bench import rounds
from tests.bench.fill import Size, fill
from tests.conftest import Postgres, environment, pointed_at

HOME = Path(os.environ.get("CITYOPS_BENCH_HOME", "~/.cache/cityops-bench")).expanduser()
WUHAN = ROOT / "data" / "seed" / "wuhan"
MOMENT = datetime(2026, 10, 1, 4, tzinfo=UTC)
"""When it is in the sets that only read: they never grow old."""

S = Size("bench_s", 100, 10_000, 180_000)
TENTH = Size("bench_s10", 10, 10_000, 180_000)


class Proven(NamedTuple):
    ok: bool
    said: str


def verify() -> Proven:
    """By the product's own command, of the database that the settings name."""
    words = [sys.executable, "-m", "flask", "--app", "app", "verify"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    return Proven(done.returncode == 0, (done.stdout + done.stderr).strip())


def root() -> str:
    """Of the city in the database that the settings name."""
    from data.queries import city

    return str(city.city_row()["root"])


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def told(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def server(home: Path = HOME) -> Iterator[Postgres]:
    """The product's own PostgreSQL as it always runs, in a home of the bench."""
    from data import embedded

    home.mkdir(parents=True, exist_ok=True)
    own = {"CITYOPS_HOME": str(home), "CITYOPS_DEMO": "0", "CITYOPS_DSN": None, "CITYOPS_OWNER_DSN": None}
    with environment(**own), embedded.server(home) as running:
        rounds.ROOTS[:] = [running.pid]
        yield Postgres(str(running.socket), "postgres")


def ready(postgres: Postgres, size: Size, folder: Path = WUHAN) -> str:
    """The set's database, made when it is missing or not of this generator, schema and city."""
    wanted = _wanted(size, folder)
    if _standing(postgres, size.name) != wanted:
        make(postgres, size, MOMENT, folder)
        with closing(postgres.admin(size.name)) as admin:
            admin.execute(f"ALTER ROLE cityops_replay IN DATABASE {size.name} SET app.now = '{MOMENT}'")
            admin.execute(f"COMMENT ON DATABASE {size.name} IS '{json.dumps(wanted)}'")
            admin.execute("CHECKPOINT")
    return size.name


def make(postgres: Postgres, size: Size, moment: datetime, folder: Path = WUHAN) -> None:
    city = _city(postgres, folder)
    with closing(postgres.admin()) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {size.name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {size.name} TEMPLATE {city} OWNER cityops_owner")
    started = last = time.monotonic()

    def step(what: str) -> None:
        nonlocal last
        now = time.monotonic()
        told(f"  {size.name}: {what}, {now - last:.1f} s")
        last = now

    with pointed_at(postgres, size.name):
        fill(size, moment, step)
    told(f"{size.name}: {size.days * size.cases:,} cases made in {time.monotonic() - started:.0f} s")


def drop(postgres: Postgres, name: str) -> None:
    with closing(postgres.admin()) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _city(postgres: Postgres, folder: Path) -> str:
    """A database with nothing but the city, to begin from."""
    from data.commands import city

    wanted = {"city": folder_hash(folder), "schema": _digest(ROOT / "data" / "store" / "schema")}
    name = f"bench_{folder.name}"
    if _standing(postgres, name) != wanted:
        drop(postgres, name)
        with closing(postgres.admin()) as admin:
            admin.execute(f"CREATE DATABASE {name} OWNER cityops_owner")
        with pointed_at(postgres, name):
            list(city.init(folder))
        with closing(postgres.admin()) as admin:
            admin.execute(f"COMMENT ON DATABASE {name} IS '{json.dumps(wanted)}'")
    return name


def _wanted(size: Size, folder: Path) -> dict[str, object]:
    made_by = [Path(__file__).with_name(name) for name in ("bulk.py", "cases.py", "fill.py", "series.py")]
    store = [ROOT / "data" / "store" / name for name in ("buckets.py", "fold.py", "holds.py", "schema")]
    return {"size": list(vars(size).values()), "by": _digest(*made_by, *store), "city": folder_hash(folder)}


def _digest(*paths: Path) -> str:
    """Of what is done, not of how it is told."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*.sql")) if path.is_dir() else [path]:
            text = file.read_text(encoding="utf-8")
            digest.update((text if file.suffix == ".sql" else _silent(text)).encode())
    return digest.hexdigest()[:16]


def _silent(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def _standing(postgres: Postgres, name: str) -> object:
    with closing(postgres.admin()) as admin:
        row = admin.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
        ).fetchone()
    return json.loads(str(row[0])) if row and row[0] else None
