"""The API alone for gunicorn, and beside it a table that breaks in its middle."""

from collections.abc import Iterator

from flask import Flask, Response

from data import api
from data.api import table

server = Flask("wire", static_folder=None)
api.mount(server)


@server.get("/broken")
def broken() -> Response:
    return table.export("test", "99", ("n",), _breaking())


@server.get("/whole")
def whole() -> Response:
    return table.export("test", "99", ("n",), [[{"n": 1}], [{"n": 2}]])


def _breaking() -> Iterator[list[dict[str, int]]]:
    yield [{"n": n} for n in range(10_000)]
    raise ConnectionError("the database went away")
