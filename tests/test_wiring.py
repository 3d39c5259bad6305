"""Do callbacks name what is on screen, and does every address open at every tier?"""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from flask import Flask
from flask.testing import FlaskClient

from data import db, live
from data.domain.rights import GUEST, Viewer
from data.store import migrations
from tests.conftest import Postgres, pointed_at

TIERS = {1: "99", 2: "9901", 3: "9901-1", 4: "9901-1-1", 5: "9901-1-1-1"}
SIGN = "W2"
VIEWER = Viewer(root="", rights=GUEST)


@pytest.fixture(scope="module")
def client(fresh_module: str, flask_app: Flask) -> FlaskClient:
    return flask_app.test_client()


def subjects(name: str) -> list[str]:
    """What the page may be asked about, one a tier."""
    if name == "sources":
        return [""]
    return [f"{SIGN}/{code}" if name == "sign" else code for code in TIERS.values()]


def ids_in(component: object) -> Iterator[str]:
    if isinstance(component, dict):
        if isinstance(component.get("id"), str):
            yield component["id"]
        for value in component.values():
            yield from ids_in(value)
    elif isinstance(component, list):
        for value in component:
            yield from ids_in(value)


def test_every_page_of_the_product_is_registered(client: FlaskClient) -> None:
    assert {page.name for page in live.pages()} == {
        "overview",
        "signs",
        "sign",
        "incidents",
        "sources",
        "wall",
    }


def test_callbacks_name_only_ids_on_screen(client: FlaskClient) -> None:
    callbacks = client.get("/_dash-dependencies").get_json()
    named = {part["id"] for callback in callbacks for part in callback["inputs"] + callback["state"]}
    config = client.get("/overview/99").get_data(as_text=True)
    on_screen = set(re.findall(r'"id":"([^"]+)"', config))
    fixed = {name for name in named if not name.startswith("{")}
    assert fixed and fixed <= on_screen


def test_every_address_opens_at_every_tier_in_both_languages(client: FlaskClient) -> None:
    for page in live.pages():
        for subject in subjects(page.name):
            for lang in live.registry.LANGUAGES:
                address = f"/{page.name}/{subject}".rstrip("/")
                assert client.get(f"{address}?lang={lang}").status_code == 200, address


def test_a_state_has_the_same_keys_at_every_tier_and_in_every_language(client: FlaskClient) -> None:
    for page in live.pages():
        keys = {
            frozenset(live.answer(page.name, subject, VIEWER, {"lang": lang})[0]["state"])
            for subject in subjects(page.name)
            for lang in live.registry.LANGUAGES
        }
        assert len(keys) == 1, page.name


@pytest.mark.parametrize(
    "address",
    ["/nothing", "/overview/none", "/sign/none/99", "/sign/W2/none", "/sources/99", "/overview/99/more"],
)
def test_an_unknown_address_is_not_found(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404 and "text/html" in answer.content_type


def test_the_root_leads_to_the_whole_city(client: FlaskClient) -> None:
    answer = client.get("/?lang=en")
    assert answer.status_code == 302 and answer.location.endswith("/overview/99?lang=en")


def test_before_a_city_is_loaded_a_page_says_so_and_asks_again(postgres: Postgres, flask_app: Flask) -> None:
    with closing(postgres.admin()) as admin:
        admin.execute("CREATE DATABASE empty_city OWNER cityops_owner")
    with pointed_at(postgres, "empty_city"):
        with closing(db.owner()) as conn:
            migrations.migrate(conn)
        answer = flask_app.test_client().get("/overview/99")
    assert answer.status_code == 503 and answer.headers["Refresh"]
