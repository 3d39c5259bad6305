"""Who may come in while Dash is still getting ready?"""

from threading import Lock

from dash import Dash
from flask import g


def mount(app: Dash) -> None:
    """Dash lists layouts and callbacks at its first request, and lets others in before it has finished:
    a page opened then knows none of them. The first request goes alone; mount it after everything else."""
    server, alone = app.server, Lock()
    done: list[bool] = []

    def enter() -> None:
        if not done:
            alone.acquire()
            g.goes_alone = True

    def leave(_error: BaseException | None = None) -> None:
        if g.pop("goes_alone", False):
            alone.release()

    def ready() -> None:
        done.append(True)
        leave()

    server.before_request_funcs.setdefault(None, []).insert(0, enter)
    server.before_request(ready)
    server.teardown_request(leave)
