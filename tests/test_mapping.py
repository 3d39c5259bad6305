"""A mapping turns the columns of somebody else's file into our fields."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.domain.refusal import Refusal
from data.ingest.files import Refused, Row
from data.ingest.mapping import plain_mapping, read_mapping
from data.ingest.records import Reader, Record, Value, hash_of

MAPPINGS = Path(__file__).parent / "mappings"

LONG = """
timezone = "Asia/Shanghai"
time = "%Y-%m-%d %H:%M"
null = ["NA", "-99"]
[columns]
at = "t"
place = "p"
sign = "s"
value = "v"
"""
CASES = """
timezone = "America/New_York"
[columns]
at = "t"
class = "c"
place = "{a}-{b}-{d}"
"""


def a_mapping(folder: Path, text: str, kind: str = "readings"):
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path, kind)


def a_reader(folder: Path, text: str, kind: str, *columns: str) -> Reader:
    return Reader(a_mapping(folder, text, kind), columns)


def reading_of(folder: Path, text: str = LONG, **cells: object) -> list[Value | Refused]:
    given = {"t": "2020-07-06 08:00", "p": "13", "s": "WX07", "v": "1.5"} | cells
    return list(a_reader(folder, text, "readings", *given).readings(Row(3, given)))


def case_of(folder: Path, text: str = CASES, **cells: object) -> Record | Refused:
    given = {"t": "2020-07-06T08:00:00+08:00", "c": "fire", "a": "B02", "b": "07", "d": "1453"} | cells
    return a_reader(folder, text, "incidents", *given).record(Row(3, given))


def test_a_row_becomes_our_fields(tmp_path: Path) -> None:
    at = datetime(2020, 7, 6, tzinfo=UTC)
    assert reading_of(tmp_path) == [Value(3, "value", "WX07", "13", None, at, 1.5)]


@pytest.mark.parametrize("nothing", ["", "  ", "NA", "-99", -99, None, float("nan")])
def test_a_null_value_is_no_reading(tmp_path: Path, nothing: object) -> None:
    assert reading_of(tmp_path, v=nothing) == []
    assert reading_of(tmp_path, v=nothing, t="never") == []


@pytest.mark.parametrize(
    "cells, field, code",
    [
        ({"v": "NaN"}, "value", "bad_value"),
        ({"v": "1e999"}, "value", "bad_value"),
        ({"v": "1_000"}, "value", "bad_value"),
        ({"v": "high"}, "value", "bad_value"),
        ({"v": True}, "value", "bad_value"),
        ({"v": [1]}, "value", "bad_value"),
        ({"p": "4201\0"}, "place", "bad_value"),
        ({"p": "\udce6"}, "place", "bad_value"),
        ({"p": "x" * 81}, "place", "bad_value"),
        ({"t": "6 July"}, "at", "bad_time"),
        ({"t": None}, "at", "missing_field"),
        ({"p": None}, "place", "missing_field"),
        ({"s": "NA"}, "sign", "missing_field"),
    ],
)
def test_a_row_that_cannot_be_a_reading_is_named(tmp_path: Path, cells, field: str, code: str) -> None:
    (refused,) = reading_of(tmp_path, **cells)
    assert isinstance(refused, Refused)
    assert (refused.row, refused.field, refused.code) == (3, field, code)


WIDE = """
[columns]
at = "t"
asset = "station"
[signs]
pm = "PM2.5"
no2 = "NO2"
"""


def test_a_wide_row_holds_one_reading_a_column(tmp_path: Path) -> None:
    reader = a_reader(tmp_path, WIDE, "readings", "t", "station", "pm", "no2")
    cells = {"t": "2020-07-06T08:00:00Z", "station": "S1", "pm": 7.0, "no2": "bad"}
    good, refused = reader.readings(Row(0, cells))
    assert good == Value(0, "pm", "PM2.5", None, "S1", datetime(2020, 7, 6, 8, tzinfo=UTC), 7.0)
    assert isinstance(refused, Refused) and (refused.field, refused.code) == ("no2", "bad_value")


def test_a_wide_row_without_a_time_names_each_of_its_values_and_no_null(tmp_path: Path) -> None:
    reader = a_reader(tmp_path, WIDE, "readings", "t", "station", "pm", "no2")
    refused = list(reader.readings(Row(0, {"t": "?", "station": "S1", "pm": 7.0, "no2": None})))
    assert [(one.field, one.code) for one in refused] == [("pm", "bad_time")]


@pytest.mark.parametrize(
    "cells, place",
    [
        ({}, "B02-07-1453"),
        ({"b": ""}, "B02"),
        ({"d": None}, "B02-07"),
        ({"b": 7.0}, "B02-7-1453"),
        ({"b": 7}, "B02-7-1453"),
    ],
)
def test_a_pattern_ends_before_its_first_null_column(tmp_path: Path, cells, place: str) -> None:
    record = case_of(tmp_path, **cells)
    assert isinstance(record, Record) and record.values["place"] == place


def test_a_pattern_that_begins_with_a_null_column_is_null(tmp_path: Path) -> None:
    refused = case_of(tmp_path, a="")
    assert isinstance(refused, Refused) and (refused.field, refused.code) == ("place", "missing_field")


@given(st.lists(st.one_of(st.none(), st.integers(0, 99).map(str)), min_size=3, max_size=3))
def test_a_pattern_is_its_columns_up_to_the_first_null(parts: list[str | None]) -> None:
    mapping = plain_mapping("places", ["code"])
    reader = Reader(mapping.with_columns(code="{a}.{b}.{c}"), ("a", "b", "c"))
    until = next((n for n, part in enumerate(parts) if part is None), 3)
    found = reader.record(Row(0, dict(zip("abc", parts, strict=True))))
    code = found.values["code"] if isinstance(found, Record) else None
    assert code == (".".join(part for part in parts[:until] if part) or None)


def test_the_files_words_become_ours_and_other_words_stay(tmp_path: Path) -> None:
    text = CASES + 'state = "s"\n[values.state]\nDone = "closed"\n7 = "handling"\n'
    for word, ours in (("Done", "closed"), (7, "handling"), ("merged", "merged")):
        record = case_of(tmp_path, text, s=word)
        assert isinstance(record, Record) and record.values["state"] == ours


def test_a_constant_is_of_every_row(tmp_path: Path) -> None:
    record = case_of(tmp_path, CASES + "[constants]\nseverity = 2\nclocks = false\n")
    assert isinstance(record, Record)
    assert (record.values["severity"], record.values["clocks"]) == (2, False)


def test_a_row_without_a_key_is_known_by_all_its_cells(tmp_path: Path) -> None:
    one, same, other = case_of(tmp_path), case_of(tmp_path), case_of(tmp_path, extra="x")
    assert isinstance(one, Record) and isinstance(same, Record) and isinstance(other, Record)
    assert one.values["source_id"] == same.values["source_id"] != other.values["source_id"]
    assert len(one.values["source_id"]) <= 80


def test_a_broken_byte_in_a_column_that_nobody_uses_refuses_nothing(tmp_path: Path) -> None:
    assert isinstance(case_of(tmp_path, extra="\udce6", huge=10**30), Record)


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.floats(), st.integers(0, 2**60))))
def test_the_order_of_columns_does_not_change_a_rows_key(cells: dict[str, object]) -> None:
    assert hash_of(cells) == hash_of(dict(reversed(cells.items())))


def test_a_point_of_another_coordinate_system_is_moved(tmp_path: Path) -> None:
    text = 'crs = "GCJ02"\n[columns]\nat="t"\nclass="c"\nlon="x"\nlat="y"\n'
    record = case_of(tmp_path, text, x="114.305", y="30.593")
    assert isinstance(record, Record)
    assert 0.003 < 114.305 - record.values["lon"] < 0.008


# ── time ────────────────────────────────────────────────────────────────────────────────────────
def at_of(folder: Path, head: str, cell: object) -> object:
    record = case_of(folder, head + CASES[CASES.index("[columns]") :], t=cell)
    return record.values["at"] if isinstance(record, Record) else record.code


NEW_YORK = 'timezone = "America/New_York"\n'
LOCAL = NEW_YORK + 'time = "%Y-%m-%d %H:%M"\n'


@pytest.mark.parametrize(
    "head, cell, at",
    [
        ("", "2020-07-06T08:00:00+08:00", datetime(2020, 7, 6, tzinfo=UTC)),
        ("", "2020-07-06t08:00:00.25z", datetime(2020, 7, 6, 8, 0, 0, 250_000, tzinfo=UTC)),
        (NEW_YORK, "2016-07-01 08:00:00", datetime(2016, 7, 1, 12, tzinfo=UTC)),
        (NEW_YORK, "2016-07-01T08:00:00Z", datetime(2016, 7, 1, 8, tzinfo=UTC)),
        (LOCAL, "2016-01-01 08:00", datetime(2016, 1, 1, 13, tzinfo=UTC)),
        (NEW_YORK, datetime(2016, 1, 1, 8), datetime(2016, 1, 1, 13, tzinfo=UTC)),  # noqa: DTZ001
        ("", datetime(2016, 1, 1, 8, tzinfo=UTC), datetime(2016, 1, 1, 8, tzinfo=UTC)),
        (NEW_YORK, date(2016, 1, 1), datetime(2016, 1, 1, 5, tzinfo=UTC)),
        ('time = "%Y-%m-%d %H:%M%z"\n', "2016-01-01 08:00-0500", datetime(2016, 1, 1, 13, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_written(tmp_path: Path, head: str, cell: object, at: datetime) -> None:
    assert at_of(tmp_path, head, cell) == at


@pytest.mark.parametrize(
    "head, cell, code",
    [
        ("", "2020-07-06T08:00:00", "no_zone"),
        ("", datetime(2020, 7, 6), "no_zone"),  # noqa: DTZ001
        ("", "2020-07-06", "bad_time"),
        ("", "2020-13-06T08:00:00Z", "bad_time"),
        ("", 1_594_000_000, "bad_time"),
        (LOCAL, "06.07.2020 8 Uhr", "bad_time"),
        (LOCAL, "0001-01-01 00:00", datetime(1, 1, 1, 4, 56, 2, tzinfo=UTC)),
        (LOCAL, "9999-12-31 23:00", "bad_time"),
    ],
)
def test_what_is_no_time_is_named(tmp_path: Path, head: str, cell: object, code: object) -> None:
    assert at_of(tmp_path, head, cell) == code


def test_a_skipped_time_is_no_time_of_a_reading(tmp_path: Path) -> None:
    (refused,) = reading_of(tmp_path, LONG.replace("Asia/Shanghai", "America/New_York"), t="2016-03-13 02:30")
    assert isinstance(refused, Refused) and refused.code == "bad_time"


def test_a_skipped_time_of_a_case_is_as_if_the_clocks_had_not_been_set(tmp_path: Path) -> None:
    assert at_of(tmp_path, LOCAL, "2016-03-13 02:30") == datetime(2016, 3, 13, 7, 30, tzinfo=UTC)


def test_a_time_that_the_clocks_show_twice_is_the_first(tmp_path: Path) -> None:
    assert at_of(tmp_path, LOCAL, "2016-11-06 01:30") == datetime(2016, 11, 6, 5, 30, tzinfo=UTC)


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "kind, text, words",
    [
        ("readings", "colums = 1", "colums"),
        ("readings", "[columns", "no TOML"),
        ("readings", LONG + 'colour = "x"', "colour is no field of readings"),
        ("readings", LONG.replace("Asia/Shanghai", "Asia/Wuhan"), "there is no time zone 'Asia/Wuhan'"),
        ("readings", 'encoding = "klingon"\n' + LONG, "there is no encoding 'klingon'"),
        ("readings", 'delimiter = ";;"\n' + LONG, "delimiter"),
        ("readings", LONG + "[constants]\nvalue = 1\n", "value stands in [columns] and in [constants]"),
        (
            "readings",
            LONG + '[values.asset]\nx = "y"\n',
            "[values.asset] translates a field that has no column",
        ),
        ("readings", LONG + '[signs]\nx = "y"\n', "not both"),
        ("readings", '[columns]\nplace = "p"\nsign = "s"\nvalue = "v"', "at is missing"),
        ("readings", '[columns]\nat = "t"\nsign = "s"\nvalue = "v"', "a place or an asset"),
        ("readings", '[columns]\nat = "t"\nplace = "p"\nsign = "s"', "sign and value, or [signs]"),
        ("incidents", '[columns]\nat = "t"\nclass = "c"', "a place, or lon and lat"),
        ("incidents", '[columns]\nat = "t"\nclass = "c"\nlon = "x"', "lon and lat are given together"),
        ("incidents", '[columns]\nat = "t"\nplace = "p"', "class is missing"),
        ("places", '[columns]\nparent = "p"', "code is missing"),
        ("places", 'crs = "EPSG:4326"\n[columns]\ncode = "p"', "crs"),
        ("assets", '[columns]\ncode = "p"\n[signs]\nx = "y"', "[signs] is for readings"),
    ],
)
def test_a_mapping_with_a_mistake_is_refused_in_words(
    tmp_path: Path, kind: str, text: str, words: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        a_mapping(tmp_path, text, kind)
    assert refusal.value.code == "bad_mapping"
    assert words in refusal.value.en and words in refusal.value.zh


def test_all_mistakes_of_a_mapping_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refusal:
        a_mapping(tmp_path, '[columns]\ncolour = "x"\nlon = "x"', "incidents")
    for words in ("colour", "class is missing", "at is missing", "lon and lat"):
        assert words in refusal.value.en


def test_a_missing_column_is_an_error_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the file lacks the column s, v") as refusal:
        a_reader(tmp_path, LONG.replace('value = "v"', 'value = "{v}{v}"'), "readings", "t", "p")
    assert refusal.value.code == "missing_column"


def test_a_column_that_stands_twice_is_an_error_where_it_is_used(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="the column v stands twice"):
        a_reader(tmp_path, LONG, "readings", "t", "p", "s", "v", "v")
    a_reader(tmp_path, LONG, "readings", "t", "p", "s", "v", "x", "x")


def test_without_a_mapping_the_files_columns_are_our_fields() -> None:
    columns = ("sign", "place", "at", "value", "remark")
    reader = Reader(plain_mapping("readings", columns), columns)
    cells = {"sign": "WX07", "place": "13", "at": "2020-07-06T08:00:00Z", "value": "2", "remark": ""}
    assert [value.value for value in reader.readings(Row(0, cells)) if isinstance(value, Value)] == [2.0]
    with pytest.raises(Refusal, match="class is missing"):
        Reader(plain_mapping("incidents", columns), columns)


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_examples_are_sound(path: Path) -> None:
    kinds = {"air": "readings", "load": "readings", "pedestrians": "readings", "communities": "places"}
    read_mapping(path, kinds.get(path.stem, "incidents"))
