"""What must be true after any fault? `flask verify` proves what a database can, the harness the rest."""

import fcntl
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import orjson
import psutil

from data import config
from data.commands.verify import prove
from data.domain.rights import GUEST, Viewer
from data.embedded import keeper
from tests.conftest import environment
from tests.faults import history as log
from tests.faults.house import House
from tests.faults.screens import Screens, astray, never_back
from tests.waiting import until

SUBJECTS = ("overview/99", "overview/9901-1", "signs/99", "sign/W2/99", "incidents/99", "wall/99", "sources")
LEFT = {
    "token",
    "lock",
    "secret",
    "postgres",
    "postgres.json",
    "cache",
    "reserve",
}  # in a home that is at rest
MB = 1 << 20


def proven(house: House, history: log.History | None = None, screens: Screens | None = None) -> None:
    """All of them that the given can show, once all is folded. `screens`: nobody disturbs their line."""
    house.until_ready()
    house.until_folded()
    verified(house)
    if history is not None:
        log.check(house, history)
    if screens is not None:
        assert (broken := [*never_back(screens), *astray(screens)]) == [], f"I10: {broken[:9]}"
    same_cached(house)


def sound() -> None:
    """The same of the database that the settings name, in this process."""
    verdict = prove()
    assert verdict is not None and verdict.ok, [str(proof) for proof in verdict.proofs]


def verified(house: House, *words: str) -> None:
    done = house.flask("verify", *words)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


# ── I8: what is cached is what would be computed ────────────────────────────────────────────────
def same_cached(house: House, subjects: Iterable[str] = SUBJECTS, patience: float = 5.0) -> None:
    """Byte for byte, in both languages; the other computation is this process's, with an empty cache."""
    with beside(house):
        import app  # noqa: F401  the pages register themselves

        for subject, lang in product(subjects, ("zh", "en")):
            same = partial(_is_same, house, subject, lang)
            until(same, patience, f"I8: {subject} in {lang} as cached and as computed", every=0.5)


def _is_same(house: House, subject: str, lang: str) -> bool:
    return _shown(house, subject, lang) == _computed(subject, lang)


@contextmanager
def beside(house: House) -> Iterator[None]:
    """This process's `data` asks the house's database, and shares nothing else with it."""
    settings = config.read(house.env)
    aside = house.home.with_name(f"{house.home.name}-beside")
    with environment(
        CITYOPS_HOME=str(config.ready_home(aside)),
        CITYOPS_DSN=settings.dsn_for("cityops_app"),
        CITYOPS_OWNER_DSN=settings.dsn_for("cityops_owner"),
    ):
        yield


def _shown(house: House, subject: str, lang: str) -> bytes:
    answer = house.get(f"state/{subject}", lang=lang)
    assert answer.status_code == 200, answer.text
    return orjson.dumps(orjson.loads(answer.content)["state"], option=orjson.OPT_SORT_KEYS)


def _computed(subject: str, lang: str) -> bytes:
    from data.live import registry

    viewer = Viewer(root="", rights=GUEST)
    name, _, text = subject.partition("/")
    page = registry.page(name)
    state = page.look(page.subject(text, viewer), registry.ask(page, viewer, {"lang": lang}))
    return orjson.dumps(state, option=orjson.OPT_SORT_KEYS)


# ── I12: nothing is left ────────────────────────────────────────────────────────────────────────
def gone(house: House) -> None:
    """After a stop."""
    assert house.processes() == [], "I12: a process is left"
    assert not _listens(house.port), "I12: the port is still open"
    assert {path.name for path in house.home.iterdir()} <= LEFT, f"I12: {sorted(house.home.iterdir())}"
    held = [path for path in _locks(house) if _is_held(path)]
    assert not held, f"I12: locks are held: {held}"
    left = [path for name in ("locks/*", "*/*.*") for path in (house.home / "cache").glob(name)]
    assert not left, f"I12: locks or halves of files are left in the cache: {left}"
    if kept := config.read_json(config.database_file(house.home)):
        data = Path(kept["directory"])
        left = [Path(kept["socket"]), data / "postmaster.pid", data.with_name("data.new")]
        left += (data / "base" / "pgsql_tmp").glob("*")
        assert not [path for path in left if path.exists()], f"I12: {left}"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _locks(house: House) -> list[Path]:
    own = list(house.database.glob("*.lock")) if house.database else []
    return [path for path in (house.home / "lock", *own) if path.exists()]


def _is_held(path: Path) -> bool:
    try:
        keeper.lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB).close()
    except BlockingIOError:
        return True
    return False


# ── I13: nothing grows ──────────────────────────────────────────────────────────────────────────
class Load(NamedTuple):
    """Of all processes of the web server."""

    rss: int
    fds: int
    threads: int


def load(house: House, part: str = "web") -> Load:
    found = [psutil.Process(pid) for pid in house.pids(part)]
    return Load(
        sum(one.memory_info().rss for one in found),
        sum(one.num_fds() for one in found),
        sum(one.num_threads() for one in found),
    )


def flat(before: Load, after: Load, *, rss_mb: float = 30, fds: int = 8, threads: int = 4) -> None:
    """Pools may have opened a few connections meanwhile, but no more."""
    assert after.rss - before.rss <= rss_mb * MB, (
        f"I13: memory {before.rss / MB:.0f} → {after.rss / MB:.0f} MB"
    )
    assert after.fds - before.fds <= fds, f"I13: open files {before.fds} → {after.fds}"
    assert after.threads - before.threads <= threads, f"I13: threads {before.threads} → {after.threads}"
