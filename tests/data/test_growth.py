"""A dataset that grew: rows stay, what is new is told, nothing is counted twice."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.folder import load_dataset
from penchant.data.growth import grown
from penchant.errors import DataError

US = 1_000_000


def _dataset(events, *, timed=True, items=("a", "b", "c"), types=("interaction",), columns=None) -> Dataset:
    """Events as (user, item, moment) or (user, item, moment, type)."""
    users = tuple(dict.fromkeys(event[0] for event in events))
    return Dataset.of_rows(
        name="d",
        users=Table(users),
        items=Table(tuple(items), columns or {}),
        user_rows=np.array([users.index(event[0]) for event in events]),
        item_rows=np.array([items.index(event[1]) for event in events]),
        timestamps=np.array([event[2] * US for event in events]) if timed else None,
        types=np.array([types.index(event[3]) if len(event) > 3 else 0 for event in events]),
        event_types=tuple(types),
    )


OLD = [("u", "a", 1), ("u", "b", 2), ("v", "c", 1)]


def _told(dataset: Dataset):
    events = dataset.events
    return [
        (dataset.users.ids[u], dataset.items.ids[i], int(t))
        for u, i, t in zip(events.users, events.items, events.timestamps, strict=True)
    ]


@pytest.mark.parametrize("whole", [True, False])
def test_all_events_again_and_the_new_ones_alone_grow_to_the_same(whole):
    new = [("w", "d", 5), ("u", "d", 3)]
    came = _dataset([*OLD, *new] if whole else new, items=("d", "a", "b", "c"))
    growth = grown(_dataset(OLD), came)
    assert growth.dataset.users.ids == ("u", "v", "w")
    assert growth.dataset.items.ids == ("a", "b", "c", "d")
    assert _told(growth.dataset) == [
        ("u", "a", US),
        ("u", "b", 2 * US),
        ("u", "d", 3 * US),
        ("v", "c", US),
        ("w", "d", 5 * US),
    ]
    assert growth.new.tolist() == [False, False, True, False, True]
    assert (growth.events, growth.users, growth.items, growth.repeated) == (2, 1, 1, 3 if whole else 0)


def test_an_event_that_happened_twice_counts_twice():
    growth = grown(_dataset(OLD), _dataset([*OLD, ("u", "a", 1)]))
    assert growth.events == 1


def test_old_events_keep_their_ids_through_a_save(tmp_path):
    old = _dataset(OLD)
    ids = {old.event_id(int(key)): n for n, key in enumerate(old.events.keys)}
    growth = grown(old, _dataset([("u", "c", 0)]))  # earlier than all: every row moves
    growth.dataset.save(tmp_path / "d")
    again = load_dataset(tmp_path / "d")
    named = [again.event_id(int(key)) for key in again.events.keys]
    assert len(set(named)) == 4
    events = again.events
    for id_, place in ids.items():
        n = named.index(id_)
        assert (events.items[n], events.timestamps[n]) == (old.events.items[place], old.events.timestamps[place])


@pytest.mark.parametrize("whole", [True, False])
def test_positions_go_on_where_the_old_history_ended(whole):
    old = [("u", "a", 0), ("u", "b", 0), ("v", "c", 0), ("v", "a", 0)]
    new = [("u", "c", 0), ("w", "a", 0), ("w", "b", 0)]
    growth = grown(_dataset(old, timed=False), _dataset([*old, *new] if whole else new, timed=False))
    assert _told(growth.dataset) == [
        ("u", "a", 0), ("u", "b", 1), ("u", "c", 2), ("v", "c", 0), ("v", "a", 1), ("w", "a", 0), ("w", "b", 1)
    ]  # fmt: skip
    assert growth.events == 3


def test_events_known_to_be_new_alone_are_all_new():
    old = [("u", "a", 0)]
    assert grown(_dataset(old, timed=False), _dataset(old, timed=False)).events == 0
    assert grown(_dataset(old, timed=False), _dataset(old, timed=False), alone=True).events == 1


def test_new_types_come_after_the_old_and_attributes_are_filled():
    old = _dataset(OLD, columns={"title": np.array(["A", None, "C"], dtype=object)})
    came = _dataset(
        [("u", "d", 9, "buy"), ("u", "a", 10, "interaction")],
        items=("d", "b", "a"),
        types=("buy", "interaction"),
        columns={"title": np.array(["D", "B", "other"], dtype=object)},
    )
    growth = grown(old, came)
    assert growth.dataset.event_types == ("interaction", "buy")
    assert growth.event_types == ("buy",)
    assert growth.dataset.items.columns["title"].tolist() == ["A", "B", "C", "D"]
    assert growth.dataset.events.types[growth.new].tolist() == [1, 0]


def test_nothing_new_is_nothing_new():
    growth = grown(_dataset(OLD), _dataset(OLD))
    assert growth.events == 0
    assert growth.repeated == 3
    assert growth.dataset.fingerprint == _dataset(OLD).fingerprint


def test_clocks_that_differ_and_half_a_past_are_refused():
    with pytest.raises(DataError, match="ordered by"):
        grown(_dataset(OLD), _dataset(OLD, timed=False))
    old = [("u", "a", 0), ("v", "b", 0), ("w", "c", 0)]
    with pytest.raises(DataError, match="2 users' histories begin"):
        grown(_dataset(old, timed=False), _dataset([*old[:2], ("w", "a", 0)], timed=False))
