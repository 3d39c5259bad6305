"""Does the page of one sign draw, name and refuse what it should, at every tier?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from data import db, live
from data.commands import incidents, readings
from data.domain.report import Report
from data.live import Ask, Subject
from data.work import fold, sweep
from tests.tiny import HAN

ROOT = "99/"
EAST = "99/9901/"
STREET = "99/9901/9901-1/"
GRID = "99/9901/9901-1/9901-1-1/9901-1-1-1/"
PATHS = (ROOT, EAST, STREET, "99/9901/9901-1/9901-1-1/", GRID)
SIGNS = ("W1", "W2", "W3", "U1", "P1", "S1")


def asked(sign: str, path: str = ROOT, lang: str = "zh", **filters: str) -> dict[str, Any]:
    code = path.rstrip("/").rpartition("/")[2]
    given = tuple((name.rstrip("_"), value) for name, value in filters.items())
    return live.page("sign").state(Subject(f"{sign}/{code}", path), Ask("guest", lang, given))


def post(*rows: dict[str, Any], **more: Any) -> None:
    answer = readings.post([{**row, "at": row["at"].isoformat()} for row in rows], patience=0, **more)
    assert answer["rejected"] == 0, answer
    with db.connect() as conn:
        fold.drain(conn)
        sweep.stale(conn)


@pytest.fixture(scope="module", autouse=True)
def now(flask_app: object, fresh_module: str) -> datetime:
    """When it was measured. East is measured, West is simulated; a street was silent for two hours."""
    minutes = [*range(0, 120, 5), *range(240, 400, 5)]
    now = datetime.now(UTC).replace(microsecond=0)
    post(
        *(
            {"sign": "W1", "place": "9901-1", "at": now - timedelta(minutes=n), "value": 20 + n / 100}
            for n in minutes
        ),
        *(
            {"sign": "W1", "place": "9901-1", "at": now - timedelta(days=d, hours=1), "value": 10 + d}
            for d in (1, 7)
        ),
        {"sign": "W1", "place": "9901-2", "at": now, "value": 24},
        {"sign": "W2", "asset": "flood-1", "at": now, "value": 30},
        {"sign": "W2", "asset": "flood-2", "at": now, "value": 3},
        {"sign": "W3", "asset": "air-1", "at": now - timedelta(minutes=1), "value": 60},
    )
    post({"sign": "W1", "place": "9902-1", "at": now, "value": 30}, feed="sim", simulated=True)
    post({"sign": "W2", "asset": "flood-3", "at": now, "value": 5}, feed="sim", simulated=True)
    incidents.report(
        Report(
            source="test", source_id="1", kind="E0506", severity=2, place="9901-1-1-1", sign="W2",
            description="", at=now,
        )
    )  # fmt: skip
    return now


def traces(state: dict[str, Any]) -> dict[str, Any]:
    return {trace["name"]: trace for trace in state["chart.series"]["data"] if trace.get("name")}


def ids(state: dict[str, Any], key: str) -> list[str]:
    return [row["id"] for row in state[key]]


# ── everywhere ──────────────────────────────────────────────────────────────────────────────────
def test_the_keys_are_the_same_for_every_sign_tier_and_language() -> None:
    keys = set(asked("W1"))
    assert all(
        set(asked(sign, path, lang)) == keys for sign in SIGNS for path in PATHS for lang in ("zh", "en")
    )


def test_rows_have_names_of_their_own() -> None:
    for sign in SIGNS:
        for key, rows in asked(sign, with_="9902,9901,nobody").items():
            if key.startswith("rows."):
                found = [row["id"] for row in rows]
                assert len(set(found)) == len(found), key


def test_english_holds_no_chinese_but_in_names_with_two_languages() -> None:
    def outside_names(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: outside_names(one)
                for key, one in value.items()
                if key not in ("name", "where", "place_name", "class_name")
            }
        return [outside_names(one) for one in value] if isinstance(value, list) else value

    for sign in SIGNS:
        assert not HAN.search(
            orjson.dumps(outside_names(asked(sign, EAST, "en", with_="9901-1"))).decode()
        ), sign


@pytest.mark.parametrize("address", ["/sign/NOPE/99", "/sign/W1/nowhere", "/sign/W1", "/sign/W1/99/more"])
def test_an_unknown_sign_or_place_is_404(flask_app: Any, address: str) -> None:
    assert flask_app.test_client().get(address).status_code == 404


@pytest.mark.parametrize("query", ["window=1y", "grain=minute"])
def test_an_unknown_window_is_refused_by_the_api_and_explained_by_the_page(
    flask_app: Any, query: str
) -> None:
    client = flask_app.test_client()
    assert client.get(f"/api/v1/state/sign/W1/99?{query}").status_code == 422
    assert client.get(f"/sign/W1/99?{query}").status_code == 200


# ── head and definition ─────────────────────────────────────────────────────────────────────────
def test_the_head_says_how_it_was_folded_where_and_since_when() -> None:
    (head,) = asked("W2", EAST)["rows.head"]
    assert (head["value"], head["status"], head["live"], head["expected"]) == (30, "alarm", 2, 2)
    assert head["where"] == {
        "code": "9901-1-1",
        "name": {"zh": "江安积水监测点", "en": "Jiang'an Flood Monitor"},
    }
    assert head["held"] == "alarm" and datetime.now(UTC) - head["since"] < timedelta(minutes=2)


def test_below_the_measuring_tier_the_nearest_value_above_is_shown_by_name() -> None:
    state = asked("W1", GRID)
    (head,) = state["rows.head"]
    assert (head["lent"], head["shown"], head["value"]) == (True, "9901-1", 20)
    assert state["chart.series"]["layout"]["meta"]["title"] == "气温 · 码头街道"
    assert state["rows.export"][0]["asked"]["place"] == "9901-1" and state["rows.ranked"] == []


def test_where_nothing_is_measured_the_page_says_so_and_draws_nothing() -> None:
    state = asked("U1", GRID)
    (head,) = state["rows.head"]
    assert (state["text.why"], head["status"], head["measured_in"]["code"]) == (
        "why_unmeasured",
        None,
        "9901-1",
    )
    assert state["chart.series"] is None and not state["rows.windows"] and not state["rows.export"]
    assert asked("U1")["text.why"] == "why_never"


def test_the_definition_says_what_lacks() -> None:
    assert ids(asked("S1"), "rows.flags") == ["no_baseline", "illustrative"]
    assert "no_baseline" not in ids(asked("P1"), "rows.flags")
    limits = next(row for row in asked("P1")["rows.facts"] if row["id"] == "limits")["levels"]
    assert [level["high"] for level in limits] == [2100, 2550, 3000]
    owner = next(row for row in asked("W2")["rows.facts"] if row["id"] == "owner")
    assert owner["name"] == {"zh": "水务局", "en": "Water Bureau"}


# ── the course ──────────────────────────────────────────────────────────────────────────────────
def test_a_measured_series_opens_with_its_readings_a_fold_by_the_hour() -> None:
    on = {
        path: [row["id"] for row in asked("W1", path)["rows.grains"] if row["on"]] for path in (STREET, EAST)
    }
    assert on == {STREET: ["raw"], EAST: ["hour"]} and "raw" not in ids(asked("W1", EAST), "rows.grains")
    assert len(traces(asked("W1", STREET))["现在"]["y"]) > 50


def test_a_fold_asked_for_readings_is_shown_by_hours_and_says_so() -> None:
    state = asked("W1", EAST, grain="raw")
    assert [(row["kind"], row["grain"]) for row in state["rows.notes"]] == [("no_raw", "hour")]


def test_a_silence_is_a_gap_in_the_line_and_hatched() -> None:
    state = asked("W1", STREET)
    assert None in traces(state)["现在"]["y"] and "gap" in ids(state, "rows.legend")
    hatched = next(trace for trace in state["chart.series"]["data"] if trace.get("fillpattern"))
    assert len(hatched["x"]) == 2 * 6, "before the first reading of the day, and the two hours"
    assert any("断报 2" in note["text"] for note in state["chart.series"]["layout"]["annotations"])


def test_yesterday_and_last_week_lie_under_the_same_hours(now: datetime) -> None:
    then = [(days, timedelta(days=days, hours=hours)) for days in (1, 7) for hours in (3, 4)]
    post(*({"sign": "W1", "place": "9901-1", "at": now - back, "value": 10 + days} for days, back in then))
    drawn = traces(asked("W1", STREET, grain="hour"))
    assert set(drawn["昨天"]["y"]) == {11} and set(drawn["上周"]["y"]) == {17}
    assert drawn["昨天"]["x"] == drawn["上周"]["x"]
    assert "昨天" not in traces(asked("W1", STREET, window="7d"))


def test_under_six_hundred_points_however_many_readings() -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(seconds=40 * n) for n in range(2000)]
    post(
        *(
            {"sign": "U1", "place": "9901-1", "at": at, "value": 0.3 + n % 7 / 100}
            for n, at in enumerate(times)
        )
    )
    drawn = traces(asked("U1", STREET))["现在"]["y"]
    assert 300 < len(drawn) <= 600 and max(drawn) == pytest.approx(0.36) and min(drawn) == pytest.approx(0.3)


def test_a_fold_without_a_value_is_the_band_of_what_lies_below() -> None:
    state = asked("W3")
    assert state["rows.head"][0]["value"] is None and ids(state, "rows.legend") == ["band"]
    assert traces(state)["下级最高"]["y"] == [60]


# ── beside ──────────────────────────────────────────────────────────────────────────────────────
def test_places_and_assets_are_drawn_beside_each_with_a_dash_of_its_own() -> None:
    state = asked("W1", EAST, with_="9901-1,9901-2")
    assert state["text.beside"] == {"n": 2, "most": 6} and {"码头街道", "长桥街道"} <= set(traces(state))
    depth = asked("W2", EAST, with_="flood-1,flood-2", grain="raw")
    assert {"江安积水监测点", "江安二号积水监测点"} <= set(traces(depth)) and depth["rows.notes"] == []
    assert [row["id"] for row in depth["rows.choices"] if row["on"]] == ["flood-1", "flood-2"]


def test_a_simulated_series_is_never_drawn_over_a_real_one() -> None:
    state = asked("W1", EAST, with_="9902-1,9901-1")
    assert [(row["kind"], row["name"]["zh"]) for row in state["rows.notes"]] == [
        ("simulated_over_real", "柳林镇")
    ]
    assert "柳林镇" not in traces(state) and state["text.beside"]["n"] == 1
    west = asked("W1", "99/9902/", with_="9901-1")
    assert west["text.simulated"] and [row["kind"] for row in west["rows.notes"]] == ["real_over_simulated"]


def test_what_does_not_measure_it_and_what_is_too_much_is_said() -> None:
    notes = asked("W1", EAST, with_="nobody,flood-1")["rows.notes"]
    assert [(note["kind"], note["code"]) for note in notes] == [
        ("not_measured", "nobody"),
        ("not_measured", "flood-1"),
    ]
    many = asked("W1", EAST, with_="9901-1,9901-2,a,b,c,d,e")["rows.notes"]
    assert many[-1]["kind"] == "too_many"


def test_every_other_way_to_see_it_keeps_what_was_chosen() -> None:
    state = asked("W1", EAST, with_="9901-1", window="7d", grain="day")
    assert [row["asked"] for row in state["rows.windows"]] == [
        {"window": "24h", "grain": "", "with": "9901-1"},
        {"window": "7d", "grain": "day", "with": "9901-1"},
        {"window": "14d", "grain": "day", "with": "9901-1"},
    ]


# ── below, cases, quality ───────────────────────────────────────────────────────────────────────
def test_children_are_ranked_the_worst_first_with_one_scale() -> None:
    state = asked("W2")
    assert ids(state, "rows.ranked") == ["9901", "9902"] and ids(state, "rows.assets") == [
        "flood-1",
        "flood-3",
        "flood-2",
    ]
    assert state["text.scale"] == {"low": 0, "high": 30, "level": "attention", "limit": 10, "unit": "cm"}
    assert ids(asked("W1", EAST), "rows.ranked") == ["9901-2", "9901-1"]


def test_the_cases_that_name_the_sign_are_listed_where_they_lie() -> None:
    assert [row["class"] for row in asked("W2", EAST)["rows.incidents"]] == ["E0506"]
    assert asked("W2", "99/9902/")["rows.incidents"] == [] and asked("W1", EAST)["rows.incidents"] == []


def test_quality_counts_hours_and_gaps() -> None:
    found = {row["id"]: row for row in asked("W1", STREET)["rows.quality"]}
    assert (
        3 <= found["reported"]["present"] <= 9 and found["reported"]["due"] == 24 and found["gaps"]["n"] >= 2
    )
    assert found["silent"] == {"id": "silent", "n": 0, "expected": 1}
    assert asked("U1", GRID)["rows.quality"] == [{"id": "reported", "why": "unmeasured"}]


def test_the_exported_csv_is_the_series_of_the_window(flask_app: Any) -> None:
    from urllib.parse import urlencode

    (link,) = asked("W1", STREET)["rows.export"]
    answer = flask_app.test_client().get(f"{link['path']}?{urlencode(link['asked'])}")
    drawn = [value for value in traces(asked("W1", STREET))["现在"]["y"] if value is not None]
    assert answer.status_code == 200 and answer.get_data(as_text=True).count("\r\n") == len(drawn) + 1
