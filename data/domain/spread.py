"""Which sign tells the places below apart best?"""

from collections.abc import Mapping, Sequence
from typing import Any

from data.domain.sign import ABNORMAL, WORDS

Row = Mapping[str, Any]

_GRAVITY = {WORDS[status]: int(status) for status in ABNORMAL}


def focus(signs: Sequence[str], rows: Sequence[Row], children: int) -> tuple[str | None, dict[str, Row]]:
    """The sign with the gravest child, then one that is bad here and well there, then the first; its rows.

    One that fewer than half of the children measure says nothing about the others: none.
    """
    by_sign: dict[str, dict[str, Row]] = {sign: {} for sign in signs}
    for row in rows:
        by_sign[row["sign"]][row["place"]] = row
    wide = [sign for sign in signs if 2 * len(by_sign[sign]) >= max(children, 1)]
    best = max(wide, key=lambda sign: _loudness(list(by_sign[sign].values())), default=None)
    return best, by_sign[best] if best else {}


def _loudness(rows: Sequence[Row]) -> tuple[int, bool]:
    grave = [_GRAVITY.get(row["status"], 0) for row in rows]
    return max(grave, default=0), len(set(grave)) > 1
