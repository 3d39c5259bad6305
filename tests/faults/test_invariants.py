"""Does each invariant of the harness see what breaks it?"""

import signal
import time

import pytest

from tests.faults.history import writing
from tests.faults.house import House
from tests.faults.invariants import MB, Load, flat, gone, load, proven, same_cached


@pytest.mark.parametrize("after", [Load(131 * MB, 50, 20), Load(100 * MB, 59, 20), Load(100 * MB, 50, 25)])
def test_what_grows_is_found(after: Load) -> None:
    flat(Load(100 * MB, 50, 20), Load(129 * MB, 57, 23))
    with pytest.raises(AssertionError, match="I13"):
        flat(Load(100 * MB, 50, 20), after)


@pytest.mark.slow
def test_a_house_that_was_only_used_is_whole_and_leaves_nothing(house: House) -> None:
    before = load(house)
    with writing(house, seed=1, clients=2) as history:
        time.sleep(1)
    proven(house, history)
    flat(before, load(house), rss_mb=100, fds=64, threads=32)  # what is opened at first use
    house.stop()
    gone(house)


def test_what_outlives_a_stop_is_found(shared_house: House) -> None:
    shared_house.kill("worker", signal.SIGSTOP)
    with pytest.raises(AssertionError, match="I12"):
        gone(shared_house)
    shared_house.kill("worker", signal.SIGCONT)


def test_a_cached_state_that_is_not_true_any_more_is_found(shared_house: House) -> None:
    same_cached(shared_house, ["overview/99"])
    shared_house.sql("UPDATE place SET name_zh = '别处' WHERE code = '9901'")  # nobody is told
    with pytest.raises(AssertionError, match="I8"):
        same_cached(shared_house, ["overview/99"], patience=1)
