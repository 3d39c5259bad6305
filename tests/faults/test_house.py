"""Does the harness itself start, hurt and clear away what it says?"""

from collections.abc import Callable

import pytest

from tests.faults.house import PARTS, House


@pytest.mark.slow
def test_a_house_is_ready_and_leaves_nothing(make_house: Callable[..., House]) -> None:
    house = make_house()
    assert all(house.pids(part) for part in PARTS)
    assert house.get("places/99").json()["code"] == "99"
    assert {one.pid for one in house.processes()} >= {pid for part in PARTS for pid in house.pids(part)}
    house.stop()
    assert house.processes() == [] and house.run() is None
