"""How does a scenario run in time of its own, from the command line?"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tqdm import tqdm

from data import db
from data.commands import readings
from data.db import Conn
from data.domain.refusal import Refusal
from data.store import clock, refill
from data.store.sources import Tally
from data.work.simulate import filing, past, world
from data.work.simulate import scenario as scenarios
from data.work.simulate.past import Digest, Window
from data.work.simulate.world import World

FINEST = 300


def run(
    scenario: str = world.SCENARIO,
    seed: int = world.SEED,
    since: datetime | None = None,
    until: datetime | None = None,
) -> str:
    """Writes the days into the database; the last line is the sha256 of the readings made.

    What is not given is the scenario's own time, else the last day.
    """
    with db.replay() as conn:
        now = clock.city_now(conn)
        window = _window(conn, scenario, since, until)
        here = world.load(conn, scenario=scenario, seed=seed, window=(window.since, window.until))
        digest, total, cases = Digest(), Tally(), 0
        days = past.windows(window.since, window.until, here.zone)
        for day in tqdm(days, unit="d", desc=here.scenario.name, disable=None):
            batches, stored = _readings(conn, here, day)
            digest.add(here, batches)
            total = total.plus(stored)
            cases += _cases(conn, here, day, now)
        db.set_now(conn, window.until)
        filing.announce(conn, here, window.since - timedelta(seconds=1), window.until)
    return (
        f"{here.scenario.name}: {total.received} readings = {total.stored} stored + {total.same} the same"
        f" + {total.rejected} in conflict with what stands; {cases} cases\n{digest.text}"
    )


def _readings(conn: Conn, here: World, day: Window) -> tuple[list[past.Batch], Tally]:
    made, total = [], Tally()
    with refill.held_back():
        for batch in past.made(here, day, FINEST):
            total = total.plus(past.store_batch(conn, batch, day.until))
            made.append(batch)
    readings.make_anew()
    return made, total


def _cases(conn: Conn, here: World, day: Window, now: datetime) -> int:
    """Reported on the day, and all that became of them since: they do not stop where the run does."""
    db.set_now(conn, now)
    cases = here.draw.between(day.since, day.until)
    return sum(len(standing) for standing in filing.report(here, cases, now, on=conn))


def _window(conn: Conn, scenario: str, since: datetime | None, until: datetime | None) -> Window:
    found = clock.here(conn)
    if found is None:
        raise Refusal("no_city", "尚未装入城市", "no city is loaded: run `flask init`", status=503)
    zone, own = ZoneInfo(found["timezone"]), scenarios.read(scenario)
    start, end = (_aware(at, zone) for at in (since, until))
    if start is None:
        start = own.since or (end or found["now"]) - timedelta(days=1)
    if end is None:
        end = own.until if own.until and own.until > start else min(start + timedelta(days=1), found["now"])
    if not start < end <= found["now"]:
        raise Refusal(
            "bad_window", f"时段 {start:%F %R} 至 {end:%F %R} 不是已过去的一段时间",
            f"from {start.isoformat()} until {end.isoformat()} is no while that is over",
        )  # fmt: skip
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def _aware(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A time without an offset is the city's."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=zone)
