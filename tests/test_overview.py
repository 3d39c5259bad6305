"""Does the overview say of a place what the API says, at every tier?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from data import db
from data.commands import incidents as commands
from data.commands import readings
from data.domain.cases import Cases
from data.domain.incident import Act, Move
from data.domain.report import Life, Report
from data.live import Ask, Subject
from data.queries import incidents, signs
from data.store import incidents as store
from tests.tiny import HAN, SIBLING, TIERS

GUARANTEED = {
    "text.live", "text.expected", "text.open", "text.overdue",
    "rows.signs", "rows.children", "rows.incidents", "layer.places",
}  # fmt: skip


@pytest.fixture(scope="module")
def page(flask_app: object) -> Any:
    from pages import overview

    return overview.state


@pytest.fixture
def empty(fresh: str, page: Any) -> Any:
    return page


@pytest.fixture(scope="module")
def state(fresh_module: str, page: Any) -> Any:
    """For tests that store nothing."""
    flood()
    return page


@pytest.fixture
def moving(empty: Any) -> Any:
    """The same in a database of its own."""
    flood()
    return empty


def ago(**span: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(**span)


def flood() -> None:
    """Where two posts measure it, a warm day beside it, and three cases."""
    times = [ago(minutes=65), ago(minutes=1)]
    values = {"flood-1": (4, 30), "flood-2": (3, 16), "flood-3": (2, 5)}
    rows = [
        {"sign": "W2", "asset": asset, "at": at.isoformat(), "value": value}
        for asset, pair in values.items()
        for at, value in zip(times, pair, strict=True)
    ]
    rows += [{"sign": "W1", "place": "9901-1", "at": times[1].isoformat(), "value": 36}]
    readings.bulk(rows, feed="gauge")
    commands.live_through(
        [
            Life(a_report("1", severity=2, at=ago(hours=3))),
            Life(a_report("2", severity=None, place="9902-1-1-1")),
            Life(a_report("3", severity=4), (Move(Act.CLOSE, ago(minutes=1), "desk"),)),
        ]
    )


def a_report(number: str, **changes: Any) -> Report:
    given = {"kind": "E0506", "at": ago(minutes=30), "place": "9901-1-1-1", **changes}
    return Report(source="hotline", source_id=number, **given)


def asked(state: Any, path: str, lang: str = "zh") -> dict[str, Any]:
    found: dict[str, Any] = state(Subject(path.rstrip("/").rpartition("/")[2], path), Ask("guest", lang))
    return found


def code_of(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def row_of(rows: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(row for row in rows if row["id"] == key)


def test_the_keys_are_the_same_for_every_place_language_and_without_data(empty: Any) -> None:
    keys = {frozenset(asked(empty, path, lang)) for path in (*TIERS, SIBLING) for lang in ("zh", "en")}
    readings.bulk([{"sign": "W1", "place": "9901-1", "at": ago().isoformat(), "value": 20}], feed="gauge")
    keys |= {frozenset(asked(empty, path)) for path in TIERS}
    assert len(keys) == 1
    assert next(iter(keys)) >= GUARANTEED


def test_no_data_is_not_zero(empty: Any) -> None:
    city, grid = asked(empty, "99/"), asked(empty, TIERS[4])
    assert (city["text.live"], city["text.abnormal"], city["text.quiet"]) == (0, None, "no_live")
    assert city["text.verdict"]["level"] == "none"
    assert (grid["text.live"], grid["text.expected"], grid["text.share"]) == (None, None, None)
    assert grid["text.quiet"] == "not_measured"


@pytest.mark.parametrize("path", (*TIERS, SIBLING))
def test_the_numbers_are_the_apis(state: Any, path: str) -> None:
    found, board = asked(state, path), signs.board(code_of(path))
    assert (found["text.live"], found["text.expected"]) == (board["live"], board["expected"])
    by_code = {sign["code"]: sign for sign in board["signs"]}
    assert {row["id"] for row in found["rows.signs"]} == set(by_code)
    assert all({**by_code[row["id"]], "id": row["id"]} == row for row in found["rows.signs"])
    mine = incidents.page("", Cases(path, only_open=True), limit=500)["items"]
    assert found["text.open"] == len(mine)
    assert found["text.overdue"] == sum(case["overdue"] for case in mine)
    assert found["rows.matrix"][-1]["cells"][-1]["n"] == len(mine)
    raw = {str(case["id"]): {**case, "id": str(case["id"])} for case in mine}
    assert all(raw[row["id"]].items() <= row.items() for row in found["rows.incidents"])


def test_a_case_in_a_grid_counts_in_its_five_places_and_in_no_sibling(moving: Any) -> None:
    before = {path: asked(moving, path)["text.open"] for path in (*TIERS, SIBLING)}
    commands.report(a_report("9"))
    after = {path: asked(moving, path)["text.open"] for path in (*TIERS, SIBLING)}
    assert {path: after[path] - before[path] for path in after} == {**dict.fromkeys(TIERS, 1), SIBLING: 0}


def test_the_worst_sign_comes_first_with_its_limit_its_day_and_where_it_is(state: Any) -> None:
    found = asked(state, "99/9901/9901-1/")
    worst = found["rows.worst"][0]
    assert worst["id"] == found["rows.signs"][0]["code"] == "W2"
    assert worst["limit"] == 27
    assert (worst["worst"]["place"], worst["worst"]["value"]) == ("9901-1-1", 30)
    assert len(worst["spark"]) == 24 and 30 in worst["spark"][-2:]
    assert found["rows.levels"] == [{"id": "alarm", "n": 1}, {"id": "attention", "n": 1}]


def test_where_assets_measure_the_worst_of_them_is_named(state: Any) -> None:
    (worst,) = asked(state, "99/9901/9901-1/9901-1-1/")["rows.worst"]
    assert worst["worst"]["name"]["zh"] == "江安积水监测点"


def test_a_value_lent_from_above_is_named_and_never_the_places_own(state: Any) -> None:
    grid = asked(state, TIERS[4])
    assert row_of(grid["rows.signs"], "W2")["from"] == "9901-1-1"
    assert (grid["text.abnormal"], grid["rows.worst"], grid["text.verdict"]["level"]) == (None, [], "trouble")
    assert grid["text.verdict"]["why"] == [{"id": "major", "n": 1}]
    assert [row["id"] for row in grid["rows.rest"]][:2] == ["W2", "W1"]


def test_the_verdict_names_where(state: Any) -> None:
    city = asked(state, "99/")
    assert city["text.verdict"]["level"] == "trouble"
    assert [name["zh"] for name in city["text.where"]] == ["东岸区"]
    assert city["rows.children"][0]["code"] == "9901"


def test_children_are_ranked_coloured_and_counted(state: Any) -> None:
    rows = asked(state, "99/")["rows.children"]
    first, second = rows
    assert (first["id"], first["status"], first["abnormal"]) == ("9901", "alarm", 2)
    assert (first["open"], second["open"]) == (1, 1)
    assert {row["id"]: row["status"] for row in asked(state, "99/")["layer.places"]} == {
        row["id"]: row["status"] for row in rows
    }


def test_a_place_without_children_is_its_own_cell_and_shows_its_assets(state: Any) -> None:
    grid = asked(state, "99/9902/9902-1/9902-1-1/9902-1-1-1/")
    assert [row["id"] for row in grid["layer.places"]] == ["9902-1-1-1"]
    (post,) = grid["rows.assets"]
    assert (post["id"], post["sign"], post["value"], post["status"]) == ("flood-3", "W2", 5, "normal")


def test_what_came_and_went_today_is_counted_from_the_log(state: Any) -> None:
    found = asked(state, "99/")
    assert found["text.reported"] + found["text.reported_before"] == 3
    assert found["text.closed"] + found["text.closed_before"] == 1


def test_cases_press_by_being_late_then_by_severity(moving: Any) -> None:
    commands.report(a_report("5", severity=1))
    with db.transaction() as conn:
        store.sweep_overdue(conn)
    rows = asked(moving, "99/")["rows.incidents"]
    assert [row["source_id"] for row in rows] == ["1", "5", "2"]
    assert rows[0]["overdue"] and rows[0]["class_name"]["en"] == "Waterlogged road"
    assert asked(moving, "99/")["text.longest"] == rows[0]["due"]


def test_what_is_in_force_is_said_in_the_asked_language(moving: Any) -> None:
    with db.transaction() as conn:
        conn.execute("INSERT INTO source (feed) VALUES ('bureau') ON CONFLICT DO NOTHING")
        conn.execute(
            "INSERT INTO warning VALUES ('w', '暴雨', 'orange', '99/', 'x', 'bureau', tstzrange(now(), NULL))"
        )
        conn.execute(
            "INSERT INTO decision VALUES (gen_random_uuid(), '排涝', '99', 'III', 'x', 'y', 'bureau',"
            " tstzrange(now(), NULL)), (gen_random_uuid(), '平急', '99', '急', 'x', 'y', 'bureau',"
            " tstzrange(now(), NULL))"
        )
    grid = asked(moving, TIERS[4], "en")
    assert (grid["rows.warnings"][0]["kind"], grid["rows.warnings"][0]["colour"]) == ("Rainstorm", "orange")
    assert [(row["mode"], row["track"], row["level"]) for row in grid["rows.decisions"]] == [
        (False, "Drainage", "III"),
        (True, "平急", "Emergency"),
    ]


def test_in_english_only_names_are_chinese(state: Any) -> None:
    def words(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name != "zh":
                    yield from words(inner, name)
        elif isinstance(value, list):
            for inner in value:
                yield from words(inner, key)
        elif isinstance(value, str):
            yield key, value

    found = orjson.loads(orjson.dumps(asked(state, "99/", "en")))
    assert [pair for pair in words(found) if HAN.search(pair[1])] == []


def test_every_row_has_an_id_of_its_own(state: Any) -> None:
    for path in TIERS:
        for key, value in asked(state, path).items():
            if key.startswith(("rows.", "layer.")):
                ids = [row["id"] for row in value]
                assert all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids), key


def test_the_skeleton_stands_without_a_place_and_in_both_languages(flask_app: object) -> None:
    from components import overview
    from pages import _frame

    for lang in ("zh", "en"):
        shown = overview.body(_frame.NOWHERE, lang)
        assert 0 < sum(1 for _ in shown[0]._traverse()) < 300
