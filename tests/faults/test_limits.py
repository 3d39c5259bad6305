"""What happens a hundred past every counter's end, and to every field that holds what no field should?"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from data import db
from data.commands import city, incidents
from data.domain.incident import Act, Move
from data.domain.refusal import Refusal
from data.domain.report import Life, Report
from data.store import events, nodes
from data.work import fold
from tests.api.conftest import V1, a_report, is_problem
from tests.conftest import CITY, Postgres
from tests.faults.invariants import sound

NOW = datetime.now(UTC)
INTEGER, BIGINT = 2**31 - 1, 2**63 - 1
PAST = pytest.mark.parametrize("past", [2, pytest.param(100, marks=pytest.mark.slow)])
Post = Callable[[str, Any], Any]


@pytest.fixture
def post(app_client: FlaskClient, token: str, impatient: None) -> Post:
    headers = {"Authorization": f"Bearer {token}"}
    return lambda noun, body: app_client.post(f"{V1}/{noun}", json=body, headers=headers)


@pytest.fixture
def admin(postgres: Postgres, fresh: str) -> Iterator[Any]:
    with closing(postgres.admin(fresh)) as conn:
        yield conn


def a_depth(n: int, value: float = 3) -> dict[str, object]:
    at = (NOW - timedelta(hours=1, seconds=n)).isoformat()
    return {"sign": "W2", "asset": "flood-1", "at": at, "value": value}


def value(query: str) -> Any:
    with db.read() as conn:
        row = conn.execute(query.encode()).fetchone()
    assert row is not None
    return next(iter(row.values()))


@contextmanager
def only_so_many_left(admin: Any, sequence: str, end: int, past: int) -> Iterator[None]:
    admin.execute("SELECT setval(%s, %s)", (sequence, end - past))
    yield
    admin.execute("SELECT setval(%s, 1000)", (sequence,))


# ── row 23: counters ────────────────────────────────────────────────────────────────────────────
@PAST
@pytest.mark.parametrize("end", [999_999, INTEGER, BIGINT])
def test_cases_are_numbered_past_the_end_of_the_numbers(post: Post, admin: Any, end: int, past: int) -> None:
    with only_so_many_left(admin, "incident_number", end, past):
        for n in range(2 * past):
            assert post("incidents", a_report(source_id=str(n))).status_code == 201
    assert value("SELECT count(DISTINCT number) FROM incident") == 2 * past
    sound()


@PAST
@pytest.mark.parametrize("end", [INTEGER, BIGINT])
def test_batches_are_taken_and_folded_past_the_end_of_the_inbox(
    post: Post, admin: Any, end: int, past: int
) -> None:
    with only_so_many_left(admin, "inbox_n_seq", end, past):
        for n in range(2 * past):
            assert post("readings", [a_depth(n, n)]).status_code == 200
    with closing(db.connect()) as conn:
        fold.drain(conn)
    assert value("SELECT sum(n)::int FROM rollup_hour JOIN node USING (id) WHERE leaf") == 2 * past
    assert value("SELECT value FROM latest JOIN node USING (id) WHERE leaf AND value IS NOT NULL") == 0
    sound()


@PAST
@pytest.mark.parametrize("sequence, end", list(product(("event_seq_seq", "news"), (INTEGER, BIGINT))))
def test_what_orders_the_log_goes_on_or_says_that_it_has_ended(
    post: Post, admin: Any, sequence: str, end: int, past: int
) -> None:
    with only_so_many_left(admin, sequence, end, past):
        for n in range(past):
            assert post("incidents", a_report(source_id=str(n))).status_code == 201
        more = [post("incidents", a_report(source_id=f"past {n}")) for n in range(past)]
        if end == INTEGER:
            assert {answer.status_code for answer in more} == {201}
        else:
            assert all(is_problem(answer, 507, "spent") for answer in more)
    stored = 2 * past if end == INTEGER else past
    with db.read() as conn:
        assert len(events.since(conn, limit=1_000)) == stored
    assert value("SELECT count(*) FROM incident") == stored
    assert post("incidents", a_report(source_id="after")).status_code == 201
    sound()


@pytest.mark.slow
def test_a_case_outlives_32767_versions(fresh: str) -> None:
    start = NOW - timedelta(days=1)
    report = Report(source="desk", source_id="1", kind="E0506", place="9901-1", at=start)
    notes = tuple(
        Move(Act.NOTE, start + timedelta(seconds=n), "desk", note="…") for n in range(1, 32_768 + 100)
    )
    (filed,) = incidents.live_through([Life(report, notes)])
    assert not isinstance(filed, Refusal)
    moved = incidents.move(filed.id, Move(Act.NOTE, NOW, "desk", note="one more"), version=len(notes) + 1)
    assert moved["version"] == len(notes) + 2 > 32_767
    sound()


@PAST
def test_a_ledger_that_is_full_refuses_in_words_and_stores_nothing(post: Post, admin: Any, past: int) -> None:
    assert post("readings", [a_depth(0)]).status_code == 200
    admin.execute("UPDATE ledger SET received = %s, stored = %s", (BIGINT - past, BIGINT - past))
    for n in range(1, past + 1):
        assert post("readings", [a_depth(n)]).status_code == 200
    assert all(is_problem(post("readings", [a_depth(past + n)]), 507, "spent") for n in range(1, 4))
    assert value("SELECT count(*) FROM reading") == past + 1


def test_a_district_with_more_series_than_numbers_is_refused_in_words(
    postgres: Postgres, fresh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(postgres.admin(fresh)) as admin:
        admin.execute("TRUNCATE city, place, node, asset, sign, class CASCADE")
    monkeypatch.setattr(nodes, "PER_DISTRICT", 4)
    with closing(db.owner()) as conn:
        with pytest.raises(Refusal, match="more than 3 series") as refusal:
            city.load(conn, CITY)
        assert refusal.value.code == "too_many" and "拆分" in refusal.value.zh
    assert value("SELECT count(*) FROM place") == 0


# ── row 60: what no field should hold ───────────────────────────────────────────────────────────
TEXTS = (
    "a\0b", "99\0", "\ufffd", "\U0010ffff", "1e999", "NaN", "-Infinity", "2147483648", "9223372036854775808",
    "-9223372036854775809", "9" * 400, "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "2026-06-30T23:59:60Z",
    "4714-11-24T00:00:00Z BC", "infinity", "-infinity",
)  # fmt: skip
RAW_QUERIES = ("%00", "%ED%A0%80", "%FF%FE", "%u0000", "%", "%F4%90%80%80")
VALUES: tuple[Any, ...] = (
    *TEXTS, "\ud800", 2**15, 2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), float("-inf"), True, False, None, [], {}, ["\0"], {"\0": "\ud800"},
)  # fmt: skip


def questions(client: FlaskClient) -> Iterator[tuple[str, list[str]]]:
    """Every address of the description that is read, and the names of what may be asked of it."""
    described = client.get("/api/openapi.json").get_json()["paths"]
    for path, methods in described.items():
        if "get" in methods:
            names = [one["name"] for one in methods["get"].get("parameters", ()) if one["in"] == "query"]
            yield path, names


FIRST = {"code": "W2", "subject": "overview/99", "page": "sources", "id": "nothing"}
NEEDED = {"place": "99", "by": "hour"}


@pytest.mark.slow
def test_no_question_with_an_impossible_value_brings_a_5xx(app_client: FlaskClient) -> None:
    asked = 0
    for path, names in questions(app_client):
        where = path.format_map({name: FIRST.get(name, "99") for name in ("code", "subject", "page", "id")})
        needed = {name: NEEDED[name] for name in NEEDED if name in names}
        for name, text in product(names, (*TEXTS, *RAW_QUERIES)):
            given = "&".join(f"{key}={said}" for key, said in needed.items() if key != name)
            raw = text if text in RAW_QUERIES else _quoted(text)
            answer = app_client.get(f"{where}?{given}&{name}={raw}")
            assert answer.status_code < 500, (path, name, text, answer.data[:300])
            asked += 1
    assert asked > 1_000


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def test_no_address_with_an_impossible_part_brings_a_5xx(app_client: FlaskClient) -> None:
    for path, _ in questions(app_client):
        for text in (*TEXTS, *RAW_QUERIES):
            raw = text if text in RAW_QUERIES else _quoted(text)
            where = path.format_map(dict.fromkeys(("code", "subject", "page", "id"), raw))
            answer = app_client.get(f"{where}?place=99&by=hour")
            assert answer.status_code < 500, (where, answer.data[:300])


READING = {"sign": "W2", "asset": "flood-1", "place": None, "at": NOW.isoformat(), "value": 3}
REPORT = {**a_report(), "lon": 110.0, "lat": 30.0, "asset": None, "sign": None}


def dumped(body: object) -> bytes:
    """As other programs than ours write it: NaN, lone surrogates and all."""
    import json

    return json.dumps(body).encode()


@pytest.mark.parametrize("noun, whole", [("readings", READING), ("incidents", REPORT)])
def test_no_field_with_an_impossible_value_brings_a_5xx_or_is_stored(
    app_client: FlaskClient, post: Post, token: str, noun: str, whole: dict[str, object]
) -> None:
    """Where the value is possible after all, what is stored is what was said."""
    for name, given in product(whole, VALUES):
        one = {key: said for key, said in whole.items() if said is not None} | {name: given}
        body = dumped([one] if noun == "readings" else one)
        answer = app_client.post(
            f"{V1}/{noun}", data=body, content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )  # fmt: skip
        assert answer.status_code < 500, (name, given, answer.data[:300])
        if answer.status_code < 300 and noun == "incidents":
            assert orjson.loads(answer.data)[name] == given, (name, given)
    with closing(db.connect()) as conn:
        fold.drain(conn)
    sound()


@pytest.mark.parametrize("feed", [*TEXTS, "\u202e", "x" * 81])
def test_a_feed_has_a_name_that_can_be_kept_or_is_refused(
    app_client: FlaskClient, token: str, feed: str
) -> None:
    answer = app_client.post(
        f"{V1}/readings?source={_quoted(feed)}",
        json=[a_depth(1)],
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code in (200, 422), answer.data
    assert app_client.get(f"{V1}/sources").status_code == 200
