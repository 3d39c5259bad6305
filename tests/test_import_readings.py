"""Recorded readings come in whole, and hours and days are what pandas makes of the file."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from data import db
from data.commands import imports
from data.domain.refusal import Refusal
from tests import real_cities
from tests.real_cities import (
    AIR,
    LOAD,
    MAPPINGS,
    PEDESTRIANS,
    QUANTITIES,
    STATIONS,
    Api,
    copied,
    refused_rows,
)


def points(
    api: Api, sign: str, grain: str, since: pd.Timestamp, until: pd.Timestamp, **where: str
) -> pd.DataFrame:
    """All points of the window by their time, asked for a year at a time."""
    rows: list[dict[str, object]] = []
    while since < until:
        end = min(since + timedelta(days=360), until)
        window = {"from": since.isoformat(), "to": end.isoformat(), "grain": grain}
        rows += api.get(f"signs/{sign}/series", **window, **where)["points"]
        since = end
    found = pd.DataFrame(rows)
    found["at"] = pd.to_datetime(found["at"], utc=True)
    return found.set_index("at")


# ── four air stations, hour by hour ─────────────────────────────────────────────────────────────
def air(real_data: Path) -> pd.DataFrame:
    found = pd.read_parquet(real_data / AIR)
    found["at"] = pd.to_datetime(found[["year", "month", "day", "hour"]]).dt.tz_localize("Asia/Shanghai")
    return found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("2016-02", id="two months"),
        pytest.param(None, id="all", marks=[pytest.mark.slow, pytest.mark.timeout(1_200)]),
    ],
)
def stations(request, real_data: Path, make_template, clone, tmp_path_factory) -> Iterator[pd.DataFrame]:
    """The imported rows, each with its time."""
    folder = tmp_path_factory.mktemp("air")
    rows = air(real_data)
    if request.param:
        rows = rows[rows["at"].between(f"{request.param}-01T00:00+08:00", "2016-03-31T23:00+08:00")]
        rows.drop(columns="at").to_parquet(folder / "air.parquet")
    file = folder / "air.parquet" if request.param else copied(real_data, AIR, folder)
    city = make_template(f"air_{request.param}", real_cities.air_city(folder / "city"))
    with clone(city):
        summary = imports.readings(file, MAPPINGS / "air.toml")
        assert summary.received == summary.stored == rows[list(QUANTITIES)].notna().sum().sum()
        yield rows


@pytest.mark.parametrize("sign", ["PM2.5", "O3", "RAIN"])
@pytest.mark.parametrize("station", STATIONS)
def test_hours_of_a_station_are_the_files(stations: pd.DataFrame, station: str, sign: str) -> None:
    rows = stations[stations["station"] == station].set_index("at")[sign].dropna().astype(float)
    since, until = stations["at"].min(), stations["at"].max() + timedelta(hours=1)
    found = points(real_cities.an_api(), sign, "hour", since, until, asset=station)
    assert list(found.index) == list(rows.index.tz_convert("UTC"))
    for column in ("value", "sum", "min", "max", "last"):
        assert found[column].tolist() == rows.tolist()
    assert (found["n"] == 1).all() and (found["live"] == 1).all() and (found["expected"] == 1).all()


@pytest.mark.parametrize("sign, fold", [("PM2.5", "mean"), ("CO", "mean"), ("RAIN", "sum")])
@pytest.mark.parametrize("station", STATIONS)
def test_days_of_a_station_are_pandas(stations: pd.DataFrame, station: str, sign: str, fold: str) -> None:
    rows = stations[stations["station"] == station].set_index("at")[sign].dropna().astype(float)
    days = rows.groupby(rows.index.normalize()).agg(["mean", "sum", "min", "max", "last", "count"])
    since, until = stations["at"].min(), stations["at"].max() + timedelta(hours=1)
    found = points(real_cities.an_api(), sign, "day", since, until, asset=station)
    assert list(found.index) == list(days.index.tz_convert("UTC"))
    assert found["n"].tolist() == days["count"].tolist()
    assert found["value"].tolist() == pytest.approx(days[fold].tolist())
    for column in ("sum", "min", "max", "last"):
        assert found[column].tolist() == pytest.approx(days[column].tolist())


@pytest.mark.parametrize("sign", ["NO2", "TEMP"])
def test_hours_and_days_of_the_city_fold_the_stations_that_report(stations: pd.DataFrame, sign: str) -> None:
    """The mean of the stations' values in the bucket, whatever the number of their readings."""
    rows = stations.dropna(subset=[sign])
    since, until = stations["at"].min(), stations["at"].max() + timedelta(hours=1)
    for grain, bucket in (("hour", rows["at"]), ("day", rows["at"].dt.normalize())):
        by_station = rows[sign].astype(float).groupby([bucket, rows["station"]]).mean()
        expected = by_station.groupby(level=0).agg(["mean", "min", "max", "count"])
        found = points(real_cities.an_api(), sign, grain, since, until, place="1101")
        assert list(found.index) == list(expected.index.tz_convert("UTC"))
        assert found["live"].tolist() == expected["count"].tolist()
        assert found["value"].tolist() == pytest.approx(expected["mean"].tolist())
        assert found["min"].tolist() == pytest.approx(expected["min"].tolist())
        assert found["max"].tolist() == pytest.approx(expected["max"].tolist())
        assert (found["expected"] == len(STATIONS)).all()


# ── rows that are absent, clocks that change ────────────────────────────────────────────────────
def test_absent_rows_are_gaps_and_days_are_the_citys(
    real_data: Path, make_template, clone, tmp_path: Path
) -> None:
    rows = pd.read_csv(real_data / PEDESTRIANS)
    rows["at"] = pd.to_datetime(rows["Date_Time"], utc=True)
    rows = rows[rows["at"].between("2015-03-25", "2015-04-20") & (rows["at"].dt.hour != 7)]
    rows.drop(columns="at").to_csv(tmp_path / "steps.csv.gz", index=False)
    with clone(make_template("footfall_city", real_cities.footfall_city(tmp_path / "city"))):
        summary = imports.readings(tmp_path / "steps.csv.gz", MAPPINGS / "pedestrians.toml")
        api = real_cities.an_api()
        since, until = rows["at"].min(), rows["at"].max() + timedelta(hours=1)
        hours = points(api, "FOOT", "hour", since, until, place="MEL")
        days = points(api, "FOOT", "day", since.floor("D"), until, asset="southern")
    assert summary.received == summary.stored == len(rows)
    assert hours["value"].to_dict() == rows.groupby("at")["Count"].sum().astype(float).to_dict()
    one = (
        rows[rows["Sensor"] == "Southern Cross Station"]
        .set_index("at")["Count"]
        .tz_convert("Australia/Melbourne")
    )
    assert days["n"].tolist()[1:] == one.groupby(one.index.normalize()).count().tolist()[-len(days) + 1 :]
    assert len(hours) < (until - since) / timedelta(hours=1)


def test_a_day_is_as_long_as_its_citys_clocks_make_it(
    real_data: Path, make_template, clone, tmp_path: Path
) -> None:
    rows = pd.read_csv(real_data / LOAD)
    rows["at"] = pd.to_datetime(rows["Time"], utc=True)
    local = rows["at"].dt.tz_convert("Australia/Melbourne")
    spring, autumn = local.between("2012-10-05", "2012-10-10"), local.between("2012-03-30", "2012-04-04")
    rows = rows[spring | autumn]
    rows.drop(columns="at").to_csv(tmp_path / "load.csv", index=False)
    with clone(make_template("load_city", real_cities.load_city(tmp_path / "city"))):
        summary = imports.readings(tmp_path / "load.csv", MAPPINGS / "load.toml")
        api = real_cities.an_api()
        until = rows["at"].max() + timedelta(hours=1)
        days = points(api, "LOAD", "day", rows["at"].min(), until, place="VIC")
    assert summary.stored == 2 * len(rows)
    demand = rows.set_index("at")["Demand"].tz_convert("Australia/Melbourne")
    expected = demand.groupby(demand.index.normalize()).agg(["mean", "count"])
    assert days["n"].tolist() == expected["count"].tolist()
    assert {46, 48, 50} <= set(days["n"])
    assert days["value"].tolist() == pytest.approx(expected["mean"].tolist())


# ── one row at a time ───────────────────────────────────────────────────────────────────────────
AT = "2020-07-06T08:00:00+08:00"
GOOD = f"W1,9901-1,,{AT},21.5"


def brought_in(folder: Path, *rows: str, **how: bool):
    (folder / "readings.csv").write_text("\n".join(("sign,place,asset,at,value", *rows)), encoding="utf-8")
    return imports.readings(folder / "readings.csv", **how)


def test_a_file_in_our_own_words_needs_no_mapping(fresh: str, tmp_path: Path) -> None:
    summary = brought_in(tmp_path, GOOD, f"W2,,flood-1,{AT},3", f"W1,9901-2,,{AT},")
    assert str(summary) == "2 values received = 2 stored + 0 same + 0 rejected"


@pytest.mark.parametrize(
    "row, field, code",
    [
        (GOOD.replace("W1", "W9"), "sign", "unknown_sign"),
        (GOOD.replace("9901-1", "9999"), "place", "unknown_place"),
        (GOOD.replace("9901-1", "9901"), "sign", "wrong_tier"),
        (f"W2,,flood-9,{AT},3", "asset", "unknown_asset"),
        (f"W2,,air-1,{AT},3", "sign", "wrong_tier"),
        (GOOD.replace("21.5", "NaN"), "value", "bad_value"),
        (GOOD.replace("21.5", "1e999"), "value", "bad_value"),
        (GOOD.replace("21.5", "warm"), "value", "bad_value"),
        (GOOD.replace("2020", "3000"), "at", "future"),
        (GOOD.replace("2020", "1999"), "at", "too_old"),
        (GOOD.replace("+08:00", ""), "at", "no_zone"),
        (GOOD.replace("9901-1", "99\0"), "place", "bad_value"),
        (GOOD.replace("9901-1", ""), "place", "missing_field"),
    ],
)
def test_a_row_that_is_no_reading_is_named_and_the_others_stored(
    fresh: str, tmp_path: Path, row: str, field: str, code: str
) -> None:
    summary = brought_in(tmp_path, GOOD, row, GOOD.replace("9901-1", "9901-2"))
    assert (summary.received, summary.stored, summary.rejected) == (3, 2, 1)
    (refused,) = refused_rows(summary)
    assert (refused["row"], refused["field"], refused["code"]) == ("1", field, code)
    with db.read() as conn:
        booked = conn.execute("SELECT received, stored, same, rejected, reasons FROM ledger").fetchone()
    assert booked == {"received": 3, "stored": 2, "same": 0, "rejected": 1, "reasons": {code: 1}}


def test_another_value_is_a_conflict_until_it_replaces(fresh: str, tmp_path: Path) -> None:
    brought_in(tmp_path, GOOD)
    other = GOOD.replace("21.5", "30")
    assert dict(brought_in(tmp_path, other).reasons) == {"conflict": 1}
    assert brought_in(tmp_path, other, replace=True).stored == 1
    assert brought_in(tmp_path, other).same == 1
    (point,) = real_cities.an_api().get(
        "signs/W1/series",
        place="99",
        grain="day",
        **{"from": "2020-07-05T00:00:00Z", "to": "2020-07-07T00:00:00Z"},
    )["points"]
    assert point["value"] == 30


def test_a_wide_file_names_the_column_of_what_it_refuses(fresh: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(
        'source = "wide"\n[columns]\nat = "at"\nplace = "place"\n[signs]\nair = "W1"\nsoil = "W9"\n',
        encoding="utf-8",
    )
    (tmp_path / "w.csv").write_text(f"at,place,air,soil\n{AT},9901-1,21,7\n{AT},9999,1,\n", encoding="utf-8")
    summary = imports.readings(tmp_path / "w.csv", tmp_path / "m.toml")
    assert [(row["row"], row["field"], row["code"]) for row in refused_rows(summary)] == [
        ("0", "soil", "unknown_sign"),
        ("1", "air", "unknown_place"),
    ]


def test_a_file_that_is_no_table_stores_nothing(fresh: str, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(Refusal, match="Parquet"):
        imports.readings(tmp_path / "a.parquet", MAPPINGS / "air.toml")
