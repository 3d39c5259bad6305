"""Does the checker find what was lost, doubled or made up, and nothing else?"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.history import REPORTS, Call, History, Row, check, compare, told, writing
from tests.faults.house import House
from tests.waiting import until

AT = datetime(2026, 7, 1, tzinfo=UTC)
KEY = ("W2", "flood-1", AT)


def call(value: object, outcome: str, status: int | None, began: float = 1.0) -> Call:
    return Call(0, began, began + 0.1, (Row(KEY, value),), (outcome,), status, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("calls", "found", "what"),
    [
        ([call(1.0, "ok", 200)], [1.0], ""),
        ([call(1.0, "ok", 200)], [], "lost"),
        ([call(1.0, "ok", 200)], [2.0], "2.0 is stored"),
        ([call(1.0, "ok", 200)], [1.0, 1.0], "2 times"),
        ([call(1.0, "refused", 422)], [], ""),
        ([call(1.0, "refused", 422)], [1.0], "1.0 is stored"),
        ([call(1.0, "unknown", None)], [], ""),
        ([call(1.0, "unknown", None)], [1.0], ""),
        ([call(1.0, "unknown", None), call(1.0, "ok", 200, 2.0)], [1.0], ""),
        ([call(1.0, "unknown", None), call(1.0, "ok", 200, 2.0)], [], "lost"),
        ([call(1.0, "ok", 200), call(2.0, "refused", 422, 2.0)], [1.0], ""),
        ([call(1.0, "ok", 200), call(2.0, "refused", 422, 2.0)], [2.0], "2.0 is stored"),
        ([call(1.0, "ok", 200), call(2.0, "ok", 200, 2.0)], [1.0], "two values were acknowledged"),
        ([], [1.0], "nobody sent it"),
    ],
)
def test_what_was_answered_and_what_is_stored_agree_or_not(
    calls: list[Call], found: list[object], what: str
) -> None:
    broken = compare(History(1, calls=calls), {KEY: found} if found else {})
    assert [what in one.what for one in broken] == ([True] if what else []), broken


def test_the_shortest_history_is_told_first_with_the_seed() -> None:
    other = ("W2", "flood-2", AT)
    calls = [
        call(1.0, "unknown", None),
        call(1.0, "ok", 200, 2.0),
        Call(1, 3, 3.1, (Row(other, 5.0),), ("ok",), 200, ""),
    ]
    words = told(17, compare(History(17, calls=calls), {})).splitlines()
    assert words[0].startswith("seed 17: 2 keys")
    assert "flood-2" in words[1] and "client 1" in words[2] and "flood-1" in words[3] and len(words) == 6


def test_what_was_never_answered_is_known_until_it_is() -> None:
    history = History(1, calls=[call(1.0, "ok", 200), call(1.0, "unknown", 503, 2.0)])
    assert history.unanswered() == [KEY]
    history.calls.append(call(1.0, "ok", 200, 3.0))
    assert history.unanswered() == []


def test_a_history_without_a_write_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="nothing was acknowledged"):
        check(House(tmp_path), History(1))


def test_a_write_that_nobody_answers_is_found(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="never answered"),
        writing(House(tmp_path), clients=1, url="http://127.0.0.1:1", patience=1) as history,
    ):
        until(lambda: history.calls, 5, "it asks")


@pytest.mark.slow
def test_what_is_planted_in_a_real_database_is_found(house: House) -> None:
    with writing(house, seed=5, clients=3) as history:
        until(lambda: history.answers.keys() >= {200, 201, 422}, 30, "some is taken and some refused")
    house.until_folded()
    check(house, history)
    house.sql("UPDATE ledger SET stored = stored + 1, received = received + 1 WHERE feed = %s", REPORTS)
    with pytest.raises(AssertionError, match="the ledger says"):
        check(house, history)
    series, at = house.sql("SELECT r.id, r.at FROM reading r LIMIT 1")[0]
    house.sql("DELETE FROM reading WHERE id = %s AND at = %s", series, at)
    with pytest.raises(AssertionError, match=r"(?s)seed 5: 1 keys.*acknowledged and is lost"):
        check(house, history)
    house.sql("INSERT INTO reading VALUES (%s, %s, 0.5, now())", series, at)
    with pytest.raises(AssertionError, match=r"0\.5 is stored, not one of"):
        check(house, history)
