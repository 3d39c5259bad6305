"""A world for a module's seeds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.world import CITY, World, world


@pytest.fixture(scope="session")
def simulated_template(make_template: Callable[[str, Path], str]) -> str:
    return make_template("three_districts", CITY)


@pytest.fixture(scope="module")
def here(clone: Any, simulated_template: str) -> Iterator[World]:
    with clone(simulated_template), world() as made:
        yield made
