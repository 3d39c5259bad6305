"""Does a command say in one line what it cannot do, and is what it prints last what others rely on?"""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from data import cli, config, db


def test_the_token_is_nobody_elses(home: Path, token: str) -> None:
    assert stat.S_IMODE((home / "token").stat().st_mode) == 0o600
    assert (home / "token").read_text().strip() == token and len(token) > 30


def run(command: Any, *words: str) -> Any:
    return CliRunner().invoke(command, words)


def test_the_same_seed_makes_the_same_readings(fresh: str) -> None:
    window = ("--from", "2020-07-06T00:00:00+0800", "--until", "2020-07-06T01:00:00+0800")
    first, again, other = (
        run(cli.simulate, "ordinary-day", "--seed", seed, *window) for seed in ("5", "5", "6")
    )
    hashes = [done.stdout.splitlines()[-1] for done in (first, again, other)]
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes), first.output
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_time_of_the_command_line_may_be_rfc_3339(fresh: str) -> None:
    window = ("--from", "2020-07-06T00:00:00+08:00", "--until", "2020-07-05T17:00:00Z")
    done = run(cli.simulate, "ordinary-day", *window)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (cli.simulate, ["nosuch"]),
        (cli.simulate, ["ordinary-day", "--from", "2020-07-06", "--until", "2020-07-05"]),
        (cli.importing, ["readings", __file__]),
    ],
)
def test_a_command_that_cannot_ends_with_one_line_and_a_code(
    fresh: str, command: Any, words: list[str]
) -> None:
    done = run(command, *words)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert len(done.stderr.strip().splitlines()) == 1


def _broken(folder: Path) -> Path:
    (folder / "city.toml").write_text('root = "R"\n', encoding="utf-8")
    return folder


def test_init_names_what_is_wrong_with_a_folder(
    fresh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYOPS_CITY", str(_broken(tmp_path)))
    config.settings.cache_clear()
    done = run(cli.init)
    config.settings.cache_clear()
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert "places.csv: the file is missing" in done.stderr
    assert done.stderr.strip().endswith("mistakes, named above")


def test_init_refuses_another_city_in_words(
    siblings: str, clone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clone(siblings):
        done = run(cli.init)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert done.stderr.strip() == "this home holds R (R), not Linjiang (99); set another CITYOPS_HOME"


@pytest.mark.parametrize(
    ("command", "words"), [(cli.init, []), (cli.simulate, []), (cli.importing, ["readings"])]
)
def test_a_command_without_a_database_says_so_in_one_line(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Any, words: list[str]
) -> None:
    away = f"postgresql://cityops_app@/none?host={tmp_path}"
    (tmp_path / "r.csv").write_text("sign,place,at,value\n", encoding="utf-8")
    for name in ("CITYOPS_DSN", "CITYOPS_OWNER_DSN"):
        monkeypatch.setenv(name, away)
    db.close()
    config.settings.cache_clear()
    try:
        done = run(command, *words, *([str(tmp_path / "r.csv")] if words else []))
    finally:
        db.close()
        config.settings.cache_clear()
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.exception
    (line,) = [one for one in done.stderr.strip().splitlines() if "%|" not in one]
    assert line.startswith("the database does not answer: ")
