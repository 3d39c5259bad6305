"""How is the text of one setting read, and what is said when it cannot be?"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Kind:
    """How a setting is parsed; without a default it may be absent (None)."""

    parse: Callable[[str], Any]
    default: str | None = None


@dataclass(frozen=True)
class Caps:
    """What one peer address may hold or do; `session` is per session, `writes` per second."""

    streams: int = 64
    session: int = 8
    unfinished: int = 16
    writes: int = 200


def text(value: str) -> str:
    return value


def flag(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("is 1 or 0")
    return value == "1"


def number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
            raise ValueError(f"is a whole number from {low} to {high}")
        return int(value)

    return parse


def seconds(value: str) -> float:
    if not (value.isascii() and value.replace(".", "", 1).isdigit() and 0.05 <= float(value) <= 3600):
        raise ValueError("is a number of seconds from 0.05 to 3600")
    return float(value)


def folder(value: str) -> Path:
    try:
        return (ROOT / Path(value).expanduser()).resolve()
    except RuntimeError as no_home:
        raise ValueError("must be set: this user has no home directory") from no_home


def city(value: str) -> Path:
    return folder(value) if "/" in value else ROOT / "data" / "seed" / value


def web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError("is an address such as https://city.example, without a path")
    return value.rstrip("/")


def networks(value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in value.split(","))
    except ValueError as wrong:
        raise ValueError("is a list of addresses or networks such as 10.0.0.1,10.1.0.0/16") from wrong


def cache(value: str) -> str:
    if urlsplit(value).scheme not in ("redis", "rediss"):
        raise ValueError("is an address that begins with redis:// or rediss://")
    return value


def caps(value: str) -> Caps:
    known = {one.name for one in fields(Caps)}
    pairs = [part.strip().partition("=") for part in value.split(",")]
    if not all(name in known and number.isascii() and number.isdigit() for name, _, number in pairs):
        raise ValueError("is a list such as streams=64,session=8,unfinished=16,writes=200")
    return Caps(**{name: int(number) for name, _, number in pairs})
