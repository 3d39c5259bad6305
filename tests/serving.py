"""For gunicorn alone: what does the application hear of a request, and what if it answers much or late?"""

import time

from flask import Flask, Response, request

server = Flask("serving", static_folder=None)
BLOCK = b"x" * 65_536


@server.route("/heard", methods=["GET", "POST"])
def heard() -> dict[str, object]:
    return {
        "body": request.get_data().decode(), "peer": request.remote_addr, "url": request.url,
        "forwarded": request.headers.get("X-Forwarded-For"),
    }  # fmt: skip


@server.post("/counted")
def counted() -> str:
    return str(len(request.get_data()))


@server.get("/much/<int:blocks>")
def much(blocks: int) -> Response:
    return Response(BLOCK for _ in range(blocks))


@server.get("/late/<float:seconds>")
def late(seconds: float) -> str:
    time.sleep(seconds)
    return "late"
