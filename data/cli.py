"""Which commands does `flask` know? Each one parses its words and calls the function that does it."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask import Flask

from data.config import settings
from data.domain.refusal import Refusal


def mount(server: Flask) -> None:
    for command in (init, worker, simulate, history, importing):
        server.cli.add_command(command)


def spoken(run: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Ends with one line and exit code 1 where the command says no."""
    try:
        return run(*args, **kwargs)
    except Refusal as refusal:
        click.echo(refusal.en, err=True)
        sys.exit(1)


@click.command("init")
def init() -> None:
    """Bring the schema up to date and load the city folder, where either has changed."""
    from data.commands import city

    for line in spoken(city.init, settings().city):
        click.echo(line)


@click.command("worker")
def worker() -> None:
    """Fold, sweep, beat and, in the demo, simulate, until told to stop."""
    from data.work import worker

    worker.run()


@click.command("simulate")
@click.argument("scenario", default="ordinary-day")
@click.option("--seed", type=int, default=1)
@click.option("--from", "since", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]))
@click.option("--until", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]))
def simulate(scenario: str, seed: int, since: datetime | None, until: datetime | None) -> None:
    """Make the readings and incidents of a scenario; the last line is the sha256 of the readings."""
    from data.work import simulate

    click.echo(spoken(simulate.run, scenario, seed=seed, since=since, until=until))


@click.command("history")
def history() -> None:
    """Load the simulated days before today, behind the first picture."""
    from data.work import history

    spoken(history.run)


@click.group("import")
def importing() -> None:
    """Bring recorded data in: readings, incidents, places or assets."""


def _importer(kind: str) -> click.Command:
    @click.command(kind)
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--replace", is_flag=True, help="Let a reading of the same key take the new value.")
    def command(file: Path, mapping: Path | None, replace: bool) -> None:
        from data.commands import imports

        summary = spoken(getattr(imports, kind), file, mapping, replace=replace, progress=True)
        click.echo(str(summary))
        if summary.rejected and summary.rejected == summary.received:
            sys.exit(1)

    command.help = f"Import {kind} from FILE."
    return command


for _kind in ("readings", "incidents", "places", "assets"):
    importing.add_command(_importer(_kind))
