"""Does a table open right, say where and when it was taken, and break aloud when it breaks?"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from data import db
from data.api import table
from data.domain import spreadsheet
from data.store import case_table
from tests.api.conftest import V1

Report = Callable[..., Any]


def read(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.content_type == "text/csv; charset=utf-8"
    text = answer.data.decode("utf-8-sig")
    assert text.count("\n") == text.count("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_list_of_cases_leaves_as_a_table_without_a_limit(client: FlaskClient, report: Report) -> None:
    case = report(severity=None, lon=110.02, lat=30.03).get_json()
    report(source_id="2")
    answer = client.get(f"{V1}/incidents?place=9901&format=csv&limit=1")
    rows = read(answer)
    assert len(rows) == 2
    assert list(rows[0])[:4] == ["id", "number", "version", "class"]
    row = next(row for row in rows if row["source_id"] == "1")
    assert (row["severity"], row["overdue"], row["place"], row["holder"]) == (
        "",
        "false",
        "9901-1-1-1",
        "9901",
    )
    assert (row["number"], float(row["lon"])) == (f'="{case["number"]}"', 110.02)
    assert row["as_of"] and row["simulated"] == "false"
    disposition = answer.headers["Content-Disposition"]
    assert "incidents_9901_" in disposition and ".csv" in disposition


FORMULAS = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "=cmd|' /C calc'!A0"]
WORDS = ['a "b", c', "two\nlines", "武汉 ☂", "a,b;c"]


def test_a_formula_is_text_and_other_words_come_back_as_they_went(
    client: FlaskClient, report: Report
) -> None:
    for number, text in enumerate([*FORMULAS, *WORDS]):
        assert report(source_id=f"n{number:02}", description=text).status_code == 201
    answer = client.get(f"{V1}/incidents?place=99&format=csv")
    rows = csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline=""))
    said = {row["source_id"]: row["description"] for row in rows}
    assert [said[number] for number in sorted(said)] == [*(f"'{text}" for text in FORMULAS), *WORDS]


def test_pandas_reads_the_same_numbers(client: FlaskClient, report: Report) -> None:
    for number in range(3):
        report(source_id=f"{number}", lon=110.02, lat=30.03)
    frame = pd.read_csv(io.BytesIO(client.get(f"{V1}/incidents?place=99&format=csv").data))
    items = client.get(f"{V1}/incidents?place=99").get_json()["items"]
    assert list(frame["id"]) == [item["id"] for item in items]
    assert list(frame["lon"]) == [item["lon"] for item in items]
    assert list(pd.to_datetime(frame["at"])) == list(pd.to_datetime([item["at"] for item in items]))


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("signs?place=99", {"code", "name_zh", "name_en", "value", "status", "place", "as_of", "simulated"}),
        ("signs/W2/children?place=99", {"code", "place", "name_zh", "name_en", "as_of", "simulated"}),
        ("signs/W2/series?asset=flood-1", {"at", "value", "received_at", "place", "as_of", "simulated"}),
        ("signs/W2/series?place=99", {"at", "value", "n", "live", "expected", "place", "as_of", "simulated"}),
        ("sources", {"feed", "received", "stored", "same", "rejected", "place", "as_of", "simulated"}),
    ],
)
def test_every_table_says_its_place_and_time(
    client: FlaskClient, report: Report, path: str, columns: set[str]
) -> None:
    report()
    answer = client.get(f"{V1}/{path}{'&' if '?' in path else '?'}format=csv")
    rows = read(answer)
    header = set(answer.data.decode("utf-8-sig").splitlines()[0].split(","))
    assert columns <= header
    assert all(row["place"] and row["as_of"] for row in rows)
    assert len(rows) > 0 or "series" in path


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("420106001001001", '="420106001001001"'), ("4201060010010012", '="4201060010010012"'),
        ("420106", "420106"), ("0137", '="0137"'), ("0", "0"), ("E0506", "E0506"), ("9901-1", "9901-1"),
    ],
)  # fmt: skip
def test_a_long_code_stays_text(text: str, cell: str) -> None:
    assert spreadsheet.cell(text) == cell


LIKE_A_CELL = st.text("=+-@\t\r'\"0123456789:@A \n一٣０") | st.from_regex(r"[0-9]{0,14}.?", fullmatch=True)
TEXT = (st.text() | LIKE_A_CELL).map(lambda text: text.replace("\0", ""))


@given(TEXT)
def test_no_cell_of_text_begins_like_a_formula_but_a_long_code(text: str) -> None:
    cell = spreadsheet.cell(text)
    assert not cell.startswith(("+", "-", "@", "\t", "\r"))
    assert not cell.startswith("=") or (cell == f'="{text}"' and text.isdigit())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXT, min_size=1, max_size=50))
def test_the_database_writes_a_cell_as_we_do(conn: db.Conn, texts: list[str]) -> None:
    written = sql.SQL("SELECT {} AS cell FROM unnest(%s::text[]) WITH ORDINALITY u(x, n) ORDER BY n")
    rows = conn.execute(written.format(sql.SQL(case_table.TEXT.format("x"))), (texts,)).fetchall()
    assert [row["cell"] for row in rows] == list(map(spreadsheet.cell, texts))


def test_an_export_cut_short_breaks_and_is_no_short_file(fresh_module: str) -> None:
    def batches() -> Iterator[list[dict[str, int]]]:
        yield [{"n": 1}]
        raise ConnectionError("the database went away")

    answer = table.export("test", "99", ("n",), batches())
    assert answer.content_length is None
    with pytest.raises(ConnectionError):
        b"".join(answer.response)
