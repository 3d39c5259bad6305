"""How does an answer leave as a table (CSV) that opens right in a spreadsheet?"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from urllib.parse import quote

from flask import Response

from data import live
from data.domain import spreadsheet

Rows = Iterable[Sequence[Mapping[str, Any]]]


def export(page: str, place: str, columns: Sequence[str], batches: Rows) -> Response:
    """Streamed: an error in the middle breaks the transfer, so that half a table is never taken for one."""
    as_of = live.now()
    return _streamed(page, place, as_of, _stream(columns, place, as_of, batches))


def export_lines(
    page: str, place: str, columns: Sequence[str], lines: Callable[[datetime], Iterable[list[bytes]]]
) -> Response:
    """The same for lines that the database has written, `as_of` in the last cell of each."""
    as_of = live.now()
    head = b"\xef\xbb\xbf" + _lines([[*columns, "as_of"]])
    batches = (b"\r\n".join([*batch, b""]) for batch in lines(as_of))
    return _streamed(page, place, as_of, chain((head,), batches))


def _streamed(page: str, place: str, as_of: datetime, parts: Iterable[bytes]) -> Response:
    name = f"{page}_{place}_{as_of:%Y%m%dT%H%M%SZ}.csv"
    return Response(
        parts,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"},
    )


def _stream(columns: Sequence[str], place: str, as_of: datetime, batches: Rows) -> Iterator[bytes]:
    shared = {"place": place, "as_of": as_of}
    wide = [*columns, *(name for name in shared if name not in columns)]
    yield b"\xef\xbb\xbf" + _lines([[part for name in wide for part in _header(name)]])
    for batch in batches:
        yield _lines([_cells({**shared, **row}, wide) for row in batch])


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    held = io.StringIO()
    csv.writer(held, lineterminator="\r\n").writerows(rows)
    return held.getvalue().encode()


def _header(column: str) -> tuple[str, ...]:
    return ("name_zh", "name_en") if column == "name" else (column,)


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[Any]:
    cells: list[Any] = []
    for name in columns:
        value = row.get(name)
        if name == "name":
            cells += [spreadsheet.cell((value or {}).get(lang, "")) for lang in ("zh", "en")]
        else:
            cells.append(_WRITTEN.get(type(value), _plain)(value))
    return cells


def _plain(value: Any) -> Any:
    return "" if value is None else value if isinstance(value, int | float) else spreadsheet.cell(str(value))


_WRITTEN: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: "true" if value else "false",
    datetime: lambda value: value.isoformat(),
    str: spreadsheet.cell,
}
