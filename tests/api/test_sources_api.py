"""Does the ledger balance on the way out, in all and by the hour?"""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import V1, is_problem

Report = Callable[..., Any]


def test_a_feed_says_what_became_of_everything_it_sent(client: FlaskClient, report: Report) -> None:
    report()
    report()
    report(source_id="2", **{"class": "E0000"})
    (feed,) = client.get(f"{V1}/sources").get_json()["items"]
    assert set(feed) == {
        "feed", "kind", "simulated", "first_at", "last_at", "received", "stored", "same", "rejected",
    }  # fmt: skip
    assert [feed[name] for name in ("received", "stored", "same", "rejected")] == [3, 1, 1, 1]


def test_the_last_hours_are_added_when_asked(client: FlaskClient, report: Report) -> None:
    report()
    (feed,) = client.get(f"{V1}/sources?hours=24").get_json()["items"]
    (hour,) = feed["hours"]
    assert set(hour) == {"hour", "received", "stored", "same", "rejected"} and hour["stored"] == 1


@pytest.mark.parametrize("query", ["hours=0", "hours=x", "hours=100000", "place=99", "limit=3"])
def test_a_bad_question_is_422(shared: FlaskClient, query: str) -> None:
    answer = shared.get(f"{V1}/sources?{query}")
    assert is_problem(answer, 422, answer.get_json(force=True)["code"])
