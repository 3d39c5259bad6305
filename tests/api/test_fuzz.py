"""Does any question that the description allows, or forbids, bring a 5xx or an answer of another shape?"""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

EXAMPLES = [8, pytest.param(800, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])]
NOT_ASKED = [positive_data_acceptance]  # most codes name nothing in this city
OPERATIONS = [
    ("GET", "places"), ("GET", "places/{code}"), ("GET", "assets"), ("GET", "signs"),
    ("GET", "signs/{code}/children"), ("GET", "signs/{code}/series"), ("POST", "readings"),
    ("GET", "incidents"),
    ("GET", "incidents/counts"), ("GET", "incidents/{id}"), ("POST", "incidents"), ("GET", "state/{page}"),
    ("GET", "state/{page}/{subject}"), ("GET", "sources"),
]  # fmt: skip
CASES = [
    pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
    for method, path in OPERATIONS
    for mode in GenerationMode
    if not (mode is GenerationMode.NEGATIVE and path.startswith("state/"))  # any text is a page's name
]


# A thread of the pool draws a random pause, which Hypothesis takes for the strategy's.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_it_holds(
    server: Flask,
    fresh_module: str,
    bearer: dict[str, str],
    record_property: Any,
    examples: int,
    method: str,
    path: str,
    mode: GenerationMode,
) -> None:
    asked = 0
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", server)
    operation = schema[f"/api/v1/{path}"][method]

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        case.call_and_validate(headers=bearer, excluded_checks=NOT_ASKED)

    holds()
    if examples > 100:
        record_property("requests", asked)
