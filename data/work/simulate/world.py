"""Which city is simulated, under which scenario and seed?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from data.db import Conn
from data.domain.refusal import Refusal
from data.store import simulation as store
from data.work.simulate import scenario as scenarios
from data.work.simulate import series
from data.work.simulate.cases import Draw
from data.work.simulate.profile import Profiles, profiles
from data.work.simulate.scenario import Scenario
from data.work.simulate.series import Series
from data.work.simulate.values import Model

SEED = 1
SCENARIO = "ordinary-day"


@dataclass(frozen=True)
class World:
    root: str
    path: str
    hash: str
    zone: str
    scenario: Scenario
    seed: int
    profiles: Profiles
    model: Model
    draw: Draw

    @property
    def series(self) -> list[Series]:
        return list(self.model.series.values())


def load(
    conn: Conn, *, scenario: str | None = None, seed: int | None = None,
    window: tuple[datetime, datetime] | None = None,
) -> World:  # fmt: skip
    """What is not given is what the city's demo block says. A scenario plays in the window, else from the
    day the city was loaded."""
    city = store.city(conn)
    if city is None:
        raise Refusal("no_city", "尚未装入城市", "no city is loaded: run `flask init`", status=503)
    demo = city["demo"]
    seed = demo.get("seed", SEED) if seed is None else seed
    since, until = window or (city["loaded_at"], city["loaded_at"] + timedelta(days=1))
    played = scenarios.read(scenario or demo.get("scenario", SCENARIO)).at_day(since, until)
    said = profiles()
    setting = series.Setting(store.people(conn), seed, city["timezone"])
    known = series.gather(store.series(conn), store.signs(conn), said, setting)
    model = Model(known, played, said, seed)
    draw = Draw(store.ground(conn), played, model.shapes, seed)
    return World(city["root"], city["path"], city["hash"], city["timezone"], played, seed, said, model, draw)
