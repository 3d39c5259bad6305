"""City folders made from recorded files that nobody here made."""

import csv
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from flask import Flask

MAPPINGS = Path(__file__).parent / "mappings"

FIRE = "incidents/sf_fire_dispatch_2016w52_7704.csv.gz"
CALLS = "incidents/montgomery_pa_911_99492.csv.gz"
REQUESTS = "incidents/baltimore_311_sample_10000.csv.gz"
AIR = "timeseries/beijing_air_4stations_hourly_2013_2017.parquet"
PEDESTRIANS = "timeseries/pedestrian.csv.gz"
LOAD = "timeseries/vic_elec.csv.gz"
COMMUNITIES = "geo/wuhan_974_community_polygons_whhp.geojson.gz"

_SIGN = {
    "domain": "env", "period": "1h", "direction": "N", "fold_time": "mean", "fold_space": "mean",
    "freshness": "3h", "illustrative": "1",
}  # fmt: skip


def copied(real_data: Path, name: str, folder: Path) -> Path:
    """Beside its copy a file of refused rows may appear."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(real_data / name, folder))


def table(path: Path) -> pd.DataFrame:
    """Every cell as its text, the empty ones empty."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def city_folder(folder: Path, root: str, zone: str, **tables: Iterable[Mapping[str, object]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    toml = f'root = "{root}"\nname_en = "{root}"\ntimezone = "{zone}"\nlanguages = ["en"]\n'
    (folder / "city.toml").write_text(toml, encoding="utf-8")
    places = [{"code": root, "parent": "", "name_en": root}, *tables.pop("places", [])]
    for name, rows in {"places": places, **tables}.items():
        _write(folder / f"{name}.csv", list(rows))
    return folder


def _write(path: Path, rows: list[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def _place(code: str, parent: str, name: str) -> dict[str, object]:
    return {"code": code, "parent": parent, "name_en": name}


def fire_city(real_data: Path, folder: Path) -> Path:
    """City → battalion → station area → box. A station serves several battalions: codes are compound."""
    units = table(real_data / FIRE)
    places: dict[str, dict[str, object]] = {}
    for battalion, station, box in units[["Battalion", "Station Area", "Box"]].itertuples(index=False):
        places.setdefault(battalion, _place(battalion, "SF", f"Battalion {battalion}"))
        if not station:
            continue
        area = f"{battalion}-{station}"
        places.setdefault(area, _place(area, battalion, f"Station area {station}"))
        places.setdefault(f"{area}-{box}", _place(f"{area}-{box}", area, f"Box {box}"))
    return city_folder(folder, "SF", "America/Los_Angeles", places=places.values())


def calls_city(real_data: Path, folder: Path) -> Path:
    """County → townships, the county drawn as the box that its bulk of calls fills."""
    calls = table(real_data / CALLS)
    names = sorted(name for name in calls["twp"].unique() if name)
    places = [_place(name.replace(" ", "-"), "MONTCO", name.title()) for name in names]
    city_folder(folder, "MONTCO", "America/New_York", places=places)
    (folder / "geometry.geojson").write_text(_box("MONTCO", *COUNTY), encoding="utf-8")
    return folder


COUNTY = (-75.75, 39.9, -74.95, 40.5)
"""West, south, east, north."""


def _box(code: str, west: float, south: float, east: float, north: float) -> str:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"code": code}, "geometry": geometry}
    return json.dumps({"type": "FeatureCollection", "features": [feature]})


def requests_city(real_data: Path, folder: Path) -> Path:
    districts = sorted(name for name in table(real_data / REQUESTS)["PoliceDistrict"].unique() if name)
    places = [_place(name, "BALTIMORE", name) for name in districts]
    return city_folder(folder, "BALTIMORE", "America/New_York", places=places)


STATIONS = ("Aotizhongxin", "Changping", "Dingling", "Dongsi")
QUANTITIES = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3", "TEMP", "PRES", "DEWP", "RAIN", "WSPM")


def air_city(folder: Path) -> Path:
    """Four stations in two districts of one city."""
    places = [_place("110105", "1101", "Chaoyang"), _place("110114", "1101", "Changping")]
    homes = ("110105", "110114", "110114", "110105")
    assets = [
        {"code": code, "kind": "air_station", "place": home, "name_en": code}
        for code, home in zip(STATIONS, homes, strict=True)
    ]
    signs = [
        {"code": code, "name_en": code, "kind": "air_station"}
        | _SIGN
        | ({"fold_time": "sum"} if code == "RAIN" else {})
        for code in QUANTITIES
    ]
    return city_folder(folder, "1101", "Asia/Shanghai", places=places, assets=assets, signs=signs)


def footfall_city(folder: Path) -> Path:
    assets = [
        {"code": code, "kind": "counter", "place": "MEL", "name_en": code}
        for code in ("birrarung", "bourke", "market", "southern")
    ]
    sign = {"code": "FOOT", "name_en": "Pedestrians", "kind": "counter"} | _SIGN
    signs = [sign | {"fold_time": "sum", "fold_space": "sum"}]
    return city_folder(folder, "MEL", "Australia/Melbourne", assets=assets, signs=signs)


def load_city(folder: Path) -> Path:
    signs = [
        {"code": code, "name_en": code, "tier": "1"} | _SIGN | {"period": "30min"}
        for code in ("LOAD", "TEMP")
    ]
    return city_folder(folder, "VIC", "Australia/Melbourne", signs=signs)


class Api:
    """GET answers of the API, as somebody on this machine gets them."""

    def __init__(self, server: Flask) -> None:
        self._client = server.test_client()

    def get(self, path: str, **query: object) -> dict[str, Any]:
        answer = self._client.get(f"/api/v1/{path}", query_string=query)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def counts(self, place: str, by: str, **query: object) -> dict[object, int]:
        found = self.get("incidents/counts", place=place, by=by, **query)
        assert sum(item["n"] for item in found["items"]) == found["total"]
        return {item["key"]: item["n"] for item in found["items"]}


def an_api() -> Api:
    from data import api

    server = Flask("imports", static_folder=None)
    api.mount(server)
    return Api(server)


def refused_rows(summary: Any) -> list[dict[str, str]]:
    with summary.refused_file.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
