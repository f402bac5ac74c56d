import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.dataset import Table
from penchant.errors import ConfigError, NotFoundError
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.rules import Rules, events_since
from penchant.reranking.selectors import Selectors
from tests.reranking.lists import KINDS, candidates_of, facts_of, listed, worlds

SCORES = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
"""Items i0 … i8, of the kinds a, b, c, a, b, c, …"""
FACTS = facts_of(counts=np.zeros(9))


def rows(k: int = 4, *, history: tuple[int, ...] = (), **rules: object) -> list[int]:
    found = listed(None, candidates_of(SCORES, history=history), FACTS, k, **rules)
    return [int(row) for row in found.order]


def test_without_rules_the_scores_decide():
    assert rows() == [0, 1, 2, 3]
    assert Rules().empty
    assert not Rules(seen="include").empty


def test_only_what_is_allowed_and_not_denied_comes():
    assert rows(allow=("kind:a", "i8")) == [0, 3, 6, 8]
    assert rows(deny=("i0", "kind:B", "gone")) == [2, 3, 5, 6]  # an id that is not there cannot appear anyway
    assert rows(allow=("kind:a",), deny=("i3",)) == [0, 6]


def test_a_boost_moves_the_value_and_is_told():
    found = listed(None, candidates_of(SCORES), FACTS, 3, boost={"kind:c": 2.5, "i8": 1.0, "i0": -5.0})
    assert found.order.tolist() == [2, 1, 5]  # 7 + 2.5, then 8, then 4 + 2.5; i0 falls to 4 and i8 rises to 4.5
    np.testing.assert_allclose(found.adjustments, [2.5, 0.0, 2.5])


def test_quotas_hold_at_most_and_at_least():
    assert rows(5, quota={"kind:a": {"most": 1}}) == [0, 1, 2, 4, 5]
    assert rows(3, quota={"kind:c": {"least": 2}}) == [0, 2, 5]
    assert rows(3, quota={"i8": {"least": 1}, "kind:a": {"most": 0}}) == [1, 2, 8]
    short = listed(None, candidates_of(SCORES), FACTS, 9, quota={"kind:c": {"least": 4}})
    assert short.notes == ("kind:c: 3 of at least 4 could be found",)
    assert len(short.order) == 9


def test_a_quota_that_cannot_be_filled_asks_for_no_more_places_than_it_has_items():
    assert rows(3, quota={"i8": {"least": 3}}) == [0, 1, 8]
    assert rows(4, quota={"i8": {"least": 3}, "kind:b": {"least": 2}}) == [0, 1, 4, 8]
    assert rows(2, quota={"i8": {"least": 1}}, deny=("i8",)) == [0, 1]


def test_quotas_that_leave_too_few_shorten_the_list():
    assert rows(9, quota={"kind:a": {"most": 1}, "kind:b": {"most": 1}}) == [0, 1, 2, 5, 8]


def test_pins_stand_at_their_places_and_count_in_quotas():
    assert rows(pin={2: "i8", 4: "i7"}) == [0, 8, 1, 7]
    assert rows(allow=("kind:a",), pin={1: "i7"}) == [7, 0, 3, 6]
    assert rows(pin={4: "i3"}, quota={"kind:a": {"most": 1}}) == [1, 2, 4, 3]
    over = listed(None, candidates_of(SCORES), FACTS, 3, pin={1: "i0", 2: "i3"}, quota={"kind:a": {"most": 1}})
    assert over.order.tolist() == [0, 3, 1]
    assert over.notes == ("kind:a: 2 are pinned, and at most 1 were asked for",)
    assert rows(3, allow=("i0",), pin={3: "i5"}) == [0, 5]  # too few to stand before it: the list closes up


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({"seen": "exclude"}, [1, 3, 4, 5]),
        ({"seen": "include"}, [0, 1, 2, 3]),
        ({"seen": "after", "seen_after": 1}, [0, 1, 3, 4]),  # i0 was last had two events ago, i2 in the last
        ({"seen": "after", "seen_after": 2}, [1, 3, 4, 5]),
        ({"seen": "demote", "seen_penalty": 2.5}, [1, 0, 3, 4]),  # i0 falls to 6.5, i2 to 4.5
    ],
)
def test_what_becomes_of_seen_items(seen, expected):
    assert rows(history=(2, 0, 8, 2), **seen) == expected


def test_events_since_the_last_on_each_item():
    np.testing.assert_array_equal(events_since(np.array([2, 0, 2, 1], dtype=np.int32), 4), [2, 0, 1, -1])
    np.testing.assert_array_equal(events_since(np.zeros(0, dtype=np.int32), 2), [-1, -1])


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"pin": {0: "i1"}}, "count from 1"),
        ({"pin": {1: "i1", 2: "i1"}}, "two places"),
        ({"quota": {"kind:a": {"least": 3, "most": 2}}}, "at least 3 and at most 2"),
        ({"seen": "sometimes"}, "seen"),
        ({"boost": {"i1": float("nan")}}, "boost"),
        ({"denied": ()}, "no such setting"),
    ],
)
def test_wrong_rules_are_named(rules, says):
    with pytest.raises(ConfigError, match=says):
        Rules.of(rules)


def test_rules_that_contradict_the_catalogue_or_each_other_are_named():
    with pytest.raises(ConfigError, match="both pinned and denied"):
        rows(pin={1: "i3"}, deny=("kind:a",))
    with pytest.raises(ConfigError, match="place 9 of 4"):
        rows(pin={9: "i3"})
    for rules in ({"pin": {1: "x"}}, {"allow": ("x",)}, {"boost": {"x": 1.0}}, {"quota": {"x": {"most": 1}}}):
        with pytest.raises(NotFoundError, match="'x'"):
            rows(**rules)
    with pytest.raises(NotFoundError, match="has 'z' among its kind"):
        rows(deny=("kind:z",))


def test_places_may_be_text_as_json_has_them():
    assert Rules.of({"pin": {"2": "i1"}}).pin == {2: "i1"}


def test_selectors_read_ids_before_columns_and_lists_as_well_as_single_values():
    values = np.empty(4, dtype=object)
    values[:] = [["Epic Fantasy", "War"], ["war", "war"], None, []]
    years = np.array([1954, None, 1954.0, 2001], dtype=object)
    selectors = Selectors(Table(("a", "tags:war", "c", "d"), {"tags": values, "year": years}))
    assert selectors.rows("tags:WAR").tolist() == [0, 1]
    assert selectors.rows("tags:war").tolist() == [1]  # an item of that very id
    assert selectors.rows("tags: epic fantasy").tolist() == [0]
    assert selectors.rows("year:1954").tolist() == [0]
    assert selectors.row("c") == 2
    with pytest.raises(NotFoundError, match="No item 'colour:red'") as caught:
        selectors.rows("colour:red")
    assert "tags:…" in caught.value.hint


@settings(max_examples=150, deadline=None)
@given(world=worlds(), data=st.data())
def test_whatever_the_rules_no_promise_is_broken(world, data):
    candidates, facts = world
    n = len(candidates)
    ids = [f"i{i}" for i in range(n)]
    k = data.draw(st.integers(1, n + 3), label="k")
    pinned = data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=3), label="pinned")
    places = data.draw(
        st.lists(st.integers(1, k), unique=True, min_size=min(len(pinned), k), max_size=min(len(pinned), k)), label="at"
    )
    pins = dict(zip(places, pinned, strict=False))
    denied = data.draw(st.lists(st.sampled_from(ids), max_size=4), label="denied")
    denied = [one for one in denied if one not in pins.values()]
    most = data.draw(st.dictionaries(st.sampled_from(KINDS), st.integers(0, 6)), label="most")
    most = {kind: limit for kind, limit in most.items() if f"i{KINDS.index(kind)}" in ids}
    least = {kind: data.draw(st.integers(0, limit), label="least") for kind, limit in most.items()}
    quota = {f"kind:{kind}": {"least": least[kind], "most": most[kind]} for kind in most}
    boost = data.draw(st.dictionaries(st.sampled_from(ids), st.floats(-5, 5), max_size=3), label="boost")
    seen = data.draw(st.sampled_from(["exclude", "include", "after", "demote"]), label="seen")
    name = data.draw(st.sampled_from([None, *RERANKERS]), label="reranker")
    reranker = None if name is None else RERANKERS.build(name, {"weight": data.draw(st.floats(0, 1), label="weight")})
    rules = {"pin": pins, "deny": denied, "quota": quota, "boost": boost, "seen": seen, "seen_after": 2}
    found = listed(reranker, candidates, facts, k, **rules)
    again = listed(reranker, candidates, facts, k, **rules)
    np.testing.assert_array_equal(found.order, again.order)
    chosen = [ids[n] for n in found.order]
    assert len(set(chosen)) == len(chosen) <= k
    assert not set(denied) & set(chosen)
    assert set(pins.values()) <= set(chosen)
    if len(chosen) == k:
        for place, item in pins.items():
            assert chosen[place - 1] == item
    ages = events_since(candidates.history, n)
    beside = [item for item in chosen if item not in pins.values()]
    for item in beside:
        age = ages[int(item[1:])]
        assert seen not in {"exclude", "after"} or age < 0 or (seen == "after" and age > 2)
    for kind in most:
        inside = [item for item in chosen if KINDS[int(item[1:]) % 3] == kind]
        own = [item for item in inside if item in pins.values()]
        assert len(inside) <= max(most[kind], len(own))
        if len(inside) < least[kind] and len(chosen) == k:
            assert any(note.startswith(f"kind:{kind}: ") for note in found.notes)
    if not quota and not denied and seen == "include":
        assert len(chosen) == min(k, n)


@settings(max_examples=100, deadline=None)
@given(world=worlds(), data=st.data())
def test_quotas_that_can_be_kept_are_kept(world, data):
    """Kinds do not overlap; what is asked for is there and fits into the list."""
    candidates, facts = world
    n = len(candidates)
    k = data.draw(st.integers(1, n), label="k")
    there = {kind: len(range(place, n, 3)) for place, kind in enumerate(KINDS) if place < n}
    left, quota = k, {}
    for kind, count in there.items():
        least = data.draw(st.integers(0, min(count, left)), label="least")
        most = data.draw(st.integers(least, count), label="most")
        quota[f"kind:{kind}"] = {"least": least, "most": most}
        left -= least
    found = listed(RERANKERS.build("mmr", {"weight": 0.5}), candidates, facts, k, quota=quota)
    for place, kind in enumerate(there):
        inside = sum(1 for row in found.order if row % 3 == place)
        limits = quota[f"kind:{kind}"]
        assert limits["least"] <= inside <= limits["most"]
    assert not found.notes
    assert len(found.order) == min(k, sum(one["most"] for one in quota.values()))
