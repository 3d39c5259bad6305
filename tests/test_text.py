"""Does every word exist in both languages, and is English free of Chinese?"""

import re

import pytest

from components import frame, text
from data import live
from tests.tiny import HAN

OWN_NAME = {"word.language", "word.language_title"}
"""A language is called by its own name."""


@pytest.mark.parametrize("key", text.words())
def test_a_word_is_said_in_both_languages_with_the_same_gaps(key: str):
    zh, en = text.words()[key]
    assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en))
    assert key in OWN_NAME or not HAN.search(en)
    assert bool(zh) == bool(en) or key.startswith(("status1.", "unit."))


def test_an_unknown_word_is_a_mistake():
    with pytest.raises(KeyError):
        text.say("zh", "word.nobody_wrote_this")


def test_a_name_falls_back_to_chinese_where_there_is_no_english_one():
    assert text.name({"zh": "码头街道", "en": ""}, "en") == "码头街道"
    assert text.name({"zh": "东岸区", "en": "East Bank"}, "en") == "East Bank"


def test_the_rail_leads_only_to_pages_that_exist(flask_app):
    assert {name for name, _, _ in frame.RAIL} <= {page.name for page in live.pages()}
