"""How do many values reach the server in one statement?"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

Value = int | float | datetime | None


def array(values: Iterable[Value]) -> str:
    """An array literal for a cast parameter; a list would be dumped item by item, five times as slow."""
    return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"


def codes(values: Iterable[str]) -> str:
    """The same of codes, in which nothing needs escaping; without any it holds one that is nobody's."""
    return '{"' + '","'.join(values) + '"}'


class Batch(NamedTuple):
    """Readings by column, as array literals."""

    ids: str
    ats: str
    values: str
    size: int

    @classmethod
    def of(cls, ids: list[int], ats: list[datetime], values: list[float]) -> "Batch":
        return cls(array(ids), array(ats), array(values), len(ids))
