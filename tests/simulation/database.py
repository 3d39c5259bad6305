"""A PostgreSQL of its own for a run from the command line."""

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.conftest import careless_postgres, environment, pointed_at
from tests.simulation.world import CITY

NAME = "simulation"


@contextmanager
def database() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, environment(CITYOPS_HOME=folder, CITYOPS_DEMO="0"):
        from data.commands import city

        with careless_postgres(Path(folder)) as found:
            with closing(found.admin()) as admin:
                admin.execute(f"CREATE DATABASE {NAME} OWNER cityops_owner")
            with pointed_at(found, NAME):
                list(city.init(CITY))
                yield
