"""How is the API described (OpenAPI)?"""

from collections.abc import Iterable
from typing import Any

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from data.api import shapes
from data.api.incidents import Body
from data.config import build

_V1 = "/api/v1"
_READING = {
    "type": "object",
    "required": ["sign", "at", "value"],
    "properties": {
        "sign": {"type": "string"},
        "place": {"type": "string"},
        "asset": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "value": {"type": "number"},
    },
    "additionalProperties": False,
}


def described(nouns: Iterable[APIBlueprint]) -> dict[str, Any]:
    described = OpenAPI(
        "description",
        info=Info(title="CityOps", version=build()),
        security_schemes={"token": {"type": "http", "scheme": "bearer"}},
        validation_error_model=shapes.Problem,
        doc_ui=False,
    )
    for noun in nouns:
        described.register_api(noun)
    spec: dict[str, Any] = described.api_doc
    _add_bodies(spec)
    for path in ("/incidents", "/signs", "/signs/{code}/children", "/signs/{code}/series", "/sources"):
        shapes.with_csv(spec["paths"][f"{_V1}{path}"]["get"])
    return spec


def _add_bodies(spec: dict[str, Any]) -> None:
    """Bodies are read by our own parser, so that the library does not see them."""
    readings = {
        "application/json": {"schema": {"type": "array", "minItems": 1, "items": _READING}},
        "application/x-ndjson": {"schema": {"type": "string"}},
    }
    incident = {"application/json": {"schema": Body.model_json_schema(by_alias=True)}}
    for noun, content in (("readings", readings), ("incidents", incident)):
        spec["paths"][f"{_V1}/{noun}"]["post"]["requestBody"] = {"required": True, "content": content}
