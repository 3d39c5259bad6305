"""Does a case count in every place above it and in no other, however it is asked?"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import live
from tests.api.conftest import NOW, V1, sent

CHAIN = ("99", "9901", "9901-1", "9901-1-1", "9901-1-1-1")
BESIDE = ("9902", "9901-2", "9901-1-2", "9901-1-1-2")
CONTRACTED = {
    "text.live", "text.expected", "text.open", "text.overdue", "rows.signs", "rows.children",
    "rows.incidents", "layer.places",
}  # fmt: skip


@pytest.fixture
def client(app_client: FlaskClient) -> Iterator[FlaskClient]:
    yield app_client
    live.stop()


@pytest.fixture
def report(client: FlaskClient, token: str) -> Callable[..., Any]:
    return partial(sent, client, {"Authorization": f"Bearer {token}"})


def overview(client: FlaskClient, place: str) -> dict[str, Any]:
    answer = client.get(f"{V1}/state/overview/{place}")
    assert answer.status_code == 200, answer.data
    return answer.get_json()["state"]  # type: ignore[no-any-return]


def counts(client: FlaskClient, place: str, by: str, **query: object) -> dict[Any, int]:
    answer = client.get(f"{V1}/incidents/counts", query_string={"place": place, "by": by, **query})
    assert answer.status_code == 200, answer.data
    found = answer.get_json()
    assert found["total"] == sum(item["n"] for item in found["items"])
    assert all(item["n"] > 0 for item in found["items"])
    return {item["key"]: item["n"] for item in found["items"]}


def test_a_case_in_a_grid_is_open_in_its_five_places_and_in_no_sibling(
    client: FlaskClient, report: Callable[..., Any]
) -> None:
    before = {place: overview(client, place)["text.open"] for place in (*CHAIN, *BESIDE)}
    assert report(source_id="1", place="9901-1-1-1").status_code == 201
    for place in CHAIN:
        assert overview(client, place)["text.open"] == before[place] + 1
        assert counts(client, place, "state", state="open") == {"reported": 1}
    for place in BESIDE:
        assert overview(client, place)["text.open"] == before[place]
        assert counts(client, place, "state", state="open") == {}


def test_the_same_case_by_its_point_counts_where_its_cell_lies(
    client: FlaskClient, report: Callable[..., Any]
) -> None:
    found = report(source_id="1", place=..., lon=110.02, lat=30.03).get_json()
    for code in found["path"].rstrip("/").split("/"):
        assert overview(client, code)["text.open"] == 1


def test_every_tier_says_the_same_keys(client: FlaskClient, report: Callable[..., Any]) -> None:
    report(source_id="1", place="9901-1-1-1")
    states = [overview(client, place) for place in CHAIN]
    assert set(states[0]) >= CONTRACTED
    for place, state in zip(CHAIN, states, strict=True):
        assert set(state) == set(states[0]), place
        for name in ("text.live", "text.expected", "text.open", "text.overdue"):
            assert state[name] is None or isinstance(state[name], int | float)


def test_the_overview_counts_what_the_list_and_the_board_say(
    client: FlaskClient, report: Callable[..., Any]
) -> None:
    for number, place in enumerate(("99", "9901", "9901-1", "9901-1-1-1", "9902-1-1-2")):
        report(source_id=str(number), place=place)
    for place in (*CHAIN, *BESIDE):
        state = overview(client, place)
        listed = client.get(f"{V1}/incidents?place={place}&state=open&limit=500").get_json()["items"]
        board = client.get(f"{V1}/signs?place={place}").get_json()
        assert state["text.open"] == len(listed)
        assert (state["text.live"], state["text.expected"]) == (board["live"], board["expected"])
        children = client.get(f"{V1}/places/{place}").get_json()["children"]
        assert [row["id"] for row in state["rows.children"]] == [child["code"] for child in children]


PLACES = (*CHAIN, *BESIDE, "9902-1", "9902-1-1", "9902-1-1-3")
CASES = st.lists(
    st.tuples(
        st.sampled_from(PLACES),
        st.sampled_from(["C0101", "E0110", "E0506", "E9901"]),
        st.sampled_from([1, 2, 3, 4, None]),
        st.integers(0, 300),
    ),
    min_size=1,
    max_size=25,
)
NUMBER = iter(range(1_000_000))


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases=CASES)
def test_what_children_have_and_what_lies_above_them_is_what_the_parent_has(
    client: FlaskClient, report: Callable[..., Any], cases: list[tuple[str, str, int | None, int]]
) -> None:
    """Examples go on on one database: what an earlier one left is counted with the next."""
    for place, kind, severity, minutes in cases:
        answer = report(
            source_id=f"{next(NUMBER)}",
            place=place,
            severity=severity,
            at=(NOW - timedelta(minutes=minutes)).isoformat(),
            **{"class": kind},
        )
        assert answer.status_code == 201, answer.data
    everything = _all(client, "99")
    for place in ("99", "9901", "9901-1", "9901-1-1", "9902"):
        _adds_up(client, place, everything)


def _adds_up(client: FlaskClient, place: str, everything: list[dict[str, Any]]) -> None:
    children = [child["code"] for child in client.get(f"{V1}/places/{place}").get_json()["children"]]
    under = [one for one in everything if f"/{place}/" in f"/{one['path']}"]
    own = [one for one in under if one["place"] == place]
    by_place = counts(client, place, "place")
    assert sum(by_place.values()) == len(under)
    assert by_place.pop(None, 0) == len(own)
    assert by_place == {
        child: n for child in children if (n := sum(f"/{child}/" in f"/{one['path']}" for one in under))
    }
    for by in ("class", "hour", "severity", "state"):
        parts = Counter(_of(by, own))
        for child in children:
            parts.update(counts(client, child, by))
        assert counts(client, place, by) == parts == Counter(_of(by, under)), (place, by)


def _of(by: str, cases: list[dict[str, Any]]) -> list[Any]:
    return [_hour(one["at"]) if by == "hour" else one[by] for one in cases]


def _hour(at: str) -> str:
    moment = datetime.fromisoformat(at).astimezone(ZoneInfo("Asia/Shanghai"))
    return moment.replace(minute=0, second=0, microsecond=0).isoformat()


def _all(client: FlaskClient, place: str) -> list[dict[str, Any]]:
    """Page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        query = {"place": place, "limit": 7, **({"after": after} if after else {})}
        page = client.get(f"{V1}/incidents", query_string=query).get_json()
        found += page["items"]
        after = page["next"]
        if after is None:
            assert len({one["id"] for one in found}) == len(found)
            return found
