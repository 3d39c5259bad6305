"""Which rows does a recorded file hold: CSV, NDJSON or Parquet, `.gz` too, told by its name?

Rows stream by and are numbered from 0, the header left out; a row that cannot be read is named, not raised.
"""

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from data.domain.refusal import Refusal

Cells = dict[str, Any]

_LINE = 8 * 2**20  # characters of one line, at most
_LOOK_AHEAD = 1_000  # lines of an NDJSON file whose keys together are its columns
_DEPTH = 6  # of objects in objects: {"a": {"b": 1}} has the column a.b
_DELIMITERS = {".csv": ",", ".txt": ",", ".tsv": "\t"}
_LINES = (".ndjson", ".jsonl")
_TABLES = (*_DELIMITERS, *_LINES, ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """A cell is text, or a typed value where the format has types; None is null."""

    number: int
    cells: Cells


@dataclass(frozen=True, slots=True)
class Refused:
    """`field` is ours, or the file's column where a wide row holds several values."""

    row: int
    field: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Table:
    """`position` counts up to `size` while the rows stream by."""

    columns: tuple[str, ...]
    rows: Iterator[Row | Refused]
    size: int
    position: Callable[[], int]


def kind_of(path: Path) -> str:
    """.csv of a.csv.gz"""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return (suffixes[:-1] if suffixes[-1:] == [".gz"] else suffixes)[-1:][0] if suffixes else ""


@contextmanager
def open_table(path: Path, *, encoding: str = "utf-8", delimiter: str | None = None) -> Iterator[Table]:
    """Refusal where the file as a whole cannot be read."""
    kind = kind_of(path)
    if kind not in _TABLES:
        raise _unreadable(
            f"'{path.name}' 的扩展名应为", f"the name '{path.name}' ends in none of", ", ".join(_TABLES)
        )
    try:
        with path.open("rb") as raw, _unpacked(raw, path) as stream:
            yield _parquet(stream) if kind == ".parquet" else _text(raw, stream, kind, encoding, delimiter)
    except (OSError, EOFError, UnicodeError, gzip.zlib.error) as error:  # type: ignore[attr-defined]
        raise _unreadable("无法读取文件：", "the file cannot be read:", str(error)) from error


def _unreadable(zh: str, en: str, what: str) -> Refusal:
    return Refusal("bad_file", f"{zh} {what}", f"{en} {what}")


@contextmanager
def _unpacked(raw: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    if path.suffix.lower() != ".gz":
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as stream:
        yield stream  # type: ignore[misc]


# ── CSV and NDJSON ──────────────────────────────────────────────────────────────────────────────
def _text(raw: BinaryIO, stream: BinaryIO, kind: str, encoding: str, delimiter: str | None) -> Table:
    if encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    # bytes that are no text stay marked in their cell, which is refused where it is used
    lines = _lines(io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline=""))
    size = raw.seek(0, io.SEEK_END)
    raw.seek(0)
    if kind in _LINES:
        columns, rows = _ndjson(lines)
    else:
        columns, rows = _csv(lines, delimiter or _DELIMITERS[kind])
    return Table(columns, rows, size, raw.tell)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    try:
        while line := text.readline(_LINE):
            if len(line) == _LINE:
                raise _unreadable("有一行超过", "a line is longer than", f"{_LINE}")
            yield line
    finally:
        if not text.closed:
            text.detach()  # else the file would close with it, and its position be lost


def _csv(lines: Iterator[str], delimiter: str) -> tuple[tuple[str, ...], Iterator[Row | Refused]]:
    reader = csv.reader(lines, delimiter=delimiter)
    header = next(reader, None)
    if not header:
        raise _unreadable("文件没有表头", "the file has no header", "")
    columns = tuple(name.strip() for name in header)
    return columns, _csv_rows(reader, columns)


def _csv_rows(reader: Any, columns: tuple[str, ...]) -> Iterator[Row | Refused]:
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(number, "", "bad_value", f"this is no CSV: {error}")
        else:
            if not cells:
                continue
            yield _csv_row(number, columns, cells)
        number += 1


def _csv_row(number: int, columns: tuple[str, ...], cells: list[str]) -> Row | Refused:
    if len(cells) == len(columns):
        return Row(number, dict(zip(columns, cells, strict=True)))
    code = "missing_field" if len(cells) < len(columns) else "extra_field"
    return Refused(number, "", code, f"{len(cells)} cells where the header has {len(columns)}")


def _ndjson(lines: Iterator[str]) -> tuple[tuple[str, ...], Iterator[Row | Refused]]:
    rows = (_json_row(number, line) for number, line in enumerate(line for line in lines if line.strip()))
    first = list(islice(rows, _LOOK_AHEAD))
    columns = dict.fromkeys(column for row in first if isinstance(row, Row) for column in row.cells)
    return tuple(columns), chain(first, rows)


def _json_row(number: int, line: str) -> Row | Refused:
    try:
        found = orjson.loads(line)
    except (orjson.JSONDecodeError, UnicodeError) as error:
        return Refused(number, "", "bad_json", f"this is no JSON: {error}")
    if not isinstance(found, dict):
        return Refused(number, "", "bad_json", "a line is one object")
    return Row(number, dict(_flat(found, "", 1)))


def _flat(found: Cells, front: str, depth: int) -> Iterator[tuple[str, Any]]:
    for name, cell in found.items():
        if isinstance(cell, dict) and depth < _DEPTH:
            yield from _flat(cell, f"{front}{name}.", depth + 1)
        else:
            yield f"{front}{name}", cell


# ── Parquet ─────────────────────────────────────────────────────────────────────────────────────
def _parquet(stream: BinaryIO) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(stream)
    except pa.ArrowException as error:
        raise _unreadable("这不是 Parquet：", "this is no Parquet:", str(error)) from error
    done = 0

    def rows() -> Iterator[Row]:
        nonlocal done
        try:
            for batch in file.iter_batches(batch_size=10_000):
                for cells in batch.to_pylist():
                    yield Row(done, cells)
                    done += 1
        except pa.ArrowException as error:
            raise _unreadable("Parquet 已损坏：", "the Parquet is broken:", str(error)) from error

    return Table(tuple(file.schema_arrow.names), rows(), file.metadata.num_rows, lambda: done)
