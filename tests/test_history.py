"""Do the simulated days before today come in once, newest first, and again after whatever stopped them?"""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from data import db
from data.work import history
from data.work.simulate import past
from tests.conftest import environment


@pytest.fixture
def demo(fresh: str) -> Iterator[None]:
    with environment(CITYOPS_DEMO="1"):
        yield


@pytest.fixture(autouse=True)
def few_days(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "fourteen" not in request.node.name:
        monkeypatch.setattr(history, "DAYS", timedelta(days=4))


def one(query: str, *values: object) -> object:
    with closing(db.connect()) as conn:
        row = conn.execute(query, values).fetchone()
    return next(iter(row.values())) if row else None


COUNTS = """SELECT ARRAY[(SELECT count(*) FROM reading), (SELECT count(*) FROM rollup_hour),
                   (SELECT count(*) FROM rollup_day), (SELECT count(*) FROM event)] AS all"""
CLOSEST = (
    "SELECT min(gap) FROM (SELECT at - lag(at) OVER (PARTITION BY id ORDER BY at) AS gap FROM reading) g"
)
HOURS_MISSING = """
  SELECT count(*) FROM (SELECT n.id, date_trunc('hour', r.at) AS at FROM node n JOIN reading r USING (id)
                        GROUP BY 1, 2) x
  LEFT JOIN rollup_hour h USING (id, at) WHERE h.id IS NULL"""
OPEN_TOO_LONG = """
  SELECT count(*) FROM incident WHERE open AND due <= now() - interval '1 minute' AND NOT overdue"""
OTHER_VERSION = """
  SELECT count(*) FROM incident i WHERE version <> (SELECT max(n) FROM event e WHERE e.incident = i.id)"""


def test_fourteen_days_come_in_and_stand(demo: None) -> None:
    assert history.wanted()
    history.run()
    assert one("SELECT history FROM city") == 1.0
    assert not history.wanted()
    assert one("SELECT count(DISTINCT date_trunc('day', at)) FROM reading") >= 14
    assert one("SELECT count(*) FROM reading WHERE at > now()") == 0
    assert one("SELECT min(at) >= now() - interval '14 days 1 minute' FROM reading WHERE at > '2026-01-01'")
    closest = one(CLOSEST)
    assert closest == timedelta(minutes=15)


def test_history_loaded_again_changes_nothing(demo: None) -> None:
    history.run()
    before = one(COUNTS)
    history.run()
    after = one(COUNTS)
    assert after[0] - before[0] <= 40  # a minute or two have passed
    assert after[3] == before[3]


def test_a_load_that_was_killed_goes_on(demo: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, calls = past.store_batch, []

    def stops_in_the_middle(*given: object) -> int:
        calls.append(given)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return stored(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(past, "store_batch", stops_in_the_middle)
    with pytest.raises(KeyboardInterrupt):
        history.run()
    assert history.wanted()
    assert 0 < one("SELECT history FROM city") < 1
    monkeypatch.undo()
    history.run()
    assert one("SELECT history FROM city") == 1.0
    assert one("SELECT count(*) FROM refill") == 0
    assert one(HOURS_MISSING) == 0


def test_the_hours_in_which_the_city_stood_still_are_filled(demo: None) -> None:
    history.run()
    with closing(db.owner()) as conn:
        gap = "at > now() - interval '30 hours' AND at < now() - interval '20 hours'"
        before = one(f"SELECT count(*) FROM reading WHERE {gap}")
        conn.execute(f"DELETE FROM reading WHERE {gap}")
        conn.execute(f"DELETE FROM rollup_hour WHERE {gap}")
    assert history.wanted()
    history.run()
    assert one(f"SELECT count(*) FROM reading WHERE {gap}") == before
    assert not history.wanted()


def test_the_living_city_and_its_history_tell_one_story(demo: None) -> None:
    from data.work import simulate

    with closing(db.connect()) as conn:
        simulate.tick(conn.execute("SELECT now() AS at").fetchone()["at"])
    history.run()
    assert one("SELECT sum(rejected)::int FROM ledger") == 0
    assert one("SELECT count(*) FROM source WHERE NOT simulated") == 0


def test_cases_of_history_were_known_when_they_happened(demo: None) -> None:
    history.run()
    assert one("SELECT count(*) FROM incident") > 4 * 20
    assert one("SELECT count(*) FROM event WHERE known_at <> at") == 0
    assert one("SELECT bool_and(simulated) FROM incident")
    assert one("SELECT count(*) FROM incident i JOIN place p ON p.code = i.place WHERE p.tier < 5") == 0
    assert one(OPEN_TOO_LONG) == 0
    assert one(OTHER_VERSION) == 0


def test_a_city_without_signs_and_classes_has_a_history_too(clone, make_template, tmp_path: Path) -> None:
    (tmp_path / "city.toml").write_text(
        'root = "1"\nname_en = "Bare"\ntimezone = "UTC"\nlanguages = ["en"]\n[demo]\nincidents_a_day = 5\n'
    )
    (tmp_path / "places.csv").write_text(
        "code,parent,name_zh,name_en,lon,lat,population,area_km2\n1,,,Bare,,,,\n1-1,1,,East,,,,\n"
    )
    with clone(make_template("bare", tmp_path)), environment(CITYOPS_DEMO="1"):
        history.run()
        assert one("SELECT history FROM city") == 1.0
        assert 5 < one("SELECT count(*) FROM incident WHERE place = '1-1'") < 50


def test_without_the_demo_nothing_is_loaded(fresh: str) -> None:
    assert not history.wanted()
