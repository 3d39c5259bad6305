"""What would somebody send who wants to see us fall?"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

V1 = "/api/v1"
AT = "2026-01-01T00:00:00+08:00"

TEXTS = (
    "", " ", "\0", "99\0", "\u00ed\u00a0\u0080", "％", "\u202e", "é", "𠮷" * 50, "\\", "%", "_",
    "%%%", "-1", "0", "[]", "{}",
    "' OR '1'='1", "99'; DROP TABLE incident; --", "99') UNION SELECT * FROM event --", "(a+)+$",
    "a" * 30 + "!", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "..\\..\\x", "/etc/passwd", "%00",
    "file:///etc/passwd", "<script>alert(1)</script>", "javascript:alert(1)", "{{7*7}}", "${7*7}", "@SUM(1)",
    "=cmd|' /C calc'!A0",
    "a\r\nSet-Cookie: x=1", "\x1b[31m", "x" * 5_000, "1e999", "NaN", "null", "true", "9" * 40, "2147483648",
    "9223372036854775808", "1.5", "0x10", "__proto__", "constructor", "infinity", "epoch", "open",
    "0000-00-00", "10000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00", AT,
    "2026-01-01T00:00:00+99:99", "1969-12-31T23:59:60Z", "99", "9901-1", "W1", "zh", "csv",
)  # fmt: skip
"""Empty, unprintable, SQL, paths, scripts, formulas, line ends, long, numbers, times that are none."""

THINGS: tuple[Any, ...] = (
    *TEXTS, None, True, False, 0, -1, 1, 4, 5, 1.5, -0.0, 2**31, 2**53 + 1, 2**63 - 1, 1e308, 5e-324, [], {},
    [[]], ["99"], {"a": {"b": {"c": []}}}, {"__proto__": {"x": 1}}, [None] * 50,
)  # fmt: skip

RAW = (
    b"", b"\0", b"\xff\xfe", b"{", b"[", b"]", b'{"a":', b"nul", b"[1e999]", b"[NaN]", b'"\\ud800"',
    b"[" * 100_000, b'{"a":' * 50_000, b"[" + b"0," * 60_000 + b"0]", b"\xef\xbb\xbf[]", b"[{}]\n[{}]\n",
    b"\x1f\x8b\x08\x00" + b"\0" * 40, b"PK\x03\x04" + b"\0" * 40,
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
)  # fmt: skip

QUERIES: dict[str, tuple[str, ...]] = {
    "places": ("q", "lang", "limit", "after"),
    "places/{}": ("geometry", "lang"),
    "assets": ("place", "kind", "limit", "after"),
    "signs": ("place", "format", "lang"),
    "signs/{}/children": ("place", "format"),
    "signs/{}/series": ("place", "asset", "from", "to", "grain", "format"),
    "incidents": (
        "place", "state", "severity", "overdue", "class", "source", "source_id", "from", "to", "closed_from",
        "limit", "after", "format",
    ),
    "incidents/counts": ("place", "by", "tier", "state", "severity", "from", "to"),
    "incidents/{}": ("lang",),
    "state/overview/{}": ("lang", "at"),
    "state/sign/{}": ("lang",),
    "state/{}": (),
    "sources": ("hours", "format"),
}  # fmt: skip
PAGES = ("overview", "signs", "sign", "incidents", "sources", "wall", "live", "assets", "_shapes", "nothing")
READING = {"sign": "W1", "place": "9901-1", "at": AT, "value": 21.5}
REPORT = {
    "source": "hostile", "source_id": "1", "class": "E0506", "severity": 3, "place": "9901-1", "lon": 110.0,
    "lat": 30.0, "description": "积水", "at": AT,
}  # fmt: skip
KINDS = (
    "application/json", "application/x-ndjson", "text/plain", "multipart/form-data; boundary=x", "",
    "a/b;c=\xe9",
)  # fmt: skip
HEADERS = (
    "Host", "Origin", "X-Forwarded-For", "X-Forwarded-Host", "If-None-Match", "Accept", "Cookie", "Range",
)  # fmt: skip
SAID = ("", "*", "a" * 5_000, "evil.example", "127.0.0.1, 1.2.3.4", 'W/"x"', "\xe9", "bytes=0-0,-1")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def requests(seed: int) -> Iterator[Request]:
    """Without end, the same for the same seed."""
    chance = random.Random(seed)
    while True:
        yield chance.choices((_question, _page, _reading, _report, _strange), (6, 2, 4, 4, 1))[0](chance)


def _question(chance: random.Random) -> Request:
    path = chance.choice(tuple(QUERIES))
    known = QUERIES[path]
    names = chance.sample(known, min(len(known), chance.randint(0, 3)))
    query = {"place": "99"} if "place" in known else {}
    query |= {"by": "state"} if "by" in known else {}
    query |= {name: chance.choice(TEXTS) for name in names}
    if chance.random() < 0.1:
        query[chance.choice(TEXTS)] = chance.choice(TEXTS)
    return Request("GET", f"{V1}/{path.format(_segment(chance))}", query)


def _page(chance: random.Random) -> Request:
    return Request("GET", f"/{chance.choice(PAGES)}/{_segment(chance)}", {"lang": chance.choice(TEXTS)})


def _segment(chance: random.Random) -> str:
    return chance.choice(("W1", "99", "9901", *TEXTS))


def _reading(chance: random.Random) -> Request:
    rows = [_mutant(chance, READING) for _ in range(chance.choice((1, 1, 2, 5)))]
    return _posted(chance, "readings", rows)


def _report(chance: random.Random) -> Request:
    return _posted(chance, "incidents", _mutant(chance, REPORT | {"source_id": str(chance.random())}))


def _mutant(chance: random.Random, whole: dict[str, Any]) -> dict[str, Any]:
    made = dict(whole)
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        name = chance.choice((*whole, chance.choice(TEXTS)))
        if chance.random() < 0.2:
            made.pop(name, None)
        else:
            made[name] = chance.choice(THINGS)
    return made


def _posted(chance: random.Random, noun: str, payload: Any) -> Request:
    body = orjson.dumps(payload, option=orjson.OPT_NON_STR_KEYS)
    if chance.random() < 0.15:
        body = chance.choice(RAW)
    elif chance.random() < 0.15:
        body = _broken(chance, body)
    kind = chance.choice(KINDS) if chance.random() < 0.1 else KINDS[0]
    query = {"source": chance.choice(TEXTS)} if noun == "readings" and chance.random() < 0.3 else {}
    return Request("POST", f"{V1}/{noun}", query, body, kind)


def _broken(chance: random.Random, body: bytes) -> bytes:
    """Cut short, or one byte another."""
    at = chance.randrange(len(body))
    return body[:at] if chance.random() < 0.5 else body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]


def _strange(chance: random.Random) -> Request:
    method = chance.choice(("PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "GET"))
    headers = {chance.choice(HEADERS): chance.choice(SAID)}
    return Request(method, f"{V1}/{chance.choice(tuple(QUERIES)).format('99')}", headers=headers)
