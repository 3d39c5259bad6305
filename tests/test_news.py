"""Does a message about many places still fit, and does it arrive?"""

import json
from contextlib import closing

from data import db
from data.store import news


def test_a_message_names_what_changed() -> None:
    assert json.loads(news._payload("signs", {"xid": "77", "n": 5}, ["4201/420106/"])) == {
        "kind": "signs", "xid": "77", "n": 5, "paths": ["4201/420106/"],
    }  # fmt: skip


def test_too_many_places_are_told_as_the_place_above() -> None:
    paths = [f"4201/420106/420106{n:03d}/" for n in range(900)]
    payload = news._payload("signs", {"xid": "1", "n": 1}, paths)
    assert len(payload) <= news.PAYLOAD_BYTES and json.loads(payload)["paths"] == ["4201/420106/"]


def test_a_message_arrives_at_commit(fresh_module: str) -> None:
    with closing(db.listen()) as ear:
        with db.transaction() as conn:
            news.tell(conn, "incidents", ["4201/"])
        heard = next(ear.notifies(timeout=5))
    assert json.loads(heard.payload)["paths"] == ["4201/"]
