"""Does the simulation notice when a city is not right, and tell it in few steps?"""

from unittest.mock import patch

import pytest

from data.store import buckets, news, spans
from tests.simulation.run import Failure, run
from tests.simulation.shrink import shrunk, told
from tests.simulation.world import World

PLANTED = {
    "nobody is told": patch.object(news, "tell", lambda *args: None),
    "days end at midnight in Greenwich": patch.object(buckets, "zone", lambda conn: "UTC"),
    "a case is in two states at once": patch.object(spans, "close", lambda *args: None),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found_and_told_in_few_steps(here: World, planted: str) -> None:
    with PLANTED[planted]:
        failure = _first_of(here, range(40))
        small, steps = shrunk(here, failure, seconds=3)
        again = run(here, small.seed, steps)
    assert len(steps) <= failure.step + 1
    assert again is not None and again.kind == failure.kind
    assert f"seed {failure.seed} fails at step" in told(small, steps)
    assert run(here, small.seed, steps) is None  # without the fault


def _first_of(here: World, seeds: range) -> Failure:
    return next(failure for seed in seeds if (failure := run(here, seed)) is not None)
