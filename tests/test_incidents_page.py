"""Does the list of cases say what the API says, for every filter and at every tier?"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from data import db, live
from data.commands import incidents as commands
from data.domain.cases import FILTERS, cases
from data.domain.incident import Act, Holder, Move, State
from data.domain.refusal import Refusal
from data.domain.report import Life, Report
from data.live import Ask, Subject
from data.queries import incidents
from data.store import incidents as store
from tests.tiny import HAN, SIBLING, TIERS

NOW = datetime.now(UTC).replace(microsecond=0)


def report(key: str, *, hours: float = 1, **given: Any) -> Report:
    case = {
        "source": "test", "kind": "E0506", "severity": 2, "place": "9901-1-1-1", "description": "waterlogged",
        "at": NOW - timedelta(hours=hours),
    }  # fmt: skip
    return Report(**{**case, "source_id": key, **given})


def closed(key: str, *, hours: float, by: datetime) -> Life:
    return Life(report(key, hours=hours, place="9901-2-1-1"), (Move(Act.CLOSE, by, "desk"),))


@pytest.fixture(scope="module")
def state(fresh_module: str, flask_app: object) -> Any:
    """For tests that store nothing: four open cases, one of them late, and two that are closed."""
    for one in (
        report("late", hours=5),
        report("open", kind="E0110", severity=None, description="积水"),
        report("held", place="9901-1", severity=4),
        report("west", place="9902-1-1-1", source="other"),
    ):
        commands.report(one)
    long_ago = NOW - timedelta(hours=79)
    commands.live_through([closed("today", hours=3, by=NOW), closed("before", hours=80, by=long_ago)])
    with db.transaction() as conn:
        store.sweep_overdue(conn)
    return live.page("incidents").state


def asked(state: Any, path: str = "99/", lang: str = "zh", /, **filters: str) -> dict[str, Any]:
    code = path.rstrip("/").rpartition("/")[2]
    return state(Subject(code, path), Ask("guest", lang, tuple(sorted(filters.items()))))  # type: ignore[no-any-return]


def listed(found: dict[str, Any]) -> list[str]:
    return [row["source_id"] for row in found["rows.incidents"]]


def tab(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in found["rows.tabs"] if row["id"] == name)


@pytest.mark.parametrize("path", (*TIERS, SIBLING))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_keys_are_the_same_everywhere(state: Any, path: str, lang: str) -> None:
    assert set(asked(state, path, lang)) == set(asked(state)) == set(asked(state, source_id="nothing"))


def test_on_no_data_the_keys_are_the_same_and_the_lists_empty(state: Any, fresh: str) -> None:
    empty = asked(state)
    assert set(empty) == {
        "text.asked", "text.total", "text.next", "text.midnight", "text.choices", "text.departments",
        "rows.tabs", "rows.incidents",
    }  # fmt: skip
    assert (empty["rows.incidents"], empty["text.total"], empty["text.next"]) == (
        [],
        {"n": 0, "more": False},
        None,
    )
    assert [row["n"] for row in empty["rows.tabs"]] == [0, 0, 0, 0]


@pytest.mark.parametrize("path", (*TIERS, SIBLING))
@pytest.mark.parametrize(
    "filters",
    [{}, {"state": "all"}, {"overdue": "true"}, {"severity": "2,none"}, {"class": "E0110"},
     {"source": "other"},
     {"state": "closed,forced_close"}, {"source": "test", "source_id": "today"},
     {"state": "all", "from": (NOW - timedelta(hours=4)).isoformat(), "to": NOW.isoformat()},
     {"closed_from": (NOW - timedelta(hours=1)).isoformat()}],
)  # fmt: skip
def test_the_list_is_the_apis_under_the_filters_it_names(
    state: Any, path: str, filters: dict[str, str]
) -> None:
    found = asked(state, path, **filters)
    expected = incidents.page("", cases(path, found["text.asked"]), limit=500)["items"]
    assert [row["id"] for row in found["rows.incidents"]] == [str(row["id"]) for row in expected]
    for row, raw in zip(found["rows.incidents"], expected, strict=True):
        assert {**raw, "id": str(raw["id"])}.items() <= row.items()
    assert found["text.total"] == {"n": len(expected), "more": False}


def test_without_a_state_in_the_address_what_is_open_is_listed(state: Any) -> None:
    assert set(listed(asked(state))) == {"late", "open", "held", "west"}
    assert set(listed(asked(state, state="all"))) == {"late", "open", "held", "west", "today", "before"}


def test_the_address_of_one_case_shows_exactly_it_even_when_it_is_closed(state: Any) -> None:
    assert listed(asked(state, source="test", source_id="before")) == ["before"]


@pytest.mark.parametrize("path", (*TIERS, SIBLING))
def test_a_tabs_number_is_the_length_of_its_list(state: Any, path: str) -> None:
    for name in ("open", "overdue", "reported", "closed"):
        row = tab(asked(state, path), name)
        behind = asked(state, path, **row["query"])
        assert row["n"] == behind["text.total"]["n"] == len(behind["rows.incidents"]), name
        assert [one["id"] for one in behind["rows.tabs"] if one["current"]] == [name]


def test_what_narrows_a_list_leaves_its_tab_lit(state: Any) -> None:
    assert tab(asked(state, severity="2"), "open")["current"]
    assert not any(row["current"] for row in asked(state, state="handling")["rows.tabs"])


def test_what_was_closed_since_is_asked_by_the_closing_and_not_by_the_report(state: Any) -> None:
    assert listed(asked(state, closed_from=(NOW - timedelta(hours=2)).isoformat())) == ["today"]
    assert set(listed(asked(state, closed_from=(NOW - timedelta(hours=90)).isoformat()))) == {
        "today",
        "before",
    }


def test_a_row_carries_the_names_it_is_shown_by(state: Any) -> None:
    row = next(row for row in asked(state)["rows.incidents"] if row["source_id"] == "late")
    assert row["class_name"]["en"] == "Waterlogged road" and row["overdue"]
    assert [one["code"] for one in row["places"]] == ["9901", "9901-1", "9901-1-1", "9901-1-1-1"]
    below = asked(state, TIERS[4])["rows.incidents"][0]
    assert below["places"] == []


def test_the_holder_is_named(fresh: str, flask_app: object) -> None:
    case = report("with the water bureau", state=State.ACCEPTED)
    handed = Move(Act.DISPATCH, case.at, "desk", holder=Holder("9901", "water"))
    (filed,) = commands.live_through([Life(case, (handed,))])
    assert not isinstance(filed, Refusal)
    (row,) = asked(live.page("incidents").state)["rows.incidents"]
    named = row["holder_name"]
    assert (named["place"]["zh"], named["department"]["en"]) == ("东岸区", "Water Bureau")


def test_a_long_list_streams_its_first_page_and_says_where_the_next_begins(
    fresh: str, flask_app: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from data.queries import caselist

    for n in range(7):
        commands.report(report(str(n), hours=n / 10))
    found = caselist.first(cases("99/", {}), 3)
    rest = incidents.page("99", cases("99/", {}), limit=100, since=found["next"])["items"]
    assert [row["source_id"] for row in found["items"]] == ["0", "1", "2"]
    assert [row["source_id"] for row in rest] == ["3", "4", "5", "6"]
    assert found["total"] == 7
    monkeypatch.setattr(caselist, "COUNTED", 5)
    assert caselist.first(cases("99/", {}), 3)["total"] == 5


@pytest.mark.parametrize(
    "filters",
    [{"state": "lost"}, {"severity": "5"}, {"overdue": "perhaps"}, {"from": "yesterday"},
     {"closed_from": "2026-07-08T00:00:00"}, {"from": "2026-07-09T00:00:00Z", "to": "2026-07-08T00:00:00Z"}],
)  # fmt: skip
def test_a_filter_that_says_nothing_is_refused_by_its_name(state: Any, filters: dict[str, str]) -> None:
    with pytest.raises(Refusal) as refused:
        asked(state, **filters)
    assert refused.value.field in filters


def test_the_page_knows_every_filter_of_the_api(flask_app: object) -> None:
    assert live.page("incidents").filters == FILTERS


def test_in_english_only_names_are_chinese(state: Any) -> None:
    def words(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name != "zh":
                    yield from words(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from words(inner)
        elif isinstance(value, str):
            yield value

    found = orjson.loads(orjson.dumps(asked(state, "99/", "en", state="all")))
    assert [one for one in words(found) if HAN.search(one)] == []


def test_the_skeleton_stands_without_a_place_and_in_both_languages(flask_app: object) -> None:
    from components import incidents as skeleton
    from pages import _frame

    for lang in ("zh", "en"):
        (shown,) = skeleton.body(_frame.NOWHERE, lang)
        assert 0 < sum(1 for _ in shown._traverse()) < 300


def test_four_questions_make_the_list(state: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    asked_for: list[str] = []
    execute = psycopg.Connection.execute
    monkeypatch.setattr(
        psycopg.Connection,
        "execute",
        lambda self, query, *more, **named: (
            asked_for.append(str(query)),
            execute(self, query, *more, **named),
        )[1],
    )
    asked(state, state="all")
    assert len(asked_for) <= 6
