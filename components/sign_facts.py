"""What is known of a sign, and how well is it reported here?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from data.domain.limit import Limit, limits_of
from data.domain.quality import Hour, presence

Json = dict[str, Any]
Row = Mapping[str, Any]

HOUR = timedelta(hours=1)


def definition(sign: Row, domain: Mapping[str, str] | str) -> list[Json]:
    """Rows of the definition; each is written by its `id` in the browser."""
    levels = [{"id": limit.status, **asdict(limit)} for limit in limits_of(sign)]
    return [
        {"id": "domain", "name": domain},
        {"id": "unit", **_part(sign, "unit", "period")},
        {"id": "measured", **_part(sign, "tier", "kind", "expected")},
        {"id": "direction", **_part(sign, "direction")},
        {"id": "limits", "levels": levels},
        {"id": "hold", "slack": sign["slack"] or None, **_part(sign, "unit", "hold")},
        {"id": "freshness", **_part(sign, "freshness")},
        {"id": "fold", **_part(sign, "fold_time", "fold_space", "weight", "weighted")},
        {"id": "owner", "name": sign["department"]},
        {"id": "source", "text": sign["source"] or None},
    ]


def _part(sign: Row, *names: str) -> Json:
    return {name: sign[name] for name in names}


def flags(sign: Row) -> list[Json]:
    """What a reader must know before he trusts a status of it."""
    limits = limits_of(sign)
    true = {
        "no_baseline": _needs(limits, "baseline"),
        "no_capacity": _needs(limits, "capacity"),
        "unweighted": sign["fold_space"] == "mean" and sign["weight"] != "1" and not sign["weighted"],
        "illustrative": sign["illustrative"],
    }
    return [{"id": name} for name, holds in true.items() if holds]


def _needs(limits: Sequence[Limit], measure: str) -> bool:
    return any(limit.need == measure for limit in limits)


def quality(sign: Row, hours: Sequence[Row]) -> list[Json]:
    """Nothing by the hour of a sign that comes once a day, or as things happen."""
    if sign["id"] is None:
        return [{"id": "reported", "why": "unmeasured"}]
    expected = sign["expected"] or 0
    silent = {"id": "silent", "n": expected - (sign["live"] or 0), "expected": expected}
    if sign["period"] is None or timedelta(seconds=sign["period"]) > HOUR:
        return [{"id": "reported", "why": "slow" if sign["period"] else "event"}, silent]
    found = presence([Hour(row["at"], row["live"], row["expected"]) for row in hours], expected, sign["now"])
    return [
        {"id": "reported", "why": None, "share": found.share, "present": found.present, "due": found.due},
        {"id": "gaps", "n": found.gaps, "longest": found.longest.total_seconds()},
        silent,
    ]
