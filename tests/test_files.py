"""Rows of CSV, NDJSON and Parquet files, as they stream by."""

import gc
import gzip
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.domain.refusal import Refusal
from data.ingest.files import Refused, Row, open_table


def a_file(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(path: Path, **how: str) -> tuple[tuple[str, ...], list[Row | Refused]]:
    with open_table(path, **how) as table:
        return table.columns, list(table.rows)


def test_a_csv_file_has_columns_and_numbered_rows(tmp_path: Path) -> None:
    columns, rows = read(a_file(tmp_path, "a.csv", "﻿place,n\r\n江岸,1\r\n\r\n武昌,2\r\n".encode()))
    assert columns == ("place", "n")
    assert rows == [Row(0, {"place": "江岸", "n": "1"}), Row(1, {"place": "武昌", "n": "2"})]


def test_a_packed_file_is_unpacked_by_its_name(tmp_path: Path) -> None:
    _, rows = read(a_file(tmp_path, "a.CSV.gz", b"n\n1\n"))
    assert rows == [Row(0, {"n": "1"})]


def test_encoding_and_delimiter_are_the_mappings(tmp_path: Path) -> None:
    path = a_file(tmp_path, "a.csv", "地点;n\n江岸;1\n".encode("gb18030"))
    assert read(path, encoding="gb18030", delimiter=";")[1] == [Row(0, {"地点": "江岸", "n": "1"})]


def test_a_tsv_file_is_cut_at_tabs(tmp_path: Path) -> None:
    assert read(a_file(tmp_path, "a.tsv", b"a\tb\n1\t2\n"))[1] == [Row(0, {"a": "1", "b": "2"})]


def test_a_quoted_cell_may_hold_lines_and_delimiters(tmp_path: Path) -> None:
    assert read(a_file(tmp_path, "a.csv", b'a,b\n"x\ny,z",2\n'))[1] == [Row(0, {"a": "x\ny,z", "b": "2"})]


@pytest.mark.parametrize("line, code", [("1", "missing_field"), ("1,2,3", "extra_field")])
def test_a_row_of_another_length_is_refused_alone(tmp_path: Path, line: str, code: str) -> None:
    _, rows = read(a_file(tmp_path, "a.csv", f"a,b\n{line}\n3,4\n".encode()))
    assert isinstance(rows[0], Refused) and (rows[0].row, rows[0].code) == (0, code)
    assert rows[1] == Row(1, {"a": "3", "b": "4"})


def test_a_cell_without_end_is_refused_alone(tmp_path: Path) -> None:
    content = b"a\n" + b"x" * 200_000 + b"\n2\n"
    _, rows = read(a_file(tmp_path, "a.csv", content))
    assert isinstance(rows[0], Refused)
    assert rows[-1] == Row(1, {"a": "2"})


def test_an_ndjson_file_has_the_columns_of_all_its_rows(tmp_path: Path) -> None:
    columns, rows = read(a_file(tmp_path, "a.ndjson", b'{"a": 1}\n\n{"b": {"c": null}}\n'))
    assert columns == ("a", "b.c")
    assert rows == [Row(0, {"a": 1}), Row(1, {"b.c": None})]


@pytest.mark.parametrize("line", ['{"a": ', "[1]", "null", '{"a": NaN}', '{"a":' * 5_000])
def test_a_broken_line_of_ndjson_is_refused_alone(tmp_path: Path, line: str) -> None:
    _, rows = read(a_file(tmp_path, "a.jsonl", f'{line}\n{{"a": 2}}\n'.encode()))
    assert isinstance(rows[0], Refused) and rows[0].code == "bad_json"
    assert rows[1] == Row(1, {"a": 2})


def test_a_parquet_file_keeps_its_types(tmp_path: Path) -> None:
    at = datetime(2020, 7, 6, tzinfo=UTC)
    pq.write_table(pa.table({"at": [at, at], "v": [1.5, None]}), tmp_path / "a.parquet")
    columns, rows = read(tmp_path / "a.parquet")
    assert columns == ("at", "v")
    assert rows == [Row(0, {"at": at, "v": 1.5}), Row(1, {"at": at, "v": None})]


def test_the_position_reaches_the_size(tmp_path: Path) -> None:
    with open_table(a_file(tmp_path, "a.csv", b"a\n" + b"1\n" * 50_000)) as table:
        assert table.position() < table.size
        assert len(list(table.rows)) == 50_000
        assert table.position() == table.size


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.xlsx", b""),
        ("a", b""),
        ("a.csv", b""),
        ("a.parquet", b"PAR1 is not enough"),
        ("a.csv", b"a\n" + b"x" * (9 * 2**20)),
    ],
)
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        read(a_file(tmp_path, name, content))
    assert refusal.value.code == "bad_file"


def test_a_packed_file_cut_short_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a\n" + bytes(range(256)) * 4_000)[:-20])
    with pytest.raises(Refusal, match="cannot be read"):
        read(path)


def test_who_stops_reading_half_way_leaves_no_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    (tmp_path / "r.csv").write_text("a\n1\n2\n", encoding="utf-8")
    with open_table(tmp_path / "r.csv") as table:
        rows = table.rows
        next(rows)
    del rows, table
    gc.collect()
    assert said == []
