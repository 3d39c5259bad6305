"""Does English stay English, and does every word exist in both languages?"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from components import text
from data import db, live
from data.commands import incidents, readings
from data.domain.report import Report
from data.domain.rights import GUEST, Viewer
from data.store import sources

HANZI = re.compile("[\u3400-\u9fff]")
VIEWER = Viewer(root="", rights=GUEST)
PLACES = ("99", "9901", "9901-1", "9901-1-1", "9901-1-1-1")


def hanzi_in(value: object, where: str = "") -> Iterator[str]:
    """Where a 汉字 stands; names that have an English form, and an issuer's own, are left out."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not (key == "zh" and value.get("en")) and key != "issuer":
                yield from hanzi_in(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from hanzi_in(inner, f"{where}[]")
    elif isinstance(value, str) and HANZI.search(value):
        yield f"{where}: {value}"


@pytest.fixture(scope="module")
def busy(fresh_module: str, flask_app: Flask) -> None:
    """A city with readings, cases, a warning and a decision, all told in Chinese."""
    now = datetime.now(UTC)
    rows = [
        {"sign": "P1", "place": "9901", "at": now.isoformat(), "value": 1900},
        {"sign": "W2", "asset": "flood-1", "at": now.isoformat(), "value": 30},
        {"sign": "S1", "place": "9901-1-1", "at": now.isoformat(), "value": 12},
    ]
    readings.post(rows, feed="pumps", patience=0)
    for number, severity in enumerate((None, 2, 4)):
        told = {"source": "hotline", "source_id": str(number), "kind": "E0506", "severity": severity}
        at = now - timedelta(hours=9)
        incidents.report(Report(**told, place="9901-1-1-1", at=at, description="路面积水，车辆无法通行"))
    with db.transaction() as conn:
        sources.know(conn, "weather", "government")
        conn.execute(
            """INSERT INTO decision (id, track, place, level, by, reason, source, valid)
               VALUES (gen_random_uuid(), '排涝', '99', 'III', '防汛办', '雨势加大', 'weather',
                       tstzrange(%s, NULL))""",
            (now,),
        )
        conn.execute(
            """INSERT INTO warning (id, kind, colour, path, issuer, source, valid)
               VALUES ('w1', '暴雨', 'orange', '99/', '市气象台', 'weather', tstzrange(%s, NULL))""",
            (now,),
        )


@pytest.mark.parametrize("place", PLACES)
def test_no_english_state_holds_a_hanzi(busy: None, place: str) -> None:
    for page in live.pages():
        subject = {"sources": "", "sign": f"W2/{place}"}.get(page.name, place)
        state = live.answer(page.name, subject, VIEWER, {"lang": "en"})[0]["state"]
        assert list(hanzi_in(state, page.name)) == []


@pytest.mark.parametrize("key", text.words())
def test_every_word_is_in_both_languages_and_takes_the_same_fill(key: str) -> None:
    zh, en = text.words()[key]
    assert not HANZI.search(en) or key.startswith("word.language")
    assert set(re.findall(r"{(\w+)}", zh)) == set(re.findall(r"{(\w+)}", en))
