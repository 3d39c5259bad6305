"""How are answers and messages read off a raw socket?"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import orjson

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
MOST = 1 << 20  # characters of a line


async def ask(
    where: tuple[str, int], source: str, path: str, query: Mapping[str, str], **fields: str
) -> Ends:
    """`source`: the address that is counted."""
    reader, writer = await asyncio.open_connection(*where, local_addr=(source, 0), limit=MOST)
    lines = [f"GET {path}?{urlencode(query)} HTTP/1.1", f"Host: {where[0]}:{where[1]}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer


async def head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """The status and the fields by their names in small letters."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}


async def body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    return await reader.read()


@lru_cache(maxsize=256)
def message(event: bytes) -> tuple[str, dict[str, Any]]:
    """Its name and what it says: read once for all who are sent the same bytes, so nobody may change it."""
    lines = dict(line.split(b": ", 1) for line in event.strip().split(b"\n") if b": " in line)
    return lines.get(b"event", b"").decode(), orjson.loads(lines.get(b"data", b"{}"))


def folded(rows: list[dict[str, Any]] | None, changed: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As `foldRows` of assets/paint.js."""
    by_id = {row["id"]: row for row in rows or []}
    for gone in changed.get("drop", ()):
        by_id.pop(gone, None)
    by_id.update((row["id"], row) for row in changed.get("put", ()))
    return [by_id[one] for one in changed.get("order") or tuple(by_id) if one in by_id]


def seconds(now: str) -> float:
    return datetime.fromisoformat(now).timestamp()
