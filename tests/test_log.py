"""Is a log free of what nobody else may read?"""

import pytest
import structlog

from data.config import log


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
