"""Is everything in this database what it must be, at one moment?"""

import time
from collections.abc import Callable, Iterator

from data import db
from data.domain import chain
from data.domain.proof import Break, Proof, Verdict, proof
from data.domain.refusal import Refusal, no_city
from data.store import clock, house, migrations, news, verifications, verify
from data.store.verify import Moment, buckets, cases, keys, ledger, log, rights, signs

Prove = Callable[[Moment], Proof]
Told = Callable[[Proof], object]


def prove(
    *, wait: bool = True, told: Told = lambda proof: None, pages: Callable[[], Proof] | None = None
) -> Verdict | None:
    """None if somebody else verifies and it is not to be waited for. `pages`: what looks at the files."""
    _refuse_without_ground()
    started = time.monotonic()
    proofs: list[Proof] = []
    with verify.moment(wait=wait) as now:
        if now is None:
            return None
        for found in proofs_of(now):
            told(found)
            proofs.append(found)
    if pages is not None:
        proofs.append(pages())
        told(proofs[-1])
    return Verdict(now.at, time.monotonic() - started, pages is not None, proofs)


def keep(verdict: Verdict) -> str | None:
    """For /sources, which is told; answers why it could not be kept."""
    try:
        with db.transaction() as conn:
            if not verifications.can_be_kept(conn):
                return "the database takes nothing in"
            verifications.add(conn, verdict)
            here = clock.here(conn)
            news.tell(conn, "sources", [f"{here['root']}/"] if here else [])
    except db.OUTAGE as away:
        return str(away).strip()
    return None


def _refuse_without_ground() -> None:
    with db.read() as conn:
        seen, wanted = migrations.version(conn), migrations.wanted()
        if seen < wanted:
            raise Refusal(
                "no_schema", f"数据库结构为 {seen}，本版本需要 {wanted}：请先运行 flask init",
                f"the schema is at {seen}, this build needs {wanted}: run `flask init` first", status=503,
            )  # fmt: skip
        if house.standing(conn)["city"] is None:
            raise no_city()


def proofs_of(now: Moment) -> Iterator[Proof]:
    """One an invariant."""
    return (proof_of(now, invariant) for invariant in _PROVEN)


def proof_of(now: Moment, invariant: str) -> Proof:
    """What cannot be read breaks what it should prove."""
    try:
        with now.conn.transaction():
            return _PROVEN[invariant](now)
    except verify.UNREADABLE as broken:
        return proof(invariant, {}, [Break("unreadable", 1, [str(broken).strip()])])


def _chain(now: Moment) -> Proof:
    return chain.check(log.links(now))


def _cases(now: Moment) -> Proof:
    return proof("I4", cases.counts(now), cases.breaks(now))


def _signs(now: Moment) -> Proof:
    counts = signs.counts(now) | buckets.counts(now)
    return proof("I6", counts, [*signs.breaks(now), *buckets.breaks(now)])


def _ledger(now: Moment) -> Proof:
    return proof("I7", ledger.counts(now), ledger.breaks(now))


def _rights(now: Moment) -> Proof:
    return proof("I11", rights.counts(now), rights.breaks(now))


def _keys(now: Moment) -> Proof:
    return proof("keys", keys.counts(now), keys.breaks(now))


_PROVEN: dict[str, Prove] = {
    "I3": _chain, "I4": _cases, "I6": _signs, "I7": _ledger, "I11": _rights, "keys": _keys,
}  # fmt: skip
