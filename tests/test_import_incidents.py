"""Recorded incidents come in whole, every refused row is named, and counts are what the file says."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data import db
from data.commands import imports
from data.domain.refusal import Refusal
from tests import real_cities
from tests.real_cities import CALLS, COUNTY, FIRE, MAPPINGS, REQUESTS, Api, copied, refused_rows, table

AM_PM = "%m/%d/%Y %I:%M:%S %p"


# ── a week of a fire service: every unit of every call ──────────────────────────────────────────
@pytest.fixture(scope="module")
def fire(real_data: Path, make_template, clone, tmp_path_factory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("fire")
    city = make_template("fire_city", real_cities.fire_city(real_data, folder / "city"))
    with clone(city):
        summary = imports.incidents(copied(real_data, FIRE, folder), MAPPINGS / "fire_units.toml")
        assert (summary.received, summary.stored) == (7_704, 7_704)
        yield real_cities.an_api()


@pytest.fixture(scope="module")
def units(real_data: Path) -> pd.DataFrame:
    found = table(real_data / FIRE)
    found["at"] = pd.to_datetime(found["Received DtTm"], format=AM_PM).dt.tz_localize("America/Los_Angeles")
    found["station"] = found["Battalion"] + "-" + found["Station Area"]
    found["box"] = found["station"] + "-" + found["Box"]
    return found


def test_counts_by_place_are_the_files(fire: Api, units: pd.DataFrame) -> None:
    located = units[units["Station Area"] != ""]
    assert fire.counts("SF", "place") == units["Battalion"].value_counts().to_dict()
    assert fire.counts("SF", "place", tier=3) == located["station"].value_counts().to_dict() | {None: 3}
    assert fire.counts("SF", "place", tier=4) == located["box"].value_counts().to_dict() | {None: 3}


def test_rows_without_a_station_lie_on_their_battalion(fire: Api, units: pd.DataFrame) -> None:
    below = located = units[(units["Battalion"] == "B01") & (units["Station Area"] != "")]
    assert fire.counts("B01", "place") == located["station"].value_counts().to_dict() | {None: 3}
    one = below.iloc[0]
    assert sum(fire.counts(one["box"], "class").values()) == (units["box"] == one["box"]).sum()


def test_counts_by_hour_are_the_files(fire: Api, units: pd.DataFrame) -> None:
    for place, rows in (("SF", units), ("B02", units[units["Battalion"] == "B02"])):
        counted = {pd.Timestamp(key): n for key, n in fire.counts(place, "hour").items()}
        assert counted == rows["at"].dt.floor("h").value_counts().to_dict()


def test_counts_by_class_are_the_files(fire: Api, units: pd.DataFrame) -> None:
    station = units["station"].iloc[0]
    for place, rows in (("SF", units), (station, units[units["station"] == station])):
        assert fire.counts(place, "class") == rows["Call Type"].value_counts().to_dict()


def test_a_filtered_count_is_the_files(fire: Api, units: pd.DataFrame) -> None:
    medical = units[(units["Call Type"] == "Medical Incident") & (units["Final Priority"] == "2")]
    window = medical[(medical["at"] >= "2016-12-28T00:00-08:00") & (medical["at"] < "2016-12-29T00:00-08:00")]
    query = {
        "class": "Medical Incident", "severity": "2", "from": "2016-12-28T00:00:00-08:00",
        "to": "2016-12-29T00:00:00-08:00",
    }  # fmt: skip
    assert fire.counts("SF", "place", **query) == window["Battalion"].value_counts().to_dict()


def test_a_case_that_is_over_ended_when_the_file_says(fire: Api, units: pd.DataFrame) -> None:
    ended = units.set_index("RowID")["Available DtTm"]
    ended = pd.to_datetime(ended[ended != ""], format=AM_PM).dt.tz_localize("America/Los_Angeles")
    with db.read() as conn:
        rows = conn.execute(
            """SELECT i.source_id, e.at FROM incident i JOIN event e ON e.incident = i.id AND e.act = 'close'
               WHERE i.state = 'closed'"""
        ).fetchall()
    assert {row["source_id"]: row["at"] for row in rows} == ended.to_dict()
    assert fire.counts("SF", "state") == {"closed": len(ended), "reported": len(units) - len(ended)}


def test_the_log_the_spans_and_the_current_row_agree(fire: Api) -> None:
    with db.read() as conn:
        astray = conn.execute(
            """SELECT i.id FROM incident i
               JOIN LATERAL (SELECT to_state, n FROM event WHERE incident = i.id
                             ORDER BY n DESC LIMIT 1) e ON true
               LEFT JOIN span s ON s.incident = i.id AND upper_inf(s.during)
               WHERE (i.state, i.version) IS DISTINCT FROM (e.to_state, e.n)
                  OR s.state IS DISTINCT FROM i.state"""
        ).fetchall()
    assert astray == []


def test_the_same_file_again_stores_nothing(fire: Api, real_data: Path, tmp_path: Path) -> None:
    summary = imports.incidents(copied(real_data, FIRE, tmp_path), MAPPINGS / "fire_units.toml")
    assert (summary.stored, summary.same, summary.rejected) == (0, 7_704, 0)
    ledger = next(item for item in fire.get("sources")["items"] if item["feed"] == "fire-dispatch")
    assert (ledger["received"], ledger["stored"], ledger["same"]) == (15_408, 7_704, 7_704)


# ── calls with bad geocodes and places that are no places ───────────────────────────────────────
def _outside(calls: pd.DataFrame) -> pd.Series:
    """Farther than 500 m from the county's box; none lies so near that the measure would matter."""
    west, south, east, north = COUNTY
    lon, lat = calls["lng"].astype(float), calls["lat"].astype(float)
    east_west = np.maximum(np.maximum(west - lon, lon - east), 0) * np.cos(np.radians(lat))
    metres = 111_195 * np.hypot(east_west, np.maximum(np.maximum(south - lat, lat - north), 0))
    assert not metres.between(250, 750).any()
    return metres > 500


def _import_calls(real_data: Path, make_template, clone, folder: Path, calls: pd.DataFrame) -> None:
    city = make_template(f"calls_{len(calls)}", real_cities.calls_city(real_data, folder / "city"))
    calls.to_csv(folder / "calls.csv.gz", index=False)
    outside = _outside(calls)
    with clone(city):
        summary = imports.incidents(folder / "calls.csv.gz", MAPPINGS / "emergency_calls.toml")
        refused = refused_rows(summary)
        assert summary.received == len(calls) == summary.stored + summary.rejected
        assert [int(row["row"]) for row in refused] == list(np.flatnonzero(outside))
        assert {(row["field"], row["code"]) for row in refused} == {("lon", "outside")}
        kept = calls[~outside]
        named = kept["twp"][kept["twp"] != ""].str.replace(" ", "-").value_counts().to_dict()
        api = real_cities.an_api()
        assert api.counts("MONTCO", "class") == kept["title"].str.strip().value_counts().to_dict()
        by_place = api.counts("MONTCO", "place")
        by_point = {place: n - named.get(place, 0) for place, n in by_place.items()}
        assert min(by_point.values()) >= 0 and named.keys() <= by_place.keys()
        assert sum(by_point.values()) == (kept["twp"] == "").sum()


def test_calls_far_from_their_county_are_named_and_the_others_stored(
    real_data: Path, make_template, clone, tmp_path: Path
) -> None:
    calls = table(real_data / CALLS)
    some = calls[_outside(calls) | (calls["twp"] == "") | (calls.index < 3_000)]
    _import_calls(real_data, make_template, clone, tmp_path, some)


@pytest.mark.slow
def test_all_calls_far_from_their_county_are_named_and_the_others_stored(
    real_data: Path, make_template, clone, tmp_path: Path
) -> None:
    _import_calls(real_data, make_template, clone, tmp_path, table(real_data / CALLS))


# ── requests with states, due and closing times ─────────────────────────────────────────────────
STATES = {
    "New": "reported", "New (Duplicate)": "reported", "Open": "handling", "Open (Duplicate)": "handling",
    "In Progress": "handling", "Pending": "pending_dispatch", "Closed": "closed",
    "Closed (Duplicate)": "merged", "Closed (Transferred)": "not_accepted",
}  # fmt: skip


def test_requests_keep_their_states_and_their_due_times(
    real_data: Path, make_template, clone, tmp_path: Path
) -> None:
    requests = table(real_data / REQUESTS)
    requests = requests[(requests.index < 1_500) | (requests["SRStatus"] != "Closed")]
    requests.to_csv(tmp_path / "requests.csv", index=False)
    placed = requests[requests["PoliceDistrict"] != ""]
    with clone(make_template("requests_city", real_cities.requests_city(real_data, tmp_path / "city"))):
        summary = imports.incidents(tmp_path / "requests.csv", MAPPINGS / "requests.toml")
        refused = refused_rows(summary)
        api = real_cities.an_api()
        states = api.counts("BALTIMORE", "state")
        with db.read() as conn:
            rows = conn.execute("SELECT source_id, due FROM incident WHERE due IS NOT NULL").fetchall()
    assert [int(row["row"]) for row in refused] == list(np.flatnonzero(requests["PoliceDistrict"] == ""))
    assert {(row["field"], row["code"]) for row in refused} == {("place", "missing_field")}
    assert states == placed["SRStatus"].map(STATES).value_counts().to_dict()
    due = placed[placed["DueDate"] != ""].set_index("SRRecordID")["DueDate"]
    due = pd.to_datetime(due, format=AM_PM).dt.tz_localize("America/New_York", nonexistent=pd.Timedelta("1h"))
    assert {row["source_id"]: row["due"] for row in rows} == due.to_dict()


# ── one row at a time ───────────────────────────────────────────────────────────────────────────
HEADER = "id,class,place,at,closed,state"
ROW = "1,E0506,9901-1,2020-07-06T08:00:00+08:00,,"


def brought_in(folder: Path, *rows: str, **how: bool) -> object:
    mapping = folder / "mapping.toml"
    mapping.write_text(
        'source = "register"\n[columns]\nsource_id = "id"\nclass = "class"\nplace = "place"\nat = "at"\n'
        'closed = "closed"\nstate = "state"\n',
        encoding="utf-8",
    )
    (folder / "cases.csv").write_text("\n".join((HEADER, *rows)) + "\n", encoding="utf-8")
    return imports.incidents(folder / "cases.csv", mapping, **how)


@pytest.mark.parametrize(
    "row, field, code",
    [
        (ROW.replace("9901-1", "9999"), "place", "unknown_place"),
        (ROW.replace("E0506", "E0000"), "class", "unknown_class"),
        (ROW.replace("2020", "3000"), "at", "future"),
        (ROW.replace("2020", "1999"), "at", "too_old"),
        (ROW.replace("+08:00", ""), "at", "no_zone"),
        (ROW + "gone", "state", "bad_value"),
        (ROW.replace(",,", ",3000-01-01T00:00:00Z,"), "closed", "future"),
        (ROW.replace(",,", ",2020-07-06T09:00:00Z,handling"), "state", "bad_value"),
        (ROW.replace(",,", ",2020-07-06T07:00:00+08:00,handling"), "closed", "bad_value"),
        (ROW + ",", "", "extra_field"),
    ],
)
def test_a_row_that_cannot_be_a_case_is_named_and_the_next_stored(
    fresh: str, tmp_path: Path, row: str, field: str, code: str
) -> None:
    summary = brought_in(tmp_path, row, ROW.replace("1,", "2,", 1))
    assert (summary.received, summary.stored, summary.rejected) == (2, 1, 1)
    (refused,) = refused_rows(summary)
    assert (refused["row"], refused["field"], refused["code"]) == ("0", field, code)


def test_a_case_that_ends_before_it_begins_ends_at_once_and_says_so(fresh: str, tmp_path: Path) -> None:
    summary = brought_in(tmp_path, ROW.replace(",,", ",2020-07-06T07:00:00+08:00,"))
    assert summary.stored == 1
    with db.read() as conn:
        row = conn.execute("SELECT at, payload FROM event WHERE act = 'close'").fetchone()
    assert row["at"].isoformat() == "2020-07-06T00:00:00+00:00"
    assert row["payload"]["closed"] == "2020-07-05T23:00:00+00:00"


def test_other_content_under_the_same_key_is_a_conflict(fresh: str, tmp_path: Path) -> None:
    brought_in(tmp_path, ROW)
    summary = brought_in(tmp_path, ROW, ROW.replace("E0506", "E0110"))
    assert (summary.same, dict(summary.reasons)) == (1, {"conflict": 1})


def test_a_log_is_never_replaced(fresh: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="never rewritten"):
        brought_in(tmp_path, ROW, replace=True)


def test_a_file_without_a_mapped_column_stores_nothing(fresh: str, tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    with pytest.raises(Refusal, match="the file lacks the column RowID"):
        imports.incidents(tmp_path / "cases.csv", MAPPINGS / "fire_units.toml")
    with db.read() as conn:
        assert conn.execute("SELECT count(*) AS n FROM incident").fetchone() == {"n": 0}


def test_a_file_cut_short_can_be_sent_again_whole(fresh: str, tmp_path: Path) -> None:
    rows = [ROW.replace("1,", f"{number},", 1) for number in range(2_000)]
    brought_in(tmp_path)  # writes the mapping
    whole = gzip.compress("\n".join((HEADER, *rows)).encode(), mtime=0)
    path = tmp_path / "cases.csv.gz"
    path.write_bytes(whole[:-200])
    with pytest.raises(Refusal, match="cannot be read"):
        imports.incidents(path, tmp_path / "mapping.toml")
    path.write_bytes(whole)
    summary = imports.incidents(path, tmp_path / "mapping.toml")
    assert (summary.received, summary.rejected) == (2_000, 0)
    with db.read() as conn:
        assert conn.execute("SELECT count(*) AS n FROM incident").fetchone() == {"n": 2_000}


def test_refused_rows_are_named_in_the_working_directory_where_the_folder_cannot_be_written(
    fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (tmp_path / "cases.csv.refused.csv").mkdir()  # no file can be written under this name
    summary = brought_in(tmp_path, ROW.replace("9901-1", "=cmd()"))
    assert summary.refused_file == elsewhere / "cases.csv.refused.csv"
    assert str(summary.refused_file) in str(summary)


def test_an_older_runs_refused_rows_are_not_left_lying(fresh: str, tmp_path: Path) -> None:
    brought_in(tmp_path, ROW.replace("9901-1", "9999"))
    assert (tmp_path / "cases.csv.refused.csv").exists()
    assert str(brought_in(tmp_path, ROW)) == "1 rows received = 1 stored + 0 same + 0 rejected"
    assert not (tmp_path / "cases.csv.refused.csv").exists()
