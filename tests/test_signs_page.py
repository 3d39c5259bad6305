"""Does the page of all signs say of each what the board says, and count what it shows?"""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from data import db, live
from data.commands import readings
from data.domain.refusal import Refusal
from data.live import Ask, Subject
from data.queries import signs
from data.work import fold, sweep
from tests.tiny import HAN

TIERS = {"99": "99/", "9901": "99/9901/", "9901-1": "99/9901/9901-1/", "9901-1-1": "99/9901/9901-1/9901-1-1/",
         "9901-1-1-1": "99/9901/9901-1/9901-1-1/9901-1-1-1/"}  # fmt: skip


def page() -> Any:
    return live.page("signs")


def asked(place: str = "99", lang: str = "zh", **filters: str) -> dict[str, Any]:
    return page().state(Subject(place, TIERS[place]), Ask("guest", lang, tuple(filters.items())))  # type: ignore[no-any-return]


@pytest.fixture(scope="module", autouse=True)
def city(flask_app: object, fresh_module: str) -> None:
    """Two posts of three report, one of them deep; a street is warm; the air fell silent long ago."""
    now = datetime.now(UTC)
    rows = [
        {"sign": "W2", "asset": "flood-1", "at": now, "value": 30},
        {"sign": "W2", "asset": "flood-1", "at": now - timedelta(hours=2), "value": 4},
        {"sign": "W2", "asset": "flood-2", "at": now, "value": 3},
        {"sign": "W1", "place": "9901-1", "at": now, "value": 20.123456},
        {"sign": "W3", "asset": "air-1", "at": now - timedelta(hours=9), "value": 60},
    ]
    readings.post([{**row, "at": row["at"].isoformat()} for row in rows], patience=0)  # type: ignore[attr-defined]
    with db.connect() as conn:
        fold.drain(conn)
        sweep.stale(conn)


def row(state: dict[str, Any], code: str) -> dict[str, Any]:
    return next(row for row in state["rows.signs"] if row["id"] == code)


@pytest.mark.parametrize("place", TIERS)
def test_each_cell_is_what_the_board_says(place: str) -> None:
    board = {sign["code"]: sign for sign in signs.board(place)["signs"]}
    state = asked(place)
    assert [one["id"] for one in state["rows.signs"]] == list(board)
    for one in state["rows.signs"]:
        kept = ("value", "at", "status", "live", "expected", "from", "unit", "name")
        assert [one[name] for name in kept] == [board[one["id"]][name] for name in kept]


def test_the_keys_are_the_same_at_every_tier_in_every_language_and_under_every_filter() -> None:
    keys = set(asked())
    assert all(set(asked(place, lang)) == keys for place in TIERS for lang in ("zh", "en"))
    assert all(set(asked(state=one)) == keys for one in ("abnormal", "stale", "none", "lent", "unmeasured"))


def test_a_filter_shows_what_its_segment_counts() -> None:
    for place in TIERS:
        counted = {one["id"]: one["n"] for one in asked(place)["rows.states"]}
        assert {"all", "abnormal", "stale", "none"} <= set(counted)
        for name, n in counted.items():
            shown = asked(place, state=name)
            assert len(shown["rows.signs"]) == n == sum(one["n"] for one in shown["rows.domains"])
            assert [one["id"] for one in shown["rows.states"] if one["on"]] == [name]


def test_a_value_lent_from_above_is_named_and_never_counted_as_ones_own() -> None:
    grid = asked("9901-1-1-1")
    depth = row(grid, "W1")
    assert (depth["state"], depth["from"], depth["expected"]) == ("lent", "9901-1", 0)
    assert depth["spark"] is not None and depth["spark"][-1] == 20.12
    assert row(grid, "U1")["state"] == "unmeasured"
    assert next(one["n"] for one in grid["rows.states"] if one["id"] == "abnormal") == 0


def test_states_of_a_city_in_trouble() -> None:
    state = asked()
    assert (row(state, "W2")["state"], row(state, "W3")["state"], row(state, "U1")["state"]) == (
        "abnormal",
        "stale",
        "none",
    )
    assert state["rows.levels"][0] == {"id": "alarm", "n": 1}
    assert [one["abnormal"] for one in state["rows.domains"]] == [1, 0, 0]
    assert [child["status"] for child in state["rows.children"]] == ["alarm", "none"]


def test_a_spark_is_a_day_with_its_gaps() -> None:
    spark = row(asked(), "W2")["spark"]
    assert len(spark) == 24 and spark[-1] == 30 and None in spark


def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(Refusal) as refusal:
        asked(state="purple")
    assert refusal.value.status == 422 and refusal.value.field == "state"


def test_english_holds_no_chinese_but_in_names_with_two_languages() -> None:
    def outside_names(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: outside_names(one) for key, one in value.items() if key != "name"}
        return [outside_names(one) for one in value] if isinstance(value, list) else value

    assert not HAN.search(orjson.dumps(outside_names(asked(lang="en"))).decode())


def test_the_csv_of_the_page_is_that_of_the_place(flask_app: Any) -> None:
    client = flask_app.test_client()
    answer = client.get("/api/v1/signs?place=9901&format=csv")
    assert answer.status_code == 200 and answer.data.startswith(b"\xef\xbb\xbf") and b"W2" in answer.data
