"""Which outlines does a map draw? Served apart from the state, so that a browser keeps them."""

from hashlib import blake2b
from typing import Any

import orjson
from dash import Dash
from flask import Blueprint, Response, request

from data import live
from data.queries import city, places

blueprint = Blueprint("shapes", __name__, url_prefix="/shapes")


@blueprint.get("/<code>")
def cells(code: str) -> Response:
    """The children of a place; of a place without children, its own cell."""
    found = places.outlines(live.viewer(), code)
    below = [row for row in found if row["code"] != code] or found
    return _answer(
        [_feature(row["outline"], {key: row[key] for key in ("code", "name", "schematic")}) for row in below]
    )


@blueprint.get("/<code>/ground")
def ground(code: str) -> Response:
    """Water, and the place's own outline."""
    own = [row for row in places.outlines(live.viewer(), code) if row["code"] == code]
    layer = city.base_layer() or {"features": []}
    outline = [_feature(row["outline"], {"kind": "outline"}) for row in own]
    return _answer([*layer["features"], *outline])


def _feature(geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _answer(features: list[dict[str, Any]]) -> Response:
    body = orjson.dumps({"type": "FeatureCollection", "features": features})
    answer = Response(body, content_type="application/geo+json")
    answer.set_etag(blake2b(body, digest_size=12).hexdigest())
    answer.headers["Cache-Control"] = "private, max-age=300"
    answer.make_conditional(request)
    return answer


def mount(app: Dash) -> None:
    app.server.register_blueprint(blueprint)
