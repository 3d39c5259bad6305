"""Is a page's state answered as data, once a change?"""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from data import live
from data.domain.rights import Viewer
from data.live import Ask, Page, Subject
from data.queries.places import seen
from tests.api.conftest import V1, is_problem


@pytest.fixture
def page() -> Iterator[Page]:
    def subject(text: str, viewer: Viewer) -> Subject:
        return Subject(text, seen(viewer, text)["path"])

    def state(subject: Subject, ask: Ask) -> dict[str, object]:
        return {"text.where": subject.path, "text.filter": ask.get("severity")}

    page = Page("tested", state, subject, frozenset({"incidents"}), ("severity",))
    live.register(page)
    yield page
    live.stop()
    live.registry._pages.pop("tested")


def test_a_state_is_the_pages_own(client: FlaskClient, page: Page) -> None:
    answer = client.get(f"{V1}/state/tested/9901?severity=1&lang=en")
    found = answer.get_json()
    assert set(found) == {
        "page", "subject", "at", "seq", "build", "lang", "simulated", "now", "worker_at", "room", "state",
    }  # fmt: skip
    assert found["state"] == {"text.where": "99/9901/", "text.filter": "1"}
    assert (found["page"], found["subject"], found["lang"]) == ("tested", "9901", "en")


def test_the_same_state_again_is_304(client: FlaskClient, page: Page) -> None:
    first = client.get(f"{V1}/state/tested/9901")
    again = client.get(f"{V1}/state/tested/9901", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    other = client.get(f"{V1}/state/tested/9902", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("state/nothing/99", 404, "unknown_page"), ("state/tested/nowhere", 404, "unknown_place"),
        ("state/tested/99?colour=red", 422, "extra_field"),
        ("state/tested/99?at=2020-01-01T00:00:00Z", 422, "extra_field"),
        ("state/tested/99?lang=fr", 422, "bad_value"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_by_name(
    client: FlaskClient, page: Page, path: str, status: int, code: str
) -> None:
    assert is_problem(client.get(f"{V1}/{path}"), status, code)
