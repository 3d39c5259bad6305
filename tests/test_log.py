"""Is a log free of what nobody else may read?"""

import pytest
import structlog
from psycopg import OperationalError

from data.config import log
from data.work import worker


def test_a_traceback_holds_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    log.mount()

    def connect(dsn: str) -> None:
        raise ConnectionError("away")

    try:
        connect("postgresql://cityops:canary@db/cityops")
    except ConnectionError:
        structlog.get_logger("test").exception("duty failed", duty="fast")
    said = capsys.readouterr().out
    assert "duty failed" in said and "ConnectionError: away" in said
    assert "canary@db" not in said.replace('connect("postgresql://cityops:canary@db/cityops")', "")


def test_a_database_that_is_away_is_one_line_and_a_mistake_is_shown_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.mount()
    worker.tell("duty failed", OperationalError("connection refused\nIs it running?"), duty="fast")
    away = capsys.readouterr().out
    assert len(away.splitlines()) == 1 and "connection refused" in away
    try:
        raise ValueError("ours")
    except ValueError as ours:
        worker.tell("duty failed", ours, duty="fast")
    assert "Traceback" in capsys.readouterr().out
