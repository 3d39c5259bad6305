"""Is anything lost or doubled when processes are killed at any moment, and how soon do they live again?"""

import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import monotonic

import psutil
import pytest
import requests

from tests.conftest import ROOT
from tests.faults.history import History, writing
from tests.faults.house import House, opened
from tests.faults.invariants import gone, proven
from tests.faults.screens import Screens, addresses
from tests.waiting import until

KINDS = ("web worker", "web master", "worker", "postgres", "main", "everything")
GOALS = {"web worker": 3, "web master": 3, "postgres": 5, "main": 15, "everything": 15}  # seconds
CLOCKS_STOP = 15  # seconds without the worker, after which every screen says so
DIM = 8  # seconds in which a screen says that its picture is old
BACK = 30  # seconds in which all screens are live again
ROUND = 25  # kills between two proofs
SLOW = [pytest.mark.slow, pytest.mark.timeout(3600)]

Tell = Callable[[str, object], None]


@pytest.mark.parametrize("kills", [6, pytest.param(40, marks=SLOW), pytest.param(200, marks=SLOW)])
def test_nothing_acknowledged_is_lost_or_doubled_by_kills_at_random(
    house: House, kills: int, record_property: Tell
) -> None:
    random, took, history = Random(kills), defaultdict[str, list[float]](list), History(seed=kills)
    plan = [KINDS[n % len(KINDS)] for n in range(kills)]
    random.shuffle(plan)
    seconds = 0.0
    while plan:
        seconds += hurt(house, history, random, plan[:ROUND], took)
        plan = plan[ROUND:]
    house.stop()
    gone(house)
    tell(record_property, took)
    record_property(
        "writes acknowledged", f"{history.acknowledged()} in {seconds:.0f} s, dead times included"
    )
    if kills > len(KINDS):  # else it runs beside other tests, and a time says nothing
        for kind, goal in GOALS.items():
            assert max(took[kind]) <= 2 * goal, (kind, took[kind])
    assert max(took["worker"]) <= CLOCKS_STOP, took["worker"]


def hurt(
    house: House, history: History, random: Random, plan: list[str], took: dict[str, list[float]]
) -> float:
    """One round: kills while everybody writes and some look on, then the proof. How long they wrote."""
    with Screens(house.url, addresses(5), watched="text.open") as screens:
        began = monotonic()
        with writing(house, history=history):
            for kind in plan:
                time.sleep(random.uniform(0.1, 1.2))
                took[kind].append(killed(house, history, kind))
        lasted = monotonic() - began
        until(lambda: screens.are("live"), 2 * BACK, "all screens are live again")
        assert history.answers[500] == 0, [str(call) for call in history.calls if call.status == 500][:3]
        proven(house, history, screens)
    return lasted


def killed(house: House, history: History, part: str) -> float:
    """How many seconds until it serves again: for the worker until it leads, else until a write is taken."""
    began = monotonic()
    dead = die(house, part)
    if part in ("main", "everything"):
        house.start()
    if part == "worker":
        until(lambda: leads_since(house, dead), 60, "the worker leads again", every=0.1)
    back = monotonic()
    until(lambda: history.ok_after(dead) is not None, 60, f"a write is taken after {part} was killed")
    until(house.is_whole, 60, f"everything runs again after {part} was killed")
    taken = back if part == "worker" else history.ok_after(dead)
    assert taken is not None
    return taken - began


def die(house: House, part: str) -> float:
    """When nothing of it was left."""
    pids = house.kill(part)
    until(lambda: not any(map(lives, pids)), 5, f"{part} is dead")
    return monotonic()


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def leads_since(house: House, moment: float) -> bool:
    ago = monotonic() - moment
    return house.sql("SELECT at > clock_timestamp() - %s * interval '1 s' FROM beat", ago) == [(True,)]


def tell(record_property: Tell, took: dict[str, list[float]]) -> None:
    for kind, times in sorted(took.items()):
        p95 = quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]
        figures = f"{median(times):.2f} / {p95:.2f} / {max(times):.2f} s"
        record_property(f"{kind} killed {len(times)} times, serves again p50 / p95 / max", figures)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_first_start_that_is_killed_anywhere_is_finished_by_the_next(
    tmp_path: Path, record_property: Tell
) -> None:
    """The database is made, the schema and the city are brought in: each at once or not at all."""
    random, took = Random(15), []
    for number in range(15):
        with opened(tmp_path / f"home{number}", ready=False) as house:
            time.sleep(random.uniform(0.3, 5))
            die(house, "everything")
            house.start()
            took.append(house.until_ready())
            proven(house)
    record_property("a first start that was killed, ready after the next start, max", f"{max(took):.1f} s")


# ── one at a time, each on what the others have left ────────────────────────────────────────────
@pytest.fixture(scope="module")
def history(shared_house: House) -> History:
    """Something has been written before the first of them."""
    with writing(shared_house, seed=1, clients=3) as history:
        until(history.acknowledged, 10, "a write is taken")
    return history


@pytest.mark.slow
def test_a_worker_that_is_killed_again_and_again_folds_everything_once(
    shared_house: House, history: History, record_property: Tell
) -> None:
    random, seen, seconds = Random(60), set[int](), 60
    ends = monotonic() + seconds
    with writing(shared_house, history=history, clients=3):
        while monotonic() < ends:
            seen.update(shared_house.kill("worker"))
            time.sleep(random.uniform(0.1, 2.5))
        dead = die(shared_house, "worker")
        until(lambda: leads_since(shared_house, dead), 2 * CLOCKS_STOP, "the worker leads again", every=0.1)
    record_property("workers killed one after another", len(seen))
    assert len(seen) > seconds / 8  # no pause grows with the kills
    proven(shared_house, history)


@pytest.mark.slow
def test_of_two_workers_one_leads_and_the_other_takes_over(shared_house: House, history: History) -> None:
    second = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "app", "worker"], cwd=ROOT, env=shared_house.env
    )
    with writing(shared_house, history=history, clients=3):
        until(lambda: len(seats(shared_house)) == 2, 20, "the second worker waits for the seat")
        for worker in (shared_house.pids("worker")[0], second.pid):
            psutil.Process(worker).kill()
            until(lambda pid=worker: not lives(pid), 5, "it is dead")  # type: ignore[misc]
            dead = monotonic()
            until(
                lambda since=dead: leads_since(shared_house, since), CLOCKS_STOP, "another leads", every=0.1
            )  # type: ignore[misc]
            assert seats(shared_house).count(True) == 1
    second.wait()
    proven(shared_house, history)


def seats(house: House) -> list[bool]:
    """By worker that has or waits for the lead: does it have it?"""
    asked = """SELECT l.pid IS NOT NULL FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid
                 AND l.locktype = 'advisory' AND l.classid = 80 AND l.granted
               WHERE a.query ~ 'pg_try_advisory_lock|beat' AND a.pid <> pg_backend_pid()"""
    return [leads for (leads,) in house.sql(asked, role="postgres")]


@pytest.mark.slow
def test_while_the_postmaster_is_dead_writes_are_refused_with_a_reason_and_screens_say_since(
    shared_house: House, history: History, record_property: Tell
) -> None:
    house = shared_house
    with Screens(house.url, addresses(3), watched="text.open") as screens:
        until(lambda: all(screen.model for screen in screens), 20, "all screens show something")
        house.kill("main", signal.SIGSTOP)  # for now nobody starts it again
        dead = die(house, "postgres")
        said = until(lambda: screens.are("down"), 2 * DIM, "all screens say that the database is away")
        record_property("the postmaster killed, said on all screens", f"{said:.1f} s")
        refused = send(house)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy"), refused.text
        assert "数据库" in refused.json()["detail"] and int(refused.headers["Retry-After"]) > 0
        assert all(screen.as_of and screen.model for screen in screens)  # the last picture, and since when
        house.kill("main", signal.SIGCONT)
        took = until(
            lambda: send(house).status_code == 422, 2 * GOALS["postgres"], "writes are looked at again"
        )
        record_property("the postmaster started again, a write answered", f"{took:.1f} s")
        until(lambda: leads_since(house, dead), 2 * CLOCKS_STOP, "the worker leads again", every=0.1)
        until(lambda: screens.are("live"), 2 * BACK, "all screens are live again")
        proven(house, history, screens)


def send(house: House) -> requests.Response:
    """A reading of a place that nobody knows: nothing of it is ever stored."""
    rows = [{"sign": "W1", "place": "nowhere", "at": datetime.now(UTC).isoformat(), "value": 1}]
    return requests.post(f"{house.url}/api/v1/readings", json=rows, headers=house.bearer, timeout=10)


@pytest.mark.slow
def test_a_web_server_that_runs_out_of_files_answers_again_without_a_restart(
    shared_house: House, history: History, record_property: Tell
) -> None:
    (pid,) = shared_house.pids("web worker")
    web = psutil.Process(pid)
    limits = web.rlimit(psutil.RLIMIT_NOFILE)
    web.rlimit(psutil.RLIMIT_NOFILE, (web.num_fds() + 6, limits[1]))
    with ExitStack() as held:
        for _ in range(40):
            held.enter_context(socket.create_connection(("127.0.0.1", shared_house.port)))
        time.sleep(1)
        busy = web.cpu_percent(1)
    record_property("the web server while it takes nobody, % of a core", busy)
    until(shared_house.is_up, 20, "it answers again")
    assert shared_house.pids("web worker") == [pid] and busy < 80, f"{busy} % of a core while it takes nobody"
    web.rlimit(psutil.RLIMIT_NOFILE, limits)
    proven(shared_house, history)
