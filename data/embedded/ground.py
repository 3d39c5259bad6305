"""Which folder does the database stand in, and which user does it belong to?"""

import hashlib
import os
import pwd
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.config import Refused, database_file, read_json, write_json

STORE = Path("/var/lib/cityops")  # for root, when its servant cannot reach the home
PORT = 5432  # names the socket; no TCP port is opened
_SERVANTS = range(61_000, 60_577, -1)  # uids that neither Debian nor systemd hands out
_SOCKET_BYTES = 80  # a socket's whole path has 107


@dataclass(frozen=True)
class Ground:
    """`made`: a database has stood here, so that none is begun anew in its place."""

    folder: Path
    uid: int
    made: bool = False

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        near = self.folder / "socket"
        if len(os.fsencode(near)) <= _SOCKET_BYTES:
            return near
        return Path(f"/tmp/cityops-{self.uid}-{hashlib.sha256(os.fsencode(near)).hexdigest()[:12]}")

    @property
    def drop(self) -> dict[str, int | list[int]]:
        """For `subprocess`: become the database's user."""
        return {} if self.uid == os.getuid() else {"user": self.uid, "group": self.uid, "extra_groups": []}

    def own(self, path: Path) -> Path:
        """A new folder for the database's user alone."""
        path.mkdir(mode=0o700)
        if self.uid != os.getuid():
            os.chown(path, self.uid, self.uid)
        return path


def at(home: Path, stood: Path | None = None) -> Ground:
    """In the home; for root, whose servant may not reach the home, in the store: the home points there.
    `stood`: the directory of the database that has run here, whatever has become of the home since."""
    inside = home / "postgres"
    if stood is None and (inside / "data").exists():  # a pointer that is lost or torn is written anew
        found = Ground(inside, inside.stat().st_uid, made=True)
    else:
        found = _pointed(home, inside, stood)
    point(home, found)
    return found


def _pointed(home: Path, inside: Path, stood: Path | None) -> Ground:
    kept: Any = {"directory": str(stood), "made": True} if stood else _pointer(home)
    if kept is None:
        return Ground(inside, inside.stat().st_uid) if inside.exists() else _new(home, inside)
    data, made = Path(kept["directory"]), kept.get("made", False)
    if not data.parent.exists() or (made and not data.exists()):
        raise Refused(
            f"{database_file(home)} names the database in {data}, which is not there: put it back (from a"
            " backup, or mount its disk), or delete that file and what is left beside it to begin a new city"
        )
    return Ground(data.parent, data.parent.stat().st_uid, made)


def _pointer(home: Path) -> Any:
    try:
        return read_json(database_file(home))
    except Refused as torn:
        there = " ".join(str(path) for path in STORE.glob("*/data"))
        raise Refused(
            f"{torn}; it names the database's directory ({there or 'none is left'}):"
            ' write {"directory": "…"} into it, or delete it to begin a new city'
        ) from torn


def point(home: Path, found: Ground) -> None:
    """Written when it changes, so that a full disk is no reason not to start."""
    says = {"directory": str(found.data), "socket": str(found.socket), "port": PORT, "made": found.made}
    try:
        standing = read_json(database_file(home))
    except Refused:
        standing = None
    if standing != says:
        write_json(database_file(home), says)


def _new(home: Path, inside: Path) -> Ground:
    uid = os.getuid() or _servant()
    folder = inside if uid == os.getuid() or reaches(uid, home) else store() / secrets.token_hex(6)
    made = Ground(folder, uid)
    try:
        made.own(folder)
    except OSError as refused:
        raise Refused(f"{folder} cannot be made for user {uid}: {refused.strerror}") from refused
    return made


def _servant() -> int:
    """PostgreSQL refuses root. A uid without an account owns nothing else, and nothing else runs as it."""
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next(uid for uid in _SERVANTS if uid not in taken)


def store() -> Path:
    if not STORE.exists():
        STORE.mkdir(parents=True)
        STORE.chmod(0o755)
    if STORE.stat().st_uid != 0:
        raise Refused(f"{STORE} does not belong to root: another user could change the programs in it")
    return STORE


def reaches(uid: int, path: Path) -> bool:
    """By the permission for others, or the owner's where `uid` is the owner."""
    for found in (step.stat() for step in (path, *path.parents)):
        if not found.st_mode & (stat.S_IXUSR if found.st_uid == uid else stat.S_IXOTH):
            return False
    return True
