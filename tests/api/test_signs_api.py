"""Are signs, children and series asked by the contract's parameters and refused by name?"""

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import V1, is_problem

SIGN = {
    "code", "name", "domain", "unit", "tier", "kind", "weight", "value", "at", "expires", "status", "live",
    "expected", "from", "source", "simulated",
}  # fmt: skip


def test_the_board_holds_the_whole_catalogue(shared: FlaskClient) -> None:
    found = shared.get(f"{V1}/signs?place=99").get_json()
    assert set(found) == {"place", "at", "live", "expected", "signs"}
    assert all(set(sign) == SIGN for sign in found["signs"])
    assert found["expected"] == sum(sign["expected"] for sign in found["signs"])


def test_children_come_in_code_order(shared: FlaskClient) -> None:
    found = shared.get(f"{V1}/signs/W2/children?place=99").get_json()
    assert [item["place"] for item in found["items"]] == ["9901", "9902"]
    assert all(set(item) == SIGN | {"place"} for item in found["items"])


def test_a_series_without_readings_is_a_gap(shared: FlaskClient) -> None:
    found = shared.get(f"{V1}/signs/W2/series?asset=flood-1").get_json()
    assert set(found) == {"sign", "place", "asset", "grain", "from", "to", "unit", "simulated", "points"}
    assert (found["place"], found["asset"], found["grain"], found["points"]) == (
        "9901-1-1",
        "flood-1",
        "raw",
        [],
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("signs", 422, "missing_field"), ("signs?place=nowhere", 422, "unknown_place"),
        ("signs/XX/children?place=99", 404, "unknown_sign"),
        ("signs/W2/children?place=x", 422, "unknown_place"),
        ("signs/XX/series?place=99", 404, "unknown_sign"), ("signs/W2/series", 422, "missing_field"),
        ("signs/W2/series?place=99&asset=flood-1", 422, None),
        ("signs/W2/series?asset=x", 422, "unknown_asset"),
        ("signs/W2/series?place=99&grain=raw", 422, "wrong_tier"),
        ("signs/W2/series?place=99&grain=week", 422, "bad_value"),
        ("signs/W2/series?place=99&from=2020-01-01T00:00:00", 422, "no_zone"),
        ("signs/W2/series?place=99&from=now", 422, "bad_time"),
        ("signs/W2/series?place=99&to=0001-01-01T12:00:00Z", 422, "bad_time"),
        ("signs/W2/series?place=99&from=2021-01-01T00:00:00Z&to=2020-01-01T00:00:00Z", 422, "bad_value"),
        ("signs?place=99&limit=5", 422, "extra_field"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_by_name(
    shared: FlaskClient, path: str, status: int, code: str | None
) -> None:
    answer = shared.get(f"{V1}/{path}")
    assert is_problem(answer, status, code or answer.get_json(force=True)["code"])
