"""GET sources: which feeds speak, and what became of what they sent?"""

from flask import Response
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field

from data.api import shapes, table
from data.api.asked import Format, Query
from data.api.problem import answer
from data.queries import city, sources

api = APIBlueprint("sources", __name__, url_prefix="/api/v1")
COLUMNS = ("feed", "kind", "simulated", "first_at", "last_at", "received", "stored", "same", "rejected")


class Feeds(Query):
    hours: int | None = Field(default=None, ge=1, le=24 * 14)
    format: Format = "json"


@api.get("/sources", responses=shapes.found(shapes.Sources))
def feeds(query: Feeds) -> Response:
    """Every feed with its ledger: received = stored + same + rejected."""
    found = sources.feeds(query.hours)
    if query.format == "json":
        return answer(found)
    root = city.city_row()["root"]
    return table.export("sources", root, COLUMNS, [found["items"]])
