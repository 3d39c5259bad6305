"""GET assets: which things stand in a place?"""

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint

from data.api import shapes
from data.api.asked import Code, Paged, Text
from data.api.problem import answer
from data.queries import places

api = APIBlueprint("assets", __name__, url_prefix="/api/v1")


class Standing(Paged):
    place: Code
    kind: Text | None = None


@api.get("/assets", responses=shapes.found(shapes.Assets))
def assets(query: Standing) -> Response:
    """At or below a place, in code order."""
    return answer(
        places.standing_assets(
            g.viewer, query.place, kind=query.kind, limit=query.limit, after=query.after or ""
        )
    )
