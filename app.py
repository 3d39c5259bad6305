"""What runs? `python app.py` runs everything; `server` is the web application that gunicorn serves."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dash import Dash


def create() -> "Dash":
    """The pages, the live path, the API and the commands on one Flask server."""
    import dash_leaflet  # noqa: F401  a library must be known before the first page asks for it
    from dash import Dash

    from data import api, cli, live
    from data.config import log
    from pages import _frame, _guard, _policy, _shapes, _start

    log.mount()
    app = Dash(
        __name__,
        use_pages=True,
        title="城运",
        update_title="",
        compress=True,
        enable_mcp=False,
        index_string=_frame.INDEX,
    )
    app.layout = _frame.shell
    api.mount(app.server)
    live.mount(app.server)
    cli.mount(app.server)
    _shapes.mount(app)
    _guard.mount(app)
    _policy.csp(app)
    _start.mount(app)
    return app


if __name__ == "__main__":
    from data import supervise

    raise SystemExit(supervise.run())

app = create()
server = app.server
