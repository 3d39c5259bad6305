"""Does the wall say what is so, at every tier, and nothing where nothing is known?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from data.commands import incidents as commands
from data.commands import readings
from data.domain.incident import Act, Move
from data.domain.report import Life, Report
from data.domain.spread import focus
from data.live import Ask, Subject
from pages import _wall_cases
from tests.tiny import HAN, SIBLING, TIERS


@pytest.fixture(scope="module")
def page(flask_app: object) -> Any:
    from pages import wall

    return wall.state


@pytest.fixture
def empty(fresh: str, page: Any) -> Any:
    return page


@pytest.fixture(scope="module")
def flooded(fresh_module: str, page: Any) -> Any:
    """The east bank is under water, the west bank is not; five cases lie there. No test stores anything."""
    measure({"flood-1": 30, "flood-2": 16, "flood-3": 2}, {"9901-1": 36, "9901-2": 20, "9902-1": 20})
    commands.live_through(
        [
            a_life("grave and late", severity=2, at=ago(hours=3)),
            a_life("late", severity=None, at=ago(hours=5)),
            a_life("next", severity=3),
            a_life("routine", severity=None, place="9902-1-1-1"),
            Life(a_report("gone", severity=4), (Move(Act.CANCEL, ago(minutes=1), "desk", note="twice"),)),
        ]
    )
    return page


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def measure(depths: dict[str, float], warmth: dict[str, float]) -> None:
    at = ago(seconds=30).isoformat()
    rows = [{"sign": "W2", "asset": asset, "at": at, "value": value} for asset, value in depths.items()]
    rows += [{"sign": "W1", "place": place, "at": at, "value": value} for place, value in warmth.items()]
    assert readings.bulk(rows, feed="gauge").stored == len(rows)


def a_report(number: str, **changes: Any) -> Report:
    given = {"kind": "E0506", "at": ago(minutes=30), "place": "9901-1-1-1", "severity": None, **changes}
    return Report(source="hotline", source_id=number, **given)


def a_life(number: str, **changes: Any) -> Life:
    return Life(a_report(number, **changes))


def asked(state: Any, path: str = "99/", lang: str = "zh") -> dict[str, Any]:
    found: dict[str, Any] = state(Subject(path.rstrip("/").rpartition("/")[2], path), Ask("guest", lang))
    return found


def of(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


# ── the same for all ────────────────────────────────────────────────────────────────────────────
def test_the_keys_are_the_same_for_every_tier_language_and_without_data(empty: Any) -> None:
    keys = {frozenset(asked(empty, path, lang)) for path in (*TIERS, SIBLING) for lang in ("zh", "en")}
    measure({"flood-1": 30}, {})
    keys |= {frozenset(asked(empty, path)) for path in TIERS}
    assert len(keys) == 1


def test_without_data_nothing_is_nought(empty: Any) -> None:
    found = asked(empty)
    unknown = (
        "text.share",
        "text.abnormal",
        "text.normal",
        "rows.signs",
        "text.open",
        "text.overdue",
        "text.reported",
    )
    assert {name: found[name] for name in unknown} == dict.fromkeys(unknown)
    assert of(found["rows.levels"], "n") == [None, None, None]
    assert {n for row in found["rows.matrix"] for n in (*row["stages"], row["n"], row["overdue"])} == {None}
    assert of(found["layer.places"], "status") == ["none", "none"]
    assert found["text.verdict"]["level"] == "none"
    assert not found["text.coverage"]["low"]


def test_where_nothing_is_measured_values_of_places_above_are_shown_as_theirs(flooded: Any) -> None:
    found = asked(flooded, TIERS[4])
    assert (found["text.expected"], found["text.abnormal"], found["rows.signs"]) == (None, None, None)
    lent = [sign for tile in found["rows.domains"] for sign in tile["signs"]]
    assert lent
    assert all(sign["from"] in ("99", "9901", "9901-1", "9901-1-1") for sign in lent)
    assert of(found["layer.places"], "id") == ["9901-1-1-1"]


def test_the_same_state_twice_is_the_same(flooded: Any) -> None:
    assert orjson.dumps(asked(flooded)) == orjson.dumps(asked(flooded))


# ── signs and places ────────────────────────────────────────────────────────────────────────────
def test_only_what_is_out_of_its_limits_has_a_row_the_worst_first(flooded: Any) -> None:
    found = asked(flooded)
    assert found["text.abnormal"] == len(found["rows.signs"])
    worst = found["rows.signs"][0]
    assert (worst["id"], worst["status"], worst["value"]) == ("W2", "alarm", 30)
    assert found["rows.levels"][0] == {"id": "alarm", "n": 1}


def test_a_domain_names_the_same_signs_whatever_their_status(flooded: Any, clone: Any, template: str) -> None:
    before = [(tile["id"], of(tile["signs"], "id")) for tile in asked(flooded)["rows.domains"]]
    with clone(template):
        measure({"flood-1": 1, "flood-2": 1, "flood-3": 1}, {"9901-1": 20, "9901-2": 20, "9902-1": 20})
        after = asked(flooded)["rows.domains"]
    assert [(tile["id"], of(tile["signs"], "id")) for tile in after] == before
    assert {tile["n"] for tile in after} == {0}


def test_the_domains_that_are_well_leave_first(flooded: Any) -> None:
    tiles = asked(flooded)["rows.domains"]
    assert sorted(of(tiles, "rank")) == list(range(len(tiles)))
    worst = max(tile["rank"] for tile in tiles if tile["n"])
    assert all(tile["rank"] > worst for tile in tiles if not tile["n"])


def test_the_map_is_of_the_sign_that_tells_the_places_apart(flooded: Any) -> None:
    found = asked(flooded)
    assert found["text.focus"]["code"] == "W2"
    assert {row["id"]: (row["status"], row["value"]) for row in found["layer.places"]} == {
        "9901": ("alarm", 30.0),
        "9902": ("normal", 2.0),
    }


@pytest.mark.parametrize(
    ("statuses", "wanted"),
    [
        ({"a": ("warning", "normal"), "b": ("alarm", "alarm")}, "b"),
        ({"a": ("alarm", "alarm"), "b": ("alarm", "normal")}, "b"),
        ({"a": ("alarm", "normal"), "b": ("alarm", "normal")}, "a"),
        ({"a": ("alarm",)}, None),
        ({}, None),
    ],
    ids=["the gravest", "one that differs", "else the first", "few measure it", "nothing"],
)
def test_the_sign_of_the_map_is(statuses: dict[str, tuple[str, ...]], wanted: str | None) -> None:
    rows = [
        {"sign": sign, "place": str(place), "status": status}
        for sign, each in statuses.items()
        for place, status in enumerate(each)
    ]
    assert focus(["a", "b"], rows, children=3)[0] == wanted


# ── cases ───────────────────────────────────────────────────────────────────────────────────────
def test_the_matrix_adds_up_to_what_is_open(flooded: Any) -> None:
    for path in (*TIERS, SIBLING):
        found = asked(flooded, path)
        assert sum(of(found["rows.matrix"], "n")) == found["text.open"]
        assert sum(of(found["rows.matrix"], "overdue")) == found["text.overdue"]
        assert all(sum(row["stages"]) == row["n"] for row in found["rows.matrix"])


def test_overdue_stands_before_what_is_due_next_and_the_graver_before_the_less(flooded: Any) -> None:
    clocks = asked(flooded)["rows.clocks"]
    assert [(row["overdue"], row["severity"]) for row in clocks] == [
        (True, 2),
        (True, None),
        (False, 3),
        (False, None),
    ]
    assert of(clocks, "where") == ["9901", "9901", "9901", "9902"]


def test_only_graver_cases_lie_on_the_map_routine_ones_never(flooded: Any) -> None:
    found = asked(flooded)
    assert of(found["layer.incidents"], "severity") == [2, 3]
    assert all(row["lon"] is not None for row in found["layer.incidents"])
    assert asked(flooded, SIBLING)["layer.incidents"] == []


def test_the_ticker_is_the_log_the_newest_first(flooded: Any) -> None:
    acts = asked(flooded)["rows.acts"]
    assert acts[0]["act"] == "cancel"
    assert of(acts, "at") == sorted(of(acts, "at"), reverse=True)
    assert [row["where"] for row in asked(flooded, SIBLING)["rows.acts"]] == ["9902-1"]


def test_reports_of_the_hours_are_those_of_today_and_the_day_before(flooded: Any) -> None:
    found = asked(flooded)
    assert len(found["rows.hours"]) == 24
    assert sum(row["n"] or 0 for row in found["rows.hours"]) == found["text.reported"]
    assert found["text.reported"] + found["text.reported_before"] == 5
    assert sum(of(found["rows.classes"], "n")) == found["text.reported"]


# ── in English ──────────────────────────────────────────────────────────────────────────────────
def said(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from said(value["en"]) if "en" in value else (w for one in value.values() for w in said(one))
    elif isinstance(value, list):
        yield from (word for one in value for word in said(one))


def test_in_english_no_word_is_chinese(flooded: Any) -> None:
    for path in TIERS:
        assert [word for word in said(asked(flooded, path, "en")) if HAN.search(word)] == []


def test_units_are_in_the_readers_language(flooded: Any) -> None:
    def units(lang: str) -> set[str]:
        tiles = asked(flooded, "99/", lang)["rows.domains"]
        return {sign["unit"] for tile in tiles for sign in tile["signs"]}

    assert "人" in units("zh")
    assert "people" in units("en")


def test_an_hour_that_comes_twice_is_one_with_all_its_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    first = datetime(2026, 10, 25, tzinfo=UTC)  # 02:00 for the first time
    hours = [{"key": first + timedelta(hours=n), "n": n + 3} for n in (0, 1)]
    monkeypatch.setattr(_wall_cases.wall, "reported", lambda *_: {"hour": hours, "class": []})
    found = _wall_cases.today("99/", datetime(2026, 10, 25, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    assert (found["text.reported"], found["rows.hours"][2]["n"]) == (7, 7)
