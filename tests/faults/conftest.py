"""Houses to hurt: each test has its own, copied from one that was made once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.house import House, opened


@pytest.fixture(scope="session")
def made_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Started once and stopped: its database holds the tiny city."""
    with opened(tmp_path_factory.mktemp("made") / "home") as house:
        house.stop()
        yield house


@pytest.fixture
def make_house(made_house: House, tmp_path: Path) -> Iterator[Callable[..., House]]:
    """make_house(CITYOPS_RESERVE_MB="32") → a house that is ready; ready=False does not wait for that.

    With a city or a database of its own it begins anew.
    """
    with ExitStack() as houses:

        def make(*, ready: bool = True, **extra: str) -> House:
            like = None if {"CITYOPS_CITY", "CITYOPS_DSN"} & extra.keys() else made_house
            home = tmp_path / f"home{len(list(tmp_path.glob('home*')))}"
            return houses.enter_context(opened(home, like=like, ready=ready, **extra))

        yield make


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()


@pytest.fixture(scope="module")
def shared_house(made_house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for a module whose tests do not get in each other's way."""
    with opened(tmp_path_factory.mktemp("shared") / "home", like=made_house) as house:
        yield house
