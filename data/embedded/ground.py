"""Which folder does the database stand in, and which user does it belong to?"""

import hashlib
import os
import pwd
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from data.config import Refused, database_file, read_json, write_json

STORE = Path("/var/lib/cityops")  # for root, when its servant cannot reach the home
PORT = 5432  # names the socket; no TCP port is opened
_SERVANTS = range(61_000, 60_577, -1)  # uids that neither Debian nor systemd hands out
_SOCKET_BYTES = 80  # a socket's whole path has 107


@dataclass(frozen=True)
class Ground:
    folder: Path
    uid: int

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


def at(home: Path) -> Ground:
    """In the home; for root, whose servant may not reach the home, in the store: the home points there."""
    inside, kept = home / "postgres", read_json(database_file(home))
    if inside.exists():
        found = Ground(inside, inside.stat().st_uid)
    elif kept is None:
        found = _new(home, inside)
    else:
        found = _pointed(home, Path(kept["directory"]).parent)
    write_json(database_file(home), {"directory": str(found.data), "socket": str(found.socket), "port": PORT})
    return found


def _pointed(home: Path, folder: Path) -> Ground:
    if not folder.exists():
        raise Refused(
            f"{database_file(home)} names a database in {folder}, which is not there:"
            " put it back, or delete that file to begin a new city"
        )
    return Ground(folder, folder.stat().st_uid)


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
