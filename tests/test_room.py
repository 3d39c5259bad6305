"""When is the disk said to be short, what is refused then, and what is kept for the worst?"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from data import config
from data.commands import imports, incidents, readings, shedding
from data.config import room
from data.config.room import MB, Room
from data.domain.incident import Act, Move
from data.domain.refusal import Refusal
from data.domain.report import Report
from data.embedded import cluster, reserve
from tests.conftest import environment

NOW = datetime.now(UTC)


def test_the_less_is_left_the_more_is_refused() -> None:
    said = [room.step(reserves, Room.AMPLE) for reserves in (9, 3, 2.9, 2, 1.9, 1.25, 1.2, 0.5, 0.4, 0, -1)]
    assert [step.value for step in said] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 4]


def test_a_step_ends_only_with_a_quarter_of_a_reserve_more_than_began_it() -> None:
    before, said = Room.AMPLE, []
    for reserves in (2.9, 3.1, 2.9, 3.2, 3.26, 0.4, 0.7, 0.76, 1.4, 1.51, 2.2, 2.26, 9):
        before = room.step(reserves, before)
        said.append(before.value)
    assert said == [1, 1, 1, 1, 0, 4, 4, 3, 3, 2, 2, 1, 0]


def test_what_is_missing_of_the_reserve_does_not_count_as_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "data"
    place.mkdir()
    monkeypatch.setattr(room, "free", lambda place: 100 * MB)
    assert room.left(place, 8 * MB) == 92 * MB
    with environment(CITYOPS_RESERVE_MB="8"):
        reserve.keep(place)
    assert room.left(place, 8 * MB) == 100 * MB


def test_the_reserve_is_allocated_grows_shrinks_and_goes_with_the_setting(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    for size in (4, 9, 2):
        with environment(CITYOPS_RESERVE_MB=str(size)):
            reserve.keep(place)
        assert room.reserve_file(place).stat().st_size == size * MB
        assert room.allocated(room.reserve_file(place)) >= size * MB
    with environment(CITYOPS_RESERVE_MB="0"):
        reserve.keep(place)
    assert room.allocated(room.reserve_file(place)) == 0


def test_a_reserve_for_which_there_is_no_room_is_not_begun(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    with environment(CITYOPS_RESERVE_MB=str(1 << 20)):  # a terabyte
        reserve.keep(place)
    assert not room.reserve_file(place).exists()


def test_on_a_disk_with_room_the_reserve_is_not_given_up(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    with environment(CITYOPS_RESERVE_MB="1"):
        reserve.keep(place)
        assert not reserve.give_up(place)
    assert room.allocated(room.reserve_file(place)) >= MB


def test_the_disk_of_somebody_elses_server_is_not_judged(tmp_path: Path) -> None:
    with environment(CITYOPS_DSN="host=db", CITYOPS_HOME=str(tmp_path)):
        assert room.directory() is None and room.room() is Room.AMPLE


def test_the_log_takes_an_eighth_of_what_is_free_and_never_more_than_a_gigabyte() -> None:
    assert cluster._wal(330) == {"max_wal_size": "64MB", "min_wal_size": "64MB"}
    assert cluster._wal(4_000) == {"max_wal_size": "500MB", "min_wal_size": "256MB"}
    assert cluster._wal(900_000) == {"max_wal_size": "1024MB", "min_wal_size": "256MB"}


# ── what is refused ─────────────────────────────────────────────────────────────────────────────
def a_reading() -> None:
    readings.post([{"sign": "W2", "asset": "flood-1", "at": NOW.isoformat(), "value": 1}], patience=0)


def a_report() -> None:
    kept = Report(source="a", source_id=str(uuid4()), kind="E0506", place="9901", at=NOW, description="水")
    incidents.report(kept)


def an_act() -> None:
    try:
        incidents.move(uuid4(), Move(Act.NOTE, NOW, "local"))
    except Refusal as refusal:
        if refusal.code != "unknown_incident":
            raise


def imported(kind: str, text: str) -> Callable[[Path], None]:
    def run(folder: Path) -> None:
        (folder / "file.csv").write_text(text)
        getattr(imports, kind)(folder / "file.csv")

    return run


READINGS = imported("readings", f"sign,asset,at,value\nW2,flood-2,{NOW.isoformat()},1\n")
PLACES = imported("places", "code,parent,name_zh,name_en\n9903,99,新区,New\n")
REFUSED_FROM = [
    (lambda folder: a_reading(), Room.READINGS),
    (READINGS, Room.READINGS),
    (lambda folder: a_report(), Room.REPORTS),
    (PLACES, Room.REPORTS),
    (lambda folder: an_act(), Room.ACTS),
]


@pytest.mark.parametrize(
    "write, first", REFUSED_FROM, ids=["a reading", "imported readings", "a report", "a place", "an act"]
)
def test_short_of_room_readings_are_refused_then_reports_then_acts(
    fresh_module: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path], None],
    first: Room,
) -> None:
    for now in Room:
        monkeypatch.setattr(shedding, "room", lambda now=now: now)
        if now < first:
            write(tmp_path)
            continue
        with pytest.raises(Refusal) as refused:
            write(tmp_path)
        assert (refused.value.code, refused.value.status) == ("disk_short", 507)
        assert refused.value.zh and refused.value.retry_after


def test_the_reserve_is_that_of_the_setting() -> None:
    with environment(CITYOPS_RESERVE_MB="3"):
        assert room.reserved() == 3 * MB == config.settings().reserve_mb * MB
