"""Does the page of sources say what the ledger says?"""

from datetime import UTC, datetime

import pytest

from data import db, live
from data.live import Ask, Subject
from data.store import sources
from data.store.sources import Tally

pytestmark = pytest.mark.usefixtures("flask_app", "fresh")
ROOT = Subject("", "99/")


def asked(lang: str = "zh") -> dict[str, object]:
    return live.page("sources").state(ROOT, Ask("guest", lang))


def test_a_feeds_day_is_its_ledger() -> None:
    with db.transaction() as conn:
        sources.know(conn, "pumps", "sensing")
        sources.book(
            conn, "pumps", Tally(stored=7, same=2, rejected=3, reasons={"future": 1, "bad_value": 2})
        )
    found = asked()
    row = next(row for row in found["rows.sensing"] if row["id"] == "pumps")
    assert row["day"] == {"received": 12, "stored": 7, "same": 2, "rejected": 3}
    assert row["reasons"] == [{"code": "bad_value", "n": 2}, {"code": "future", "n": 1}]
    assert row["hours"] == [None] * 23 + [12] and row["rate"] == 12
    assert found["text.received"] == 12 and found["text.feeds"] == 1


def test_what_came_days_ago_is_not_of_today() -> None:
    with db.transaction() as conn:
        sources.know(conn, "archive", "government")
        sources.book(conn, "archive", Tally(stored=5), datetime(2020, 7, 6, tzinfo=UTC))
    row = asked()["rows.government"][0]
    assert row["day"]["received"] == 0 and row["rate"] == 0


def test_the_keys_are_the_same_on_an_empty_city_and_in_english() -> None:
    empty = set(asked())
    with db.transaction() as conn:
        sources.know(conn, "hotline", "society")
    assert set(asked("en")) == empty
