"""Who is let in, from where, and what does everybody else hear?"""

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import V1, a_report, is_problem
from tests.conftest import environment


@pytest.mark.parametrize("host", ["localhost:8050", "127.0.0.1", "127.3.4.5:8050", "[::1]:8050"])
def test_loopback_is_served_under_its_own_names(shared: FlaskClient, host: str) -> None:
    assert shared.get(f"{V1}/places/99", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "10.0.0.1:8050", "127.0.0.1.evil.example", "localhost.evil"]
)
@pytest.mark.parametrize("path", [f"{V1}/places/99", "/overview/99", "/healthz"])
def test_another_host_is_refused_everywhere(shared: FlaskClient, host: str, path: str) -> None:
    assert is_problem(shared.get(path, headers={"Host": host}), 400, "bad_host")


def test_the_public_address_is_served(shared: FlaskClient) -> None:
    with environment(CITYOPS_PUBLIC_URL="https://city.example"):
        assert shared.get("/healthz", headers={"Host": "city.example"}).status_code == 200
        assert shared.get("/healthz", headers={"Host": "other.example"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [f"{V1}/incidents", "/_dash-update-component"])
def test_writing_from_another_site_is_refused(
    shared: FlaskClient, bearer: dict[str, str], headers: dict[str, str], path: str
) -> None:
    assert is_problem(shared.post(path, json={}, headers={**bearer, **headers}), 403, "bad_origin")


def test_writing_from_our_own_pages_is_taken(client: FlaskClient, bearer: dict[str, str]) -> None:
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    assert client.post(f"{V1}/incidents", json=a_report(), headers={**bearer, **own}).status_code == 201


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer ", "Basic x", "wrong", "Bearer ü"])
def test_a_bad_token_is_401_even_for_reading(shared: FlaskClient, given: str) -> None:
    answer = shared.get(f"{V1}/places/99", headers={"Authorization": given})
    assert is_problem(answer, 401, "no_token")


def test_where_others_may_reach_us_reading_needs_the_token_too(
    shared: FlaskClient, bearer: dict[str, str]
) -> None:
    with environment(CITYOPS_ALLOW_REMOTE="1", CITYOPS_DEMO="0"):
        assert is_problem(shared.get(f"{V1}/places/99"), 401, "no_token")
        assert is_problem(shared.get("/overview/99"), 401, "no_token")
        assert shared.get(f"{V1}/places/99", headers=bearer).status_code == 200
        for path in ("/healthz", "/metrics", "/api/openapi.json"):
            assert shared.get(path).status_code == 200
        elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
        assert shared.get("/healthz", environ_base=elsewhere).status_code == 200
        assert shared.get("/metrics", environ_base=elsewhere).status_code == 401


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
@pytest.mark.parametrize("path", ["/api/nothing", f"{V1}/nothing", f"{V1}/places/99/x", "/api/v2/places/99"])
def test_an_unknown_address_is_404_by_any_method(
    shared: FlaskClient, bearer: dict[str, str], method: str, path: str
) -> None:
    assert is_problem(getattr(shared, method)(path, headers=bearer), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "places/99"),
        ("delete", "incidents"),
        ("put", "readings"),
        ("get", "readings"),
        ("patch", "signs"),
    ],
)
def test_another_method_is_405(shared: FlaskClient, bearer: dict[str, str], method: str, path: str) -> None:
    answer = getattr(shared, method)(f"{V1}/{path}", headers=bearer)
    assert is_problem(answer, 405, "method_not_allowed") and "Allow" in answer.headers


def test_pages_keep_their_own_words(shared: FlaskClient) -> None:
    assert shared.get("/overview/99").data == b"a page"


def test_nothing_of_the_api_is_kept_in_between(shared: FlaskClient) -> None:
    answer = shared.get(f"{V1}/places/99")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
