"""Does the bench itself still run? One round of everything in a tiny city."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from data import db
from data.domain.event import COLUMNS, Event, chained
from tests.bench import fill, ingest, live, rounds, sets, state, told, wall
from tests.bench.__main__ import PARTS, Scale, bench
from tests.bench.fill import Size
from tests.bench.rounds import Rounds
from tests.bench.told import Row
from tests.conftest import CITY, Postgres, pointed_at

TOY = Scale(
    city=CITY,
    sets=(Size("toy_s", 10, 40, 400), Size("toy_s10", 1, 40, 400)),
    running=Size("toy_live", 1, 40, 400),
    rounds=1,
    repeats=1,
    refreshes=30,
    watched=live.Load(
        viewers=3, many=4, streams=6, walls=2, rounds=1, changes=2, pace=0.3, seconds=1.0, a_minute=240
    ),
    sent=ingest.Load(viewers=2, rounds=1, writers=2, batches=1, batch=50),
)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine spoils nothing here: no figure is judged."""
    for name, value in {"TRIES": 1, "LOOK": 0.01, "MOST_OTHERS": 2.0, "MOST_STOLEN": 2.0}.items():
        monkeypatch.setattr(rounds, name, value)
    monkeypatch.setattr(live, "SETTLED", 0.5)
    monkeypatch.setattr(state, "WARM", 1)
    monkeypatch.setattr(wall, "BLOCK", 10)


@pytest.fixture
def made(postgres: Postgres) -> Iterator[str]:
    size = TOY.sets[1]
    sets.make(postgres, size, sets.MOMENT, CITY)
    with pointed_at(postgres, size.name):
        yield size.name
    sets.drop(postgres, size.name)


@pytest.mark.slow
@pytest.mark.browser
def test_every_part_runs_and_says_what_it_found(postgres: Postgres, hurried: None, tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api")
    for part, rows in bench(postgres, PARTS, TOY):
        told.keep(tmp_path, part, rows)
        assert rows and all(row.figure == row.figure for row in rows), told.table(rows)
    said = told.markdown(told.kept(tmp_path))
    assert set(told.kept(tmp_path)) == set(PARTS)
    assert all(f"**{part}**" in said for part in PARTS)
    (lost,) = (row for row in rows_of(tmp_path, "ingest") if row.what == "readings lost or doubled")
    assert lost.figure == 0


def rows_of(folder: Path, part: str) -> list[Row]:
    return [Row(**row) for row in told.kept(folder)[part]["rows"]]


def test_the_cases_are_chained_as_the_product_chains_them(made: str) -> None:
    with closing(db.connect()) as conn:
        last: dict[object, str] = {}
        rows = conn.execute(f"SELECT {', '.join(COLUMNS)}, hash FROM event ORDER BY incident, n").fetchall()
    for row in rows:
        found, event = row.pop("hash"), Event(**row)
        last[event.incident] = chained(last.get(event.incident, ""), event)
        assert found == last[event.incident]
    assert len(last) == TOY.sets[1].cases


def test_a_tenth_of_the_past_has_the_same_open_cases(made: str, postgres: Postgres) -> None:
    tenth = _open()
    size = Size("toy_twice", 2, TOY.sets[1].cases, TOY.sets[1].readings)
    sets.make(postgres, size, sets.MOMENT, CITY)
    with pointed_at(postgres, size.name):
        whole = _open()
    sets.drop(postgres, size.name)
    assert tenth <= whole
    assert all(at < sets.MOMENT - fill.timedelta(days=1) for _, at in whole - tenth)


def _open() -> set[tuple[object, datetime]]:
    with closing(db.connect()) as conn:
        return {(row["id"], row["at"]) for row in conn.execute("SELECT id, at FROM incident WHERE open")}


# ── judging ─────────────────────────────────────────────────────────────────────────────────────
def test_a_missed_goal_says_by_how_much() -> None:
    assert "MISSED by 2.5 ms" in Row("x", "y", 7.5, "ms", 5).verdict()
    assert Row("x", "y", 5, "ms", 5).verdict() == "met"
    assert "MISSED by 0.2 ×" in Row("x", "y", 0.3, "×", 0.5, least=True).verdict()


def test_a_spoiled_round_does_not_count_while_enough_are_clean() -> None:
    done = Rounds(clean=[{"a": 1.0, "b": 2.0}], spoiled=[{"a": 9.0, "b": 1.0}], wanted=1)
    assert done.ratio("a", "b") == 0.5
    assert Rounds(clean=done.clean, spoiled=done.spoiled, wanted=2).median("a") == 5.0


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    done = Rounds(clean=[{"a": 1.0, "b": 1.0}, {"a": 20.0, "b": 10.0}, {"a": 6.0, "b": 2.0}], wanted=3)
    assert done.ratio("a", "b") == 2.0


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{told.BEGIN}\nold\n{told.END}\nafter\n")
    told.into(readme, "new")
    assert readme.read_text() == f"before\n{told.BEGIN}\nnew\n{told.END}\nafter\n"
