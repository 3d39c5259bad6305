"""GET state: what does a page show, as data?"""

from http import HTTPStatus

from flask import Response, g, request
from flask_openapi3.blueprint import APIBlueprint
from pydantic import BaseModel

from data import live
from data.api import shapes
from data.api.problem import answer

api = APIBlueprint("state", __name__, url_prefix="/api/v1")


class PagePath(BaseModel):
    page: str


class SubjectPath(PagePath):
    subject: str


@api.get("/state/<page>", responses=shapes.state())
def state_of_page(path: PagePath) -> Response:
    """The state of a page that is about the whole city; query parameters are the page's filters."""
    return _state(path.page, "")


@api.get("/state/<page>/<path:subject>", responses=shapes.state())
def state(path: SubjectPath) -> Response:
    """The state of a page about a subject; query parameters are the page's filters."""
    return _state(path.page, path.subject)


def _state(page: str, subject: str) -> Response:
    found, etag = live.answer(page, subject, g.viewer, request.args.to_dict())
    if found["room"] != "ample":  # a screen that polls must hear of it
        etag = f"{etag}.{found['room']}"
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": f'W/"{etag}"',
    }  # weak: compression leaves it alone
    if request.if_none_match.contains_weak(etag):
        return Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return answer(found, headers=headers)
