"""Does a city stay right through whatever happens to it?"""

from collections.abc import Iterable

import pytest

from tests.simulation.run import run
from tests.simulation.shrink import shrunk, told
from tests.simulation.world import World


def failures(here: World, seeds: Iterable[int]) -> list[str]:
    """The first three, in words."""
    found = [failure for seed in seeds if (failure := run(here, seed)) is not None]
    return [told(*shrunk(here, failure, seconds=20)) for failure in found[:3]]


@pytest.mark.parametrize(
    "seeds",
    [range(n, n + 10) for n in range(0, 100, 10)]
    + [pytest.param(range(100, 1000), marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
    ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}",
)
def test_a_city_lives_through_every_seed(here: World, seeds: range) -> None:
    assert failures(here, seeds) == []
