"""A PostgreSQL of its own for a run from the command line."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.conftest import Postgres, environment, pointed_at
from tests.simulation.world import CITY

NAME = "simulation"


@contextmanager
def database() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, environment(CITYOPS_HOME=folder, CITYOPS_DEMO="0"):
        from data import embedded
        from data.commands import city

        server = embedded.start(Path(folder))
        found = Postgres(str(server.socket), "postgres")
        try:
            with closing(found.admin()) as admin:
                admin.execute("ALTER SYSTEM SET fsync = off")
                admin.execute("SELECT pg_reload_conf()")
                admin.execute(f"CREATE DATABASE {NAME} OWNER cityops_owner")
            with pointed_at(found, NAME):
                list(city.init(CITY))
                yield
        finally:
            embedded.stop(server)
            shutil.rmtree(server.directory.parent, ignore_errors=True)
