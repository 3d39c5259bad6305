"""`flask import` says what became of every row, and why it could not begin."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from data.cli import importing

AT = "2020-07-06T08:00:00+08:00"


def run(kind: str, *words: object) -> Result:
    return CliRunner().invoke(importing, [kind, *map(str, words)])


def test_the_last_line_says_what_became_of_the_rows(fresh: str, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    file.write_text(f"sign,place,at,value\nW1,9901-1,{AT},21\nW1,9999,{AT},21\n", encoding="utf-8")
    done = run("readings", file)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == (
        "2 values received = 1 stored + 0 same + 1 rejected (unknown_place 1), named in "
        + f"{file}.refused.csv"
    )


@pytest.mark.parametrize("kind", ["readings", "incidents", "places", "assets"])
def test_a_mapping_that_does_not_fit_ends_with_one_line_and_a_code(
    fresh: str, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "m.toml").write_text("[columns]\ncolour = 1\n", encoding="utf-8")
    (tmp_path / "r.csv").write_text("a\n1\n", encoding="utf-8")
    done = run(kind, tmp_path / "r.csv", "--mapping", tmp_path / "m.toml")
    assert done.exit_code == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("the mapping m.toml is wrong: columns.colour:")


def test_a_missing_column_ends_with_one_line_and_a_code(fresh: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text('[columns]\nat = "t"\nplace = "p"\nclass = "kind"\n', encoding="utf-8")
    (tmp_path / "r.csv").write_text("t,p\n", encoding="utf-8")
    done = run("incidents", tmp_path / "r.csv", "--mapping", tmp_path / "m.toml")
    assert (done.exit_code, done.stderr.strip()) == (1, "the file lacks the column kind")


def test_replace_replaces(fresh: str, tmp_path: Path) -> None:
    file = tmp_path / "r.csv"
    for value, words in ((21, ()), (22, ("--replace",))):
        file.write_text(f"sign,place,at,value\nW1,9901-1,{AT},{value}\n", encoding="utf-8")
        assert "1 stored" in run("readings", file, *words).stdout
