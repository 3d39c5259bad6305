"""Do ids rise with time and never meet?"""

from datetime import UTC, datetime, timedelta

from data.domain.identity import uuid7

AT = datetime(2020, 7, 6, 0, 0, 0, 123456, tzinfo=UTC)


def test_an_id_says_when_it_was_made() -> None:
    made = uuid7(AT)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert datetime.fromtimestamp((made.int >> 80) / 1000, UTC) == AT.replace(microsecond=123000)


def test_ids_rise_from_one_millisecond_to_the_next() -> None:
    ids = [uuid7(AT + timedelta(milliseconds=n)) for n in range(100)]
    assert ids == sorted(ids)


def test_ids_of_one_moment_differ() -> None:
    assert len({uuid7(AT) for _ in range(1000)}) == 1000
