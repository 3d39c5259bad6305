"""Who is asking, and may they see or change this part of the tree?"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Viewer:
    """`root` = path of the subtree that may be seen (`4201/`); `rights` = their hash, part of every key."""

    root: str
    rights: str
    may_write: bool = False


GUEST = "guest"
"""Reading on loopback: everything below the root."""

SERVICE = "local"
"""The file token: read, report, import."""


def may_see(viewer: Viewer, path: str) -> bool:
    """The viewer's own subtree, its root included."""
    return path.startswith(viewer.root)
