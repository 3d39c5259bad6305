"""What did the last verification of the whole database find?"""

from typing import Any

from data import db
from data.store import verifications


def last() -> dict[str, Any] | None:
    """`{at, seconds, deep, ok, broken: [{invariant, n}]}`; n counts places, 0 where nothing could be seen."""
    with db.read() as conn:
        found = verifications.last(conn)
    if found is None:
        return None
    broken = [
        {"invariant": proof["invariant"], "n": sum(one["n"] for one in proof["breaks"])}
        for proof in found.pop("proofs")
        if proof["breaks"] or proof["missing"]
    ]
    return {**found, "broken": broken}
