"""Which commands does `flask` know? Each one parses its words and calls the function that does it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
import orjson
from flask import Flask

from data.config import Refused, settings
from data.domain.proof import SHOWN, Break, Proof
from data.domain.refusal import Refusal
from data.ingest.rows import FolderError
from data.queries.outage import OUTAGE


def mount(server: Flask) -> None:
    for command in (init, worker, simulate, history, importing, verify):
        server.cli.add_command(command)


@contextmanager
def spoken() -> Iterator[None]:
    """Ends in words and with exit code 1 where the command says no or cannot begin."""
    try:
        yield
    except Refusal as refusal:
        _end(refusal.en)
    except FolderError as wrong:
        _end(f"{wrong}\nthe city folder has {len(wrong.mistakes)} mistakes, named above")
    except Refused as refused:
        _end(str(refused))
    except OUTAGE as away:
        _end(f"the database does not answer: {str(away).strip().splitlines()[0]}")


def _end(words: str) -> NoReturn:
    click.echo(words, err=True)
    sys.exit(1)


@click.command("init")
def init() -> None:
    """Bring the schema up to date and load the city folder, where either has changed."""
    from data.commands import city

    with spoken():
        for line in city.init(settings().city):
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

    with spoken():
        click.echo(simulate.run(scenario, seed=seed, since=since, until=until))


@click.command("history")
def history() -> None:
    """Load the simulated days before today, behind the first picture."""
    from data.work import history

    with spoken():
        history.run()


@click.command("verify")
@click.option("--deep", is_flag=True, help="Read every page of every table and index as well (pg_amcheck).")
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
def verify(deep: bool, as_json: bool) -> None:
    """Prove of one moment what must be true of the database: one line an invariant."""
    from data.commands import verify as proving

    say = (lambda words: None) if as_json else click.echo
    with spoken(), _database() as dsn:
        look = partial(_pages, dsn) if deep else None
        verdict = proving.prove(told=lambda proof: say(str(proof)), pages=look)
        assert verdict is not None
        unkept = proving.keep(verdict)
    say(f"{verdict.at:%F %T} UTC, proven in {verdict.seconds:.1f} s")
    if as_json:
        click.echo(orjson.dumps(verdict.said()))
    if unkept:
        click.echo(f"this result is not kept: {unkept}", err=True)
    sys.exit(0 if verdict.ok else 1)


@contextmanager
def _database() -> Iterator[str]:
    """The DSN of who may read every page. Our own server is started where it does not run, but never made."""
    settings().dsn_for("cityops_app")
    if not settings().embedded:
        yield settings().owner_dsn or settings().dsn_for("cityops_app")
        return
    from data import embedded
    from data.embedded import pages

    with embedded.server(settings().home) as server:
        yield pages.superuser(server)


def _pages(dsn: str) -> Proof:
    from data.embedded import pages

    found = pages.look(dsn, ours=settings().embedded)
    broken = [Break("damaged", len(found.damage), found.damage[:SHOWN])] if found.damage else []
    return Proof("pages", {"tables_and_indexes": found.relations}, broken, found.missing)


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

        with spoken():
            summary = getattr(imports, kind)(file, mapping, replace=replace, progress=True)
        click.echo(str(summary))
        if summary.rejected and summary.rejected == summary.received:
            sys.exit(1)

    command.help = f"Import {kind} from FILE."
    return command


for _kind in ("readings", "incidents", "places", "assets"):
    importing.add_command(_importer(_kind))
