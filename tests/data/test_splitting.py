"""Protocols: disjoint parts, no look into the future, bad input."""

from collections.abc import Sequence

import numpy as np
import pytest

from penchant.data.dataset import Clock, Dataset, Table
from penchant.data.splitting import split
from penchant.errors import ConfigError, ProtocolError


def make_dataset(
    rows: Sequence[tuple[str, str | None, int]], *, clock: Clock = "time", items: list[str] | None = None
) -> Dataset:
    users = Table(tuple(dict.fromkeys(user for user, _, _ in rows)))
    items_ = Table(tuple(items or dict.fromkeys(item for _, item, _ in rows if item is not None)))
    return Dataset.of_rows(
        name="toy",
        users=users,
        items=items_,
        user_rows=users.rows([r[0] for r in rows]),
        item_rows=np.array([-1 if r[1] is None else items_.row(r[1]) for r in rows], dtype=np.int32),
        timestamps=np.array([r[2] for r in rows]),
        clock=clock,
    )


def test_leave_one_out_by_hand():
    data = make_dataset(
        [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("u", "d", 4), ("v", "a", 1), ("v", "b", 9), ("w", "c", 5)]
    )
    made = split(data, "leave-one-out")
    ids = data.items.ids
    assert [ids[i] for i in made.train.events.items] == ["a", "b", "a", "b", "c"]
    assert [ids[i] for i in made.validation.histories.items] == ["a", "b"]
    assert [ids[i] for i in made.validation.target_items] == ["c"]
    assert [ids[i] for i in made.test.histories.items] == ["a", "b", "c"]
    assert [ids[i] for i in made.test.target_items] == ["d"]
    assert made.facts["users_only_in_training"] == 2


def test_leave_one_out_drops_searches_made_after_the_validation_event():
    data = make_dataset([("u", "a", 1), ("u", None, 2), ("u", "b", 3), ("u", None, 4), ("u", "c", 5), ("u", None, 6)])
    made = split(data, "leave-one-out")
    assert made.train.events.items.tolist() == [0, -1]


def test_ties_in_time_keep_the_order_of_the_file_and_are_counted():
    data = make_dataset([("u", i, 7) for i in "cab"] + [("v", i, t) for t, i in enumerate("abc")])
    made = split(data, "leave-one-out")
    assert [data.items.ids[i] for i in made.test.target_items] == ["b", "c"]
    assert made.facts["tied_last_event_share"] == 0.5


def test_nobody_with_three_events_is_an_error_that_says_so():
    data = make_dataset([("u", "a", 1), ("u", "b", 2)])
    with pytest.raises(ProtocolError, match="longest history has 2"):
        split(data, "leave-one-out")


def test_unknown_protocol_names_those_there_are():
    with pytest.raises(ConfigError) as caught:
        split(make_dataset([("u", "a", 1)]), "leave-two-out")  # type: ignore[arg-type]
    assert "k-fold-users" in caught.value.hint


def test_the_hash_changes_with_an_event_and_not_with_a_second_run():
    rows = [("u", i, t) for t, i in enumerate("abcd")]
    first, again = split(make_dataset(rows)), split(make_dataset(rows))
    other = split(make_dataset([*rows[:2], ("u", "d", 2), ("u", "c", 3)]))
    assert first.hash == again.hash != other.hash
