"""Does the description name every address and hold for every answer?"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from tests.api.conftest import V1

Report = Callable[..., Any]


@pytest.fixture
def spec(shared: FlaskClient) -> dict[str, Any]:
    answer = shared.get("/api/openapi.json")
    assert answer.status_code == 200
    return answer.get_json()


def test_every_route_of_the_api_is_described(server: Flask, spec: dict[str, Any]) -> None:
    routes = {
        rule.rule.replace("<path:", "{").replace("<", "{").replace(">", "}")
        for rule in server.url_map.iter_rules()
        if rule.rule.startswith(V1)
    }
    assert set(spec["paths"]) == routes


def test_what_is_posted_is_described(spec: dict[str, Any]) -> None:
    bodies = {
        path: methods["post"]["requestBody"]["content"]
        for path, methods in spec["paths"].items()
        if "post" in methods
    }
    incident = bodies[f"{V1}/incidents"]["application/json"]["schema"]
    assert set(incident["required"]) == {"source", "source_id", "class", "description", "at"}
    assert set(bodies[f"{V1}/readings"]) == {"application/json", "application/x-ndjson"}


def test_nothing_in_an_address_is_null(spec: dict[str, Any]) -> None:
    described = [
        (f"{path}?{parameter['name']}", parameter["schema"])
        for path, methods in spec["paths"].items()
        for parameter in methods.get("get", {}).get("parameters", [])
    ]
    assert len(described) > 50
    assert [name for name, schema in described if "type" not in schema or "null" in str(schema)] == []


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            return [node["$ref"] for _ in {"$ref"} & set(node)] + [
                r for value in node.values() for r in references(value)
            ]
        return [r for value in node for r in references(value)] if isinstance(node, list) else []

    for reference in references(spec):
        found: Any = spec
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("places?q=99", "places"), ("places/99?geometry=1", "places/{code}"), ("assets?place=99", "assets"),
        ("signs?place=99", "signs"), ("signs/W2/children?place=99", "signs/{code}/children"),
        ("signs/W2/series?place=99", "signs/{code}/series"), ("incidents?place=99", "incidents"),
        ("incidents/counts?place=99&by=class", "incidents/counts"), ("sources?hours=24", "sources"),
    ],
)  # fmt: skip
def test_answers_have_the_shape_that_is_described(
    client: FlaskClient, report: Report, spec: dict[str, Any], path: str, route: str
) -> None:
    report()
    schema = spec["paths"][f"{V1}/{route}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    answer = client.get(f"{V1}/{path}").get_json()
    whole = {**schema, "components": spec["components"]}
    assert [error.message for error in Draft202012Validator(whole).iter_errors(answer)] == []
