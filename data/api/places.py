"""GET places: which place is meant, and what lies in it?"""

from flask import Response, g
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from data.api import shapes
from data.api.asked import CodePath, Paged, Query, Text
from data.api.problem import answer
from data.queries import places

api = APIBlueprint("places", __name__, url_prefix="/api/v1")


class Search(Paged):
    q: Text
    limit: int = Field(default=20, ge=1, le=500)


class Look(Query):
    geometry: bool = False


@api.get("/places", responses=shapes.found(shapes.PlaceSearch))
def search(query: Search) -> Response:
    """Search by name, pinyin or code."""
    return answer(places.search(query.q, limit=query.limit, after=query.after))


@api.get("/places/<code>", responses=shapes.found(shapes.Place))
def place(path: CodePath, query: Look) -> Response:
    """One place with its ancestors and children."""
    found = places.seen(g.viewer, path.code)
    if query.geometry:
        found = {**found, "geometry": places.geometry(g.viewer, path.code)}
    return answer(found)
