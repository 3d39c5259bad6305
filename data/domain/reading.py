"""Is this a reading, and is it one of a series that can be?"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from data.domain.moment import AHEAD, EARLIEST, rfc3339
from data.domain.place import is_code
from data.domain.refusal import Refusal

SMALLEST, GREATEST = 1e-100, 1e100  # beyond them a sum or a product over a city is no number

FIELDS = frozenset({"sign", "place", "asset", "at", "value"})


class Reading(NamedTuple):
    """Of a place (asset empty) or of an asset (place empty until it is looked up)."""

    row: int
    sign: str
    place: str
    asset: str
    at: datetime
    value: float


class Fault(NamedTuple):
    """A row that is refused, and why."""

    row: int
    sign: str | None
    place: str | None
    code: str


class Measured(NamedTuple):
    """By the places of one tier or by the assets of one kind."""

    tier: int | None
    kind: str | None


class Book(NamedTuple):
    """What the rows of a batch may name."""

    signs: Mapping[str, Measured]
    tiers: Mapping[str, int]
    assets: Mapping[str, tuple[str, str]]  # code: (kind, place)


REASONS: dict[str, tuple[str, str]] = {
    "bad_json": ("不是一个完整的 JSON 对象", "not a complete JSON object"),
    "missing_field": (
        "缺少字段：需要 sign、at、value 以及 place 或 asset",
        "a field is missing: sign, at, value and place or asset are needed",
    ),
    "extra_field": (
        "有多余字段：只能有 sign、at、value 以及 place、asset 之一",
        "a field too many: sign, at, value and one of place and asset",
    ),
    "unknown_sign": ("没有这个体征", "no sign has this code"),
    "unknown_place": ("没有这个地方", "no place has this code"),
    "unknown_asset": ("没有这个部件", "no asset has this code"),
    "wrong_tier": ("该体征不在这里测量", "the sign is measured by places of another tier or by other assets"),
    "bad_value": (
        "数值必须是有限的数（0，或绝对值在 1e-100 与 1e100 之间）",
        "the value must be a finite number (0, or from 1e-100 to 1e100 in size)",
    ),
    "bad_time": ("时间不是 RFC 3339 格式", "the time is not in RFC 3339 form"),
    "no_zone": ("时间没有时区", "the time has no offset"),
    "future": ("时间超前两分钟以上", "the time is more than 2 min ahead of the clock"),
    "too_old": ("时间早于 2000-01-01", "the time lies before 2000-01-01"),
    "conflict": ("同一时刻已有另一个值", "another value is stored for this time"),
    "claimed": ("该序列属于另一个来源", "the series belongs to another source"),
}  # fmt: skip


FIELD_OF = {
    "unknown_sign": "sign", "unknown_place": "place", "unknown_asset": "asset", "wrong_tier": "sign",
    "claimed": "sign", "bad_time": "at", "no_zone": "at", "future": "at", "too_old": "at",
    "bad_value": "value", "conflict": "value",
}  # fmt: skip
"""The others are about the row as a whole."""


def detail(code: str, lang: str) -> str:
    zh, en = REASONS[code]
    return en if lang == "en" else zh


class _Wrong(Exception):
    """Carries the code."""


def read(row: int, raw: object, *, now: datetime) -> Reading | Fault:
    """All that can be said without the city."""
    if not isinstance(raw, dict):
        return Fault(row, None, None, "bad_json")
    try:
        _check_fields(raw)
        place, asset = _where(raw)
        sign = _code(raw["sign"], "unknown_sign")
        return Reading(row, sign, place, asset, _time(raw["at"], now), _value(raw["value"]))
    except _Wrong as wrong:
        return Fault(row, _shown(raw.get("sign")), _shown(raw.get("place")), str(wrong))


def _check_fields(raw: Mapping[str, object]) -> None:
    if not raw.keys() <= FIELDS:
        raise _Wrong("extra_field")
    if not ("sign" in raw and "at" in raw and "value" in raw):
        raise _Wrong("missing_field")


def _where(raw: Mapping[str, object]) -> tuple[str, str]:
    place, asset = raw.get("place"), raw.get("asset")
    if place is None and asset is None:
        raise _Wrong("missing_field")
    if place is not None and asset is not None:
        raise _Wrong("extra_field")
    if asset is None:
        return _code(place, "unknown_place"), ""
    return "", _code(asset, "unknown_asset")


def _code(found: object, otherwise: str) -> str:
    if isinstance(found, str) and is_code(found):
        return found
    raise _Wrong(otherwise)


def _time(found: object, now: datetime) -> datetime:
    at = found if isinstance(found, datetime) else _parsed(found)
    if at.tzinfo is None:
        raise _Wrong("no_zone")
    if at > now + AHEAD:
        raise _Wrong("future")
    if at < EARLIEST:
        raise _Wrong("too_old")
    return at


def _parsed(found: object) -> datetime:
    if not isinstance(found, str):
        raise _Wrong("bad_time")
    try:
        return rfc3339(found)
    except Refusal as wrong:
        raise _Wrong(wrong.code) from None


def _value(found: object) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise _Wrong("bad_value")
    try:
        value = float(found)
    except OverflowError:
        raise _Wrong("bad_value") from None
    if not math.isfinite(value) or (value and not SMALLEST <= abs(value) <= GREATEST):
        raise _Wrong("bad_value")
    return value


def _shown(found: object) -> str | None:
    return found[:80].replace("\0", "") if isinstance(found, str) else None


def place(reading: Reading, book: Book) -> Reading | Fault:
    """The reading with its place, if the city measures the sign there."""
    measured = book.signs.get(reading.sign)
    if measured is None:
        return fault(reading, "unknown_sign")
    return _at_asset(reading, measured, book) if reading.asset else _at_place(reading, measured, book)


def _at_place(reading: Reading, measured: Measured, book: Book) -> Reading | Fault:
    tier = book.tiers.get(reading.place)
    if tier is None:
        return fault(reading, "unknown_place")
    return reading if tier == measured.tier else fault(reading, "wrong_tier")


def _at_asset(reading: Reading, measured: Measured, book: Book) -> Reading | Fault:
    found = book.assets.get(reading.asset)
    if found is None:
        return fault(reading, "unknown_asset")
    kind, home = found
    if kind != measured.kind:
        return fault(reading, "wrong_tier")
    return Reading(reading.row, reading.sign, home, reading.asset, reading.at, reading.value)


def fault(reading: Reading, code: str) -> Fault:
    return Fault(reading.row, reading.sign, reading.place or None, code)
