"""How do programs reach the city? HTTP in and out, its description, and the machine's own addresses."""

from flask import Flask
from flask_openapi3.blueprint import APIBlueprint

from data.api import assets, guard, health, incidents, places, problem, readings, signs, sources, state
from data.api.description import described

NOUNS = (places, assets, signs, readings, incidents, state, sources)


def mount(server: Flask) -> None:
    """Guards every route of the server, Dash's too, and adds the API, /healthz, /readyz and /metrics."""
    guard.mount(server)
    problem.mount(server)
    v1 = [noun.api for noun in NOUNS]
    for api in v1:
        server.register_blueprint(api)
    server.register_blueprint(health.machine)
    server.register_blueprint(_documentation(v1))


def _documentation(v1: list[APIBlueprint]) -> APIBlueprint:
    documentation = APIBlueprint("documentation", __name__, doc_ui=False)
    description = described(v1)
    documentation.add_url_rule("/api/openapi.json", "openapi", lambda: problem.answer(description))
    return documentation
