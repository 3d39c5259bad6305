"""What does one table of a city folder hold, and where is it wrong?"""

import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.domain.place import is_code


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """`line` counts from 1 with the header; 0 where the whole file is meant."""

    file: str
    line: int
    column: str
    detail: str

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        return f"{', '.join(filter(None, (self.file, line, self.column)))}: {self.detail}"


def illegible(file: str, error: UnicodeDecodeError) -> Mistake:
    return Mistake(file, error.object[: error.start].count(b"\n") + 1, "", "this is not UTF-8")


class FolderError(ValueError):
    """Every mistake of a city folder, in the order of files and lines."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line as values; a cell that was wrong is None and named in `bad`."""

    file: str
    line: int
    cells: dict[str, Any]
    bad: frozenset[str] = frozenset()

    def __getitem__(self, column: str) -> Any:
        return self.cells[column]

    def mistake(self, column: str, detail: str) -> Mistake:
        return Mistake(self.file, self.line, column, detail)


@dataclass(frozen=True, slots=True)
class Column:
    """`needed`: no cell of it may be empty, and the header must have it. An empty cell is `empty`."""

    name: str
    parse: Callable[[str], Any] = str
    needed: bool = False
    empty: Any = ""


@dataclass(slots=True)
class Table:
    """`is_legible`: its lines could be read; else nobody can say what it names."""

    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    is_legible: bool = True

    def give_up(self, *mistakes: Mistake) -> None:
        self.mistakes += mistakes
        self.is_legible = False


def read_table(path: Path, name: str, columns: tuple[Column, ...]) -> Table:
    """Every line of the file; what is wrong is in `mistakes`, and the rows hold what is right."""
    table = Table()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        table.give_up(illegible(name, error))
        return table
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        table.give_up(Mistake(name, line, "", "there is a NUL in the text"))
        return table
    _read_lines(table, name, columns, text)
    return table


def _read_lines(table: Table, name: str, columns: tuple[Column, ...], text: str) -> None:
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        wrong = tuple(_header_mistakes(name, header, columns))
        if wrong:
            table.give_up(*wrong)
            return
        for cells in reader:
            if any(cells):
                _read_row(table, name, reader.line_num, columns, header, cells)
    except csv.Error as error:
        table.give_up(Mistake(name, reader.line_num, "", f"this is no CSV: {error}"))


def _header_mistakes(name: str, header: list[str], columns: tuple[Column, ...]) -> Iterator[Mistake]:
    known = {column.name for column in columns}
    for position, title in enumerate(header):
        if title not in known:
            yield Mistake(name, 1, title, f"unknown column '{title}'; known are {', '.join(sorted(known))}")
        elif title in header[:position]:
            yield Mistake(name, 1, title, f"the column '{title}' stands twice")
    for column in columns:
        if column.needed and column.name not in header:
            yield Mistake(name, 1, column.name, f"the column '{column.name}' is missing")


def _read_row(
    table: Table, name: str, line: int, columns: tuple[Column, ...], header: list[str], texts: list[str]
) -> None:
    if len(texts) != len(header):
        detail = f"{len(texts)} cells where the header has {len(header)}"
        table.mistakes.append(Mistake(name, line, "", detail))
        return
    given = dict(zip(header, (text.strip() for text in texts), strict=True))
    cells: dict[str, Any] = {}
    bad = set()
    for column in columns:
        try:
            cells[column.name] = _value(column, given.get(column.name, ""))
        except ValueError as error:
            cells[column.name] = None
            bad.add(column.name)
            table.mistakes.append(Mistake(name, line, column.name, str(error)))
    table.rows.append(Row(name, line, cells, frozenset(bad)))


def _value(column: Column, text: str) -> Any:
    if text:
        return column.parse(text)
    if column.needed:
        raise ValueError("this may not be empty")
    return column.empty


def code(text: str) -> str:
    if not is_code(text):
        raise ValueError(f"'{text}' is no code: up to 40 of A–Z a–z 0–9 . _ -")
    return text


def short_text(text: str) -> str:
    if len(text) > 80:
        raise ValueError(f"{len(text)} characters, 80 are the most")
    return text


def number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number") from None
    if not math.isfinite(value) or "_" in text:
        raise ValueError(f"'{text}' is not a number")
    return value


def positive(text: str) -> float:
    return _within(text, 0, math.inf, "a number above zero", above=True)


def not_negative(text: str) -> float:
    return _within(text, 0, math.inf, "zero or a number above")


def longitude(text: str) -> float:
    return _within(text, -180, 180, "a longitude from -180 to 180")


def latitude(text: str) -> float:
    return _within(text, -90, 90, "a latitude from -90 to 90")


def _within(text: str, low: float, high: float, wanted: str, *, above: bool = False) -> float:
    value = number(text)
    if not low <= value <= high or (above and value == low):
        raise ValueError(f"'{text}' is not {wanted}")
    return value


def yes(text: str) -> bool:
    if text != "1":
        raise ValueError(f"'{text}' is neither 1 nor empty")
    return True


def one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"'{text}' is none of {', '.join(words)}")
        return text

    return parse
