"""Does a difference, applied to the old state, give the new one?"""

from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from data.live.diff import between

plain = st.one_of(
    st.none(), st.integers(), st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.integers())
)
row = st.fixed_dictionaries({"id": st.sampled_from("abcdefgh"), "value": st.integers(0, 3)})
keyed = st.one_of(st.none(), st.lists(row, unique_by=lambda one: one["id"]), st.lists(row, max_size=3))
states = st.fixed_dictionaries(
    {"text.open": plain, "chart.day": plain, "rows.signs": keyed, "layer.places": keyed, "rows.odd": plain}
)


def applied(state, change):
    """What assets/paint.js does with a message."""
    made = deepcopy(state) | change["set"]
    for key, rows in change["rows"].items():
        by_id = {one["id"]: one for one in made[key] if one["id"] not in rows["drop"]}
        by_id |= {one["id"]: one for one in rows["put"]}
        made[key] = [by_id[one] for one in rows.get("order", by_id)]
    return made


@given(states, states)
def test_the_difference_makes_the_new_state_out_of_the_old(old, new):
    change = between(old, new)
    assert (change is None) == (old == new)
    assert change is None or applied(old, change) == new


def test_of_a_list_only_the_rows_that_changed_are_sent():
    old = {"rows.signs": [{"id": "a", "value": 1}, {"id": "b", "value": 2}, {"id": "c", "value": 3}]}
    new = {"rows.signs": [{"id": "a", "value": 1}, {"id": "b", "value": 9}, {"id": "c", "value": 3}]}
    rows = {"put": [{"id": "b", "value": 9}], "drop": []}
    assert between(old, new) == {"set": {}, "rows": {"rows.signs": rows}}


def test_the_order_is_sent_when_it_changes_though_no_row_does():
    a, b = {"id": "a"}, {"id": "b"}
    change = between({"layer.places": [a, b]}, {"layer.places": [b, a]})
    assert change == {"set": {}, "rows": {"layer.places": {"put": [], "drop": [], "order": ["b", "a"]}}}


def test_rows_without_an_id_of_their_own_are_sent_whole():
    twice = [{"id": "a", "value": 1}, {"id": "a", "value": 2}]
    assert between({"rows.signs": []}, {"rows.signs": twice}) == {"set": {"rows.signs": twice}, "rows": {}}
