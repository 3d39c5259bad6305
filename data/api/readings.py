"""POST readings: what was measured?"""

from collections.abc import Iterator
from http import HTTPStatus
from io import BytesIO
from itertools import islice
from typing import Any

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import Field
from werkzeug.exceptions import RequestEntityTooLarge

from data.api import shapes
from data.api.asked import Query, body, parsed
from data.api.problem import answer, error, problem
from data.commands import readings
from data.domain.reading import FIELD_OF
from data.domain.refusal import Refusal

api = APIBlueprint("readings", __name__, url_prefix="/api/v1")
ARRAY, LINES = "application/json", "application/x-ndjson"
MOST_ROWS = 200_000  # more do not fit into a body but as something else than readings


class Sent(Query):
    source: str = Field(default="api", max_length=80, pattern=r"\S")


@api.post("/readings", responses=shapes.taken(), security=[{"token": []}])
def post(query: Sent) -> Response:
    """An array, or one object a line, of `{sign, place | asset, at, value}`."""
    raw = body(ARRAY, LINES)
    rows = list(islice(_lines(raw), MOST_ROWS + 1)) if request.mimetype == LINES else _array(raw)
    if len(rows) > MOST_ROWS:
        raise RequestEntityTooLarge
    if not rows:
        return _refused({"received": 0, "stored": 0, "same": 0, "rejected": 0, "rows": []}, query.lang)
    taken = readings.post(rows, feed=query.source, lang=query.lang)
    return answer(taken) if taken["stored"] or taken["same"] else _refused(taken, query.lang)


def _array(raw: bytes) -> list[Any]:
    """Empty for what is no array: nothing was sent."""
    given = parsed(raw)
    return given if isinstance(given, list) else []


def _lines(raw: bytes) -> Iterator[Any]:
    """None for a broken line, which is refused by itself."""
    for line in BytesIO(raw):
        if line.strip():
            try:
                yield parsed(line)
            except Refusal:
                yield None


def _refused(taken: dict[str, Any], lang: str) -> Response:
    """The same summary, as a problem: nothing was taken."""
    errors = [
        error(row["code"], row["detail"], field=FIELD_OF.get(row["code"]), row=row["row"])
        for row in taken["rows"]
    ]
    said = ("没有任何读数被接受", "no reading was taken")[lang == "en"]
    code = errors[0]["code"] if errors else "bad_value"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, said, errors=errors, **taken)
