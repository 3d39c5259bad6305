"""Has everything bad its clear answer in both languages, and does it leave nothing behind?"""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from data import db
from data.cli import importing
from data.commands import city, imports
from data.domain.refusal import Refusal
from data.ingest.rows import FolderError
from tests.api.conftest import V1, a_report
from tests.conftest import CITY

TABLES = ("reading", "inbox", "incident", "event", "span", "place", "place_was", "asset", "node")
ARRAY, LINES = "application/json", "application/x-ndjson"
AT = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
BOMB = "[" * 100_000
HUGE = '"' + "x" * 10_000_000 + '"'


def stored() -> dict[str, int]:
    with db.read() as conn:
        return {
            table: conn.execute(f"SELECT count(*) AS n FROM {table}").fetchone()["n"]  # type: ignore[index]
            for table in TABLES
        }


def ledger() -> dict[str, int]:
    with db.read() as conn:
        row = conn.execute(
            "SELECT coalesce(sum(received), 0)::int AS received, coalesce(sum(stored), 0)::int AS stored,"
            " coalesce(sum(rejected), 0)::int AS rejected FROM ledger"
        ).fetchone()
    assert row is not None
    return row


@pytest.fixture(autouse=True)
def nothing_is_left(fresh_module: str, impatient: None) -> Any:
    before, booked = stored(), ledger()
    yield
    assert stored() == before
    assert ledger()["stored"] == booked["stored"]


@pytest.fixture
def client(fresh_module: str, flask_app: Any) -> FlaskClient:
    return flask_app.test_client()  # type: ignore[no-any-return]


@pytest.fixture
def send(client: FlaskClient, token: str) -> Callable[..., Any]:
    """The answer in Chinese and in English; both are the same problem in other words."""

    def sent(noun: str, body: str, kind: str) -> dict[str, Any]:
        said = {}
        for lang in ("zh", "en"):
            answer = client.post(
                f"{V1}/{noun}?lang={lang}",
                data=body.encode(),
                content_type=kind,
                headers={"Authorization": f"Bearer {token}"},
            )
            assert answer.content_type == "application/problem+json", answer.data
            said[lang] = answer.get_json(force=True)
            assert answer.status_code == said[lang]["status"]
        assert_both(said["zh"]["detail"], said["en"]["detail"])
        for zh, en in zip(said["zh"]["errors"], said["en"]["errors"], strict=True):
            assert_both(zh["detail"], en["detail"])
        assert said["zh"]["code"] == said["en"]["code"]
        return said["en"]

    return sent


def assert_both(zh: str, en: str) -> None:
    """One in Chinese, the other without a 汉字."""
    assert any("\u4e00" <= letter <= "\u9fff" for letter in zh), zh
    assert en and not any("\u4e00" <= letter <= "\u9fff" for letter in en), en


# ── readings ────────────────────────────────────────────────────────────────────────────────────
def a_reading(**changes: object) -> str:
    given = {"sign": "W1", "place": "9901-1", "at": AT, "value": 21.5}
    return json.dumps({name: value for name, value in {**given, **changes}.items() if value is not ...})


ROWS = {
    "an unknown sign": (a_reading(sign="XX"), "unknown_sign"),
    "an unknown place": (a_reading(place="nowhere"), "unknown_place"),
    "an unknown asset": (a_reading(place=..., asset="nothing", sign="W2"), "unknown_asset"),
    "a string for a number": (a_reading(value="21.5"), "bad_value"),
    "a truth for a number": (a_reading(value=True), "bad_value"),
    "NUL in the sign": (a_reading(sign="W1\0"), "unknown_sign"),
    "NUL in the place": (a_reading(place="9901-1\0"), "unknown_place"),
    "NUL in the time": (a_reading(at=f"{AT}\0"), "bad_time"),
    "no time zone": (a_reading(at="2026-01-01T00:00:00"), "no_zone"),
    "the year 3000": (a_reading(at="3000-01-01T00:00:00Z"), "future"),
    "the year 10000": (a_reading(at="10000-01-01T00:00:00Z"), "bad_time"),
    "a week for a day": (a_reading(at="2026-W01-1T00:00:00Z"), "bad_time"),
    "a time without seconds": (a_reading(at="2026-01-01T00:00Z"), "bad_time"),
    "an offset without a colon": (a_reading(at="2026-01-01T00:00:00+0800"), "bad_time"),
    "a field too many": (a_reading(unit="°C"), "extra_field"),
    "nothing": ("{}", "missing_field"),
    "null": ("null", "bad_json"),
    "a list": ("[1]", "bad_json"),
}
BROKEN = {
    "NaN": a_reading(value=float("nan")),
    "1e999": a_reading(value=...)[:-1] + ', "value": 1e999}',
    "half a JSON": a_reading()[:-9],
    "a depth bomb": a_reading()[:-1] + f', "more": {BOMB}}}',
    "a lone surrogate": a_reading(sign=...)[:-1] + ', "sign": "\\ud800"}',
}


@pytest.mark.parametrize("case", ROWS)
@pytest.mark.parametrize("kind", [ARRAY, LINES])
def test_a_bad_reading_is_named_by_its_row(send: Callable[..., Any], kind: str, case: str) -> None:
    row, code = ROWS[case]
    booked = ledger()
    found = send("readings", f"[{row}]" if kind == ARRAY else row, kind)
    assert (found["status"], found["code"]) == (422, code)
    assert [(one["row"], one["code"]) for one in found["rows"]] == [(0, code)]
    assert (found["received"], found["stored"], found["same"], found["rejected"]) == (1, 0, 0, 1)
    assert ledger() == {**booked, "received": booked["received"] + 2, "rejected": booked["rejected"] + 2}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_json_refuses_an_array_as_a_whole_and_a_line_alone(
    send: Callable[..., Any], case: str
) -> None:
    whole = send("readings", f"[{BROKEN[case]}]", ARRAY)
    assert (whole["status"], whole["code"]) == (400, "bad_json")
    line = send("readings", BROKEN[case], LINES)
    assert (line["status"], line["code"], line["received"]) == (422, "bad_json", 1)


@pytest.mark.parametrize("kind", [ARRAY, LINES])
@pytest.mark.parametrize("noun", ["readings", "incidents"])
def test_ten_megabytes_are_too_large(send: Callable[..., Any], noun: str, kind: str) -> None:
    if (noun, kind) == ("incidents", LINES):
        found = send(noun, HUGE, kind)
        assert (found["status"], found["code"]) == (415, "unsupported_media_type")
    else:
        found = send(noun, HUGE, kind)
        assert (found["status"], found["code"]) == (413, "too_large")


@pytest.mark.parametrize("kind", [ARRAY, LINES])
def test_more_rows_than_could_be_readings_are_too_large(send: Callable[..., Any], kind: str) -> None:
    body = "[" + "1," * 200_000 + "1]" if kind == ARRAY else "1\n" * 200_001
    assert (found := send("readings", body, kind))["status"] == 413, found
    assert found["code"] == "too_large"


def test_a_source_of_spaces_is_none(client: FlaskClient, token: str) -> None:
    answer = client.post(
        f"{V1}/readings?source=%20",
        data=f"[{a_reading()}]",
        content_type=ARRAY,
        headers={"Authorization": f"Bearer {token}"},
    )
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (422, "bad_value")


# ── incidents ───────────────────────────────────────────────────────────────────────────────────
REPORTS = {
    "an unknown sign": ({"sign": "XX"}, 422, "unknown_sign"),
    "an unknown place": ({"place": "nowhere"}, 422, "unknown_place"),
    "an unknown class": ({"class": "E0000"}, 422, "unknown_class"),
    "an unknown asset": ({"asset": "nothing"}, 422, "unknown_asset"),
    "a string for a number": ({"severity": "3"}, 422, "bad_value"),
    "a string for a longitude": ({"lon": "110.01", "lat": 30.03}, 422, "bad_value"),
    "NUL in the description": ({"description": "a\0b"}, 422, "bad_value"),
    "NUL in the source": ({"source": "a\0b"}, 422, "bad_value"),
    "NUL in the class": ({"class": "E0506\0"}, 422, "bad_value"),
    "NUL in the place": ({"place": "9901\0"}, 422, "bad_value"),
    "no time zone": ({"at": "2026-01-01T00:00:00"}, 422, "no_zone"),
    "the year 3000": ({"at": "3000-01-01T00:00:00Z"}, 422, "future"),
    "the year 1970": ({"at": "1970-01-01T00:00:00Z"}, 422, "too_old"),
    "a field too many": ({"colour": "red"}, 422, "extra_field"),
}
HALF = json.dumps(a_report(severity=...))
RAW = {
    "NaN": HALF[:-1] + ', "lon": NaN, "lat": 30}',
    "1e999": HALF[:-1] + ', "lon": 1e999, "lat": 30}',
    "half a JSON": HALF[:-9],
    "a depth bomb": HALF[:-1] + f', "severity": {BOMB}}}',
    "a lone surrogate": HALF[:-1] + ', "sign": "\\ud800"}',
}


@pytest.mark.parametrize("case", REPORTS)
def test_a_bad_report_is_refused_by_its_field(send: Callable[..., Any], case: str) -> None:
    changes, status, code = REPORTS[case]
    found = send("incidents", json.dumps(a_report(**changes)), ARRAY)
    assert (found["status"], found["code"]) == (status, code)
    assert [one["code"] for one in found["errors"]] == [code]
    assert found["errors"][0]["field"] in changes


@pytest.mark.parametrize("case", RAW)
def test_a_report_that_is_no_json_is_refused(send: Callable[..., Any], case: str) -> None:
    found = send("incidents", RAW[case], ARRAY)
    assert (found["status"], found["code"]) == (400, "bad_json")


@pytest.mark.parametrize("body", [f"[{HALF}]", "null", '"x"', "1", "[]"])
def test_a_report_is_one_object(send: Callable[..., Any], body: str) -> None:
    found = send("incidents", body, ARRAY)
    assert (found["status"], found["code"]) == (422, "bad_value")


# ── folders and files ───────────────────────────────────────────────────────────────────────────
FOLDERS = {
    "parents in a circle": (
        "places.csv", "9901,99,", "9901,9901-1-1,",
        "places.csv, line 3, parent: ",
    ),
    "an outline that crosses itself": (
        "geometry.geojson", "[110.05, 30.0], [110.05, 30.1], [110.0",
        "[110.05, 30.1], [110.05, 30.0], [110.0", "crosses itself",
    ),
    "a missing column": ("places.csv", "code,parent,name_zh", "code,elder,name_zh", "places.csv, line 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_with_a_mistake_is_refused_as_a_whole(fresh_module: str, tmp_path: Path, case: str) -> None:
    name, old, new, words = FOLDERS[case]
    folder = Path(shutil.copytree(CITY, tmp_path / "city"))
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with closing(db.owner()) as conn, pytest.raises(FolderError, match=words):
        city.load(conn, folder)


@pytest.mark.parametrize("kind", ["readings", "incidents", "places", "assets"])
def test_a_mapping_with_a_missing_column_is_refused_before_the_first_row(
    fresh_module: str, tmp_path: Path, kind: str
) -> None:
    columns = {
        "readings": 'at = "t"\nplace = "p"\nsign = "s"\nvalue = "absent"',
        "incidents": 'at = "t"\nplace = "p"\nclass = "absent"',
        "places": 'code = "p"\nparent = "absent"',
        "assets": 'code = "p"\nkind = "s"\nplace = "absent"',
    }[kind]
    (tmp_path / "m.toml").write_text(f"[columns]\n{columns}\n", encoding="utf-8")
    (tmp_path / "r.csv").write_text(f"t,p,s\n{AT},9901-1,W1\n", encoding="utf-8")
    with pytest.raises(Refusal, match="the file lacks the column absent") as refusal:
        getattr(imports, kind)(tmp_path / "r.csv", tmp_path / "m.toml")
    assert_both(refusal.value.zh, refusal.value.en)
    done = CliRunner().invoke(
        importing, [kind, str(tmp_path / "r.csv"), "--mapping", str(tmp_path / "m.toml")]
    )
    assert (done.exit_code, done.stderr.strip()) == (1, "the file lacks the column absent")
    assert not (tmp_path / "r.csv.refused.csv").exists()


def test_an_outline_that_crosses_itself_beyond_repair_is_refused_by_name(
    fresh_module: str, tmp_path: Path
) -> None:
    flat = [[110.01, 30.01], [110.03, 30.03], [110.01, 30.01], [110.01, 30.01]]
    feature = {
        "type": "Feature",
        "properties": {"code": "9901-1"},
        "geometry": {"type": "Polygon", "coordinates": [flat]},
    }
    file = tmp_path / "p.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")
    summary = imports.places(file)
    assert (summary.received, summary.stored, summary.rejected) == (1, 0, 1)
