"""Does a feed that stops go stale by its time while nobody looks?"""

import csv
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data import db
from data.commands import readings
from data.domain.sign import Status
from data.work import sweep
from tests.conftest import CITY, ROOT
from tests.waiting import until

FRESH = timedelta(seconds=2)
PROMISE = 2 * sweep.EVERY  # what is silent is stale at most so much later


@pytest.fixture(scope="module")
def hurried(make_template: Callable[[str, Path], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny city, in which depths of water are old after two seconds."""
    folder = Path(shutil.copytree(CITY, tmp_path_factory.mktemp("hurried") / "city"))
    with (folder / "signs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["freshness"] = "2s" if row["code"] == "W2" else row["freshness"]
    with (folder / "signs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return make_template("hurried_city", folder)


@contextmanager
def worker() -> Iterator[None]:
    """It alone: no web server, no viewer."""
    command = [sys.executable, "-m", "flask", "--app", "app", "worker"]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ) as process:
        try:
            yield
        finally:
            process.terminate()


def standing(conn: db.Conn, place: str, asset: str) -> str:
    row = conn.execute(
        "SELECT status_of(l.live, l.rank, l.at) AS status FROM latest l JOIN node USING (id)"
        " WHERE sign = 'W2' AND place = %s AND asset = %s",
        (place, asset),
    ).fetchone()
    return Status(row["status"]).word if row else "none"


def stale_since(conn: db.Conn, place: str, asset: str) -> datetime | None:
    row = conn.execute(
        "SELECT lower(during) AS since FROM sign_span JOIN node USING (id) WHERE sign = 'W2'"
        " AND place = %s AND asset = %s AND status = %s AND upper_inf(during)",
        (place, asset, Status.STALE),
    ).fetchone()
    return row["since"] if row else None


def test_a_feed_that_stops_is_stale_in_the_database_by_its_time(
    clone, hurried: str, record_property: Callable[[str, object], None]
) -> None:
    nodes = (("9901-1-1", "flood-1"), ("9901", ""), ("99", ""))
    with clone(hurried), worker(), closing(db.connect()) as conn:
        until(lambda: conn.execute("SELECT FROM beat").fetchone() is not None, 30)
        for _ in range(5):
            at = datetime.now(UTC)
            readings.post([{"sign": "W2", "asset": "flood-1", "at": at.isoformat(), "value": 3}], patience=1)
            time.sleep(0.3)
        assert {standing(conn, *node) for node in nodes} == {"normal"}
        until(lambda: {standing(conn, *node) for node in nodes} == {"stale"}, 30)
        late = datetime.now(UTC) - at - FRESH
        assert {stale_since(conn, *node) for node in nodes} == {at + FRESH}
    record_property("stale after its time, s", round(late.total_seconds(), 2))
    assert late.total_seconds() <= 2 * PROMISE
