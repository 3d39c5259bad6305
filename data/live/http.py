"""How does a browser get its stream?"""

import socket
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from flask import Blueprint, Flask, Response, g, request

from data import config
from data.db import OUTAGE
from data.domain.peer import counted
from data.domain.refusal import Refusal
from data.domain.rights import GUEST, Viewer
from data.live import registry
from data.live.events import HEAD
from data.live.hub import Hub, hub
from data.live.quota import Quota
from data.live.registry import Ask, Page
from data.live.stream import Stream
from data.live.writer import Viewer as Watcher

SEND_BUFFER = 262_144

blueprint = Blueprint("live", __name__)
quota = Quota()


def viewer() -> Viewer:
    """Who the guard of this request found; without one, the guest who may read everything on loopback."""
    found: Viewer = g.get("viewer") or Viewer(root="", rights=GUEST)
    return found


@blueprint.get("/live")
def live() -> Response:
    given = request.args.to_dict()
    page = registry.page(given.pop("page", ""))
    text, etag = given.pop("subject", ""), given.pop("etag", "")
    ask = registry.ask(page, viewer(), given)
    if "gunicorn.socket" not in request.environ:
        raise Refusal(
            "no_stream",
            "此服务器没有实时通道，请轮询",
            "this server has no live stream, poll instead",
            status=501,
        )
    address = counted(request.remote_addr or "")
    with ExitStack() as held:
        quota.take(address, config.settings().caps.streams)
        held.callback(quota.free, address)
        stream = _stream(page, text, ask)
        return TakeResponse(hub(), stream, etag, held.pop_all())


def _stream(page: Page, text: str, ask: Ask) -> Stream:
    """Without a database those who were let in before see the last picture and the word that it is old."""
    try:
        hub().check_database()
        return hub().stream(page, page.subject(text, viewer()), ask)
    except OUTAGE as away:
        known = hub().find(page, text, ask)
        if known is None or known.answer is None:
            raise Refusal(
                "no_database", "数据库暂不可用", "the database is away", status=503, retry_after=5
            ) from away
        known.want()
        return known


class TakeResponse(Response):
    """Takes the accepted socket out of gunicorn's hands into the writer's. Rests on the environ key
    `gunicorn.socket`, which is not a documented interface: gunicorn is pinned and a test watches it."""

    def __init__(self, hub: Hub, stream: Stream, etag: str, held: ExitStack) -> None:
        super().__init__(mimetype="text/event-stream")
        self._hub = hub
        self._stream = stream
        self._etag = etag
        self._held = held

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._held, self._stream.lock:
            first = HEAD + self._hub.first_words(self._stream, self._etag)
            watcher = Watcher(_taken(environ["gunicorn.socket"]), self._left(self._held.pop_all()))
            self._stream.viewers.add(watcher)
            self._hub.writer.adopt(watcher, first)
        raise StopIteration  # gunicorn: the connection is somebody else's now, write nothing

    def _left(self, held: ExitStack) -> Callable[[Watcher], None]:
        def left(watcher: Watcher) -> None:
            held.close()
            self._stream.leave(watcher)

        return left


def _taken(accepted: socket.socket) -> socket.socket:
    """gunicorn keeps a dead object, whose close does nothing."""
    taken = socket.socket(fileno=accepted.detach())
    taken.setblocking(False)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return taken


def mount(server: Flask) -> None:
    server.register_blueprint(blueprint)
