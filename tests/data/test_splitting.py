"""Protocols: disjoint parts, no look into the future, bad input."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from penchant.data.dataset import Clock, Dataset, Table
from penchant.data.histories import Cases
from penchant.data.partition import cautions
from penchant.data.splitting import PROTOCOLS, HeldOut, Protocol, SplitConfig, split, splits
from penchant.errors import ConfigError, ProtocolError, SourceError


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


def several_types() -> Dataset:
    """Each thing is seen, clicked and bought at one moment, as one user's log has it; w comes back to what he had."""
    rows = [("u", item, t) for t, item in enumerate("abcd") for _ in range(3)]
    rows += [("v", "a", 1), ("v", "a", 2), ("v", "b", 9)]
    return make_dataset(rows + [("w", item, t) for t, item in enumerate("abca")])


def test_events_on_one_item_that_follow_each_other_are_held_out_together():
    data = several_types()
    made = split(data, "leave-one-out")
    ids = data.items.ids
    assert [ids[i] for i in made.test.histories.items] == [*"aaabbbccc", *"abc"]
    assert [ids[i] for i in made.test.target_items] == ["d", "a"]
    assert [ids[i] for i in made.validation.histories.items] == [*"aaabbb", *"ab"]
    assert [ids[i] for i in made.validation.target_items] == ["c", "c"]
    assert [ids[i] for i in made.train.events.items] == [*"aaabbb", *"aab", *"ab"]
    assert made.test.histories.asked_at is not None
    assert made.test.histories.asked_at.tolist() == [3, 3]
    assert made.facts["repeated_target_share"] == 0.5  # w's
    assert "50.0% of the targets" in cautions(made.facts)[-1]
    folds = list(splits(data, "k-fold-users", config=SplitConfig(folds=3, validation_share=0)))
    asked = [(ids[made.test.target_items[0]], made.test.histories.items.size) for made in folds]
    assert sorted(asked) == [("a", 3), ("b", 2), ("d", 9)]


def test_a_cold_user_is_not_asked_for_what_he_just_had():
    data = several_types()
    held_out = HeldOut(fingerprint=data.fingerprint, seed=0, share=0.3, items=(), users=("u",))
    made = split(data, "cold-users", config=SplitConfig(held_out=held_out))
    assert made.test.histories.lengths.tolist() == [0, 3]  # not after 1, 2, 5 and 10: those are on the item before


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


def make_world(n_users: int = 120, n_items: int = 60, *, seed: int = 0, clock: Clock = "time") -> Dataset:
    """Users with 1 to 20 distinct items each, popular items first, times from one year with many ties."""
    rng = np.random.default_rng(seed)
    appeal = 1.0 / np.arange(1, n_items + 1)
    rows: list[tuple[str, str | None, int]] = []
    for user in range(n_users):
        items = rng.choice(n_items, size=rng.integers(1, 21), replace=False, p=appeal / appeal.sum())
        times = np.sort(rng.integers(0, 365, size=len(items))) * 86_400_000_000
        rows += [(f"u{user}", f"i{item}", int(time)) for item, time in zip(items, times, strict=True)]
    return make_dataset(rows, clock=clock, items=[f"i{item}" for item in range(n_items)])


def pairs(cases: Cases) -> set[tuple[int, int]]:
    owners = np.repeat(cases.histories.users, np.diff(cases.target_indptr))
    return set(zip(owners.tolist(), cases.target_items.tolist(), strict=True))


def trained_pairs(data: Dataset) -> set[tuple[int, int]]:
    return set(zip(data.events.users.tolist(), data.events.items.tolist(), strict=True))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_three_parts_are_disjoint(protocol: Protocol) -> None:
    # Users meet an item once, so a pair is an event. Cold users are asked several times, of events of their own.
    data = make_world()
    for made in splits(data, protocol, config=SplitConfig(cold_share=0.2)):
        train, validation, test = trained_pairs(made.train), pairs(made.validation), pairs(made.test)
        assert train
        assert validation
        assert test
        assert not train & validation
        assert not train & test
        assert not validation & test
        assert made.facts["test_cases"] == len(made.test)
        assert made.facts["train_events"] == len(made.train.events)


@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p != "k-fold"])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_nothing_asked_for_is_earlier_than_training_of_the_same_user(protocol: Protocol, part: str) -> None:
    data = make_world(seed=1)
    place = {(u, i): n for n, (u, i) in enumerate(zip(data.events.users, data.events.items, strict=True))}
    for made in splits(data, protocol, config=SplitConfig(cold_share=0.2)):
        last_trained: dict[int, int] = {}
        for u, i in zip(made.train.events.users.tolist(), made.train.events.items.tolist(), strict=True):
            last_trained[u] = max(last_trained.get(u, -1), place[u, i])
        cases: Cases = getattr(made, part)
        for b in range(len(cases)):
            user = int(cases.histories.users[b])
            targets = [place[user, int(item)] for item in cases.targets(b)]
            assert min(targets) > last_trained.get(user, -1)
            given = [place[user, int(item)] for item in cases.histories.items[cases.histories.of(b)]]
            assert max(given, default=-1) < min(targets)  # a cold user is also asked before his first event


def test_temporal_cuts_all_users_at_one_time() -> None:
    data = make_world(seed=2)
    made = split(data, "temporal", config=SplitConfig(test_share=0.2, validation_share=0.2))
    start, end = made.facts["validation_from"], made.facts["test_from"]
    assert made.train.events.timestamps.max() < start < end
    assert made.test.histories.timestamps.max() < end
    later = data.events.timestamps >= end
    assert later.mean() == pytest.approx(0.2, abs=0.02)
    asked = set(pairs(made.test))
    known = set(data.events.users[data.events.timestamps < end].tolist())
    events = zip(data.events.users[later].tolist(), data.events.items[later].tolist(), strict=True)
    assert asked == {(u, i) for u, i in events if u in known}


@pytest.mark.parametrize("protocol", ["temporal", "k-fold-time"])
def test_cuts_in_time_without_time_are_refused_by_name(protocol: Protocol) -> None:
    with pytest.raises(ProtocolError, match=f"{protocol} needs times, and 'toy' has positions only"):
        split(make_world(clock="position"), protocol)


def test_time_folds_learn_from_the_past_and_test_each_time_once() -> None:
    data = make_world(seed=5)
    made = list(splits(data, "k-fold-time", config=SplitConfig(folds=4, validation_share=0.25)))
    ends = [one.facts["test_from"] for one in made[1:]] + [int(data.events.timestamps.max()) + 1]
    trained = 0
    for one, end in zip(made, ends, strict=True):
        start, begin = one.facts["validation_from"], one.facts["test_from"]
        assert one.train.events.timestamps.max() < start < begin < end
        assert one.validation.histories.timestamps.max() < start
        assert one.test.histories.timestamps.max() < begin
        when = data.events.timestamps
        assert ((when >= begin) & (when < end)).mean() == pytest.approx(1 / 5, abs=0.02)
        assert (when < start).sum() / (when < begin).sum() == pytest.approx(0.75, abs=0.02)
        known = set(data.events.users[when < begin].tolist())
        later = (when >= begin) & (when < end)
        events = zip(data.events.users[later].tolist(), data.events.items[later].tolist(), strict=True)
        assert pairs(one.test) == {(u, i) for u, i in events if u in known}
        assert len(one.train.events) > trained
        trained = len(one.train.events)
    asked = [pair for one in made for pair in pairs(one.test)]
    assert len(asked) == len(set(asked))  # no event is tested twice


def test_temporal_at_one_moment_finds_nobody() -> None:
    with pytest.raises(ProtocolError, match="temporal finds nobody"):
        split(make_dataset([("u", "a", 5), ("u", "b", 5), ("v", "a", 5)]), "temporal")


def test_later_targets_are_distinct_items_in_the_order_of_time() -> None:
    rows = [("u", "a", 1), ("u", "c", 8), ("u", "b", 9), ("u", "c", 10), ("v", "a", 1), ("v", "b", 2), ("w", "a", 9)]
    made = split(make_dataset(rows), "temporal", config=SplitConfig(test_share=0.5, validation_share=0.2))
    assert made.facts["test_from"] == 8
    assert [made.train.items.ids[i] for i in made.test.target_items] == ["c", "b"]
    assert made.facts["test_users_without_history"] == 1


@pytest.mark.parametrize("protocol", ["k-fold", "k-fold-users"])
def test_folds_cover_everything_once(protocol: Protocol) -> None:
    data = make_world(seed=3)
    made = list(splits(data, protocol, config=SplitConfig(folds=4)))
    assert len({one.hash for one in made}) == 4
    asked = [pair for one in made for pair in pairs(one.test)]
    assert len(asked) == len(set(asked))
    if protocol == "k-fold-users":
        askable = np.flatnonzero(data.histories().lengths >= 2)
        assert sorted(user for user, _ in asked) == askable.tolist()
        for one in made:
            users = set(one.test.histories.users.tolist()) | set(one.validation.histories.users.tolist())
            assert not users & set(one.train.events.users.tolist())
    else:
        assert "published figures only" in made[0].facts["caution"]
        unasked = sum(one.facts["test_users_without_history"] for one in made)
        assert len(asked) + unasked >= len(data.events) - 4 * data.n_users


def test_a_fold_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="folds 0 to 4"):
        split(make_world(), "k-fold", fold=5)


def test_cold_items_are_nowhere_but_in_the_question() -> None:
    data = make_world(seed=4)
    held_out = HeldOut.choose(data, share=0.2, seed=7)
    made = split(data, "cold-items", config=SplitConfig(held_out=held_out))
    cold = set(data.items.rows(held_out.items).tolist())
    assert not cold & set(made.train.events.items.tolist())
    for cases in (made.validation, made.test):
        assert not cold & set(cases.histories.items.tolist())
    assert cold >= set(made.test.target_items.tolist())
    # Every cold event with a warm one before it is a case, and its history is all the warm events before it.
    expected = {}
    for user in range(data.n_users):
        own = data.events.items[data.events.users == user].tolist()
        for n, item in enumerate(own):
            warm = [i for i in own[:n] if i not in cold]
            if item in cold and warm:
                expected[user, item] = warm
    found = {
        (int(made.test.histories.users[b]), int(made.test.targets(b)[0])): made.test.histories.items[
            made.test.histories.of(b)
        ].tolist()
        for b in range(len(made.test))
    }
    assert found == expected
    assert made.facts["cold_events"] == made.facts["cold_events_asked"] + made.facts["cold_events_without_history"]


def test_cold_items_keep_later_events_by_option_and_say_so() -> None:
    data = make_world(seed=4)
    kept = split(data, "cold-items", config=SplitConfig(later_events="keep"))
    dropped = split(data, "cold-items")
    assert len(kept.train.events) > len(dropped.train.events)
    assert (kept.facts["time_respected"], dropped.facts["time_respected"]) == (False, True)
    assert kept.facts["later_events_dropped"] == 0 < dropped.facts["later_events_dropped"]


def test_too_many_cold_cases_become_a_seeded_sample() -> None:
    data = make_world(seed=4)
    few = split(data, "cold-items", config=SplitConfig(max_cases=5))
    assert len(few.test) == 5
    assert few.hash == split(data, "cold-items", config=SplitConfig(max_cases=5)).hash
    assert pairs(few.test) < pairs(split(data, "cold-items").test)


def test_cold_users_are_asked_after_their_first_events() -> None:
    data = make_world(seed=5)
    held_out = HeldOut.choose(data, share=0.1, seed=0)
    made = split(data, "cold-users", config=SplitConfig(held_out=held_out))
    rows = data.users.rows(held_out.users)
    assert not set(rows.tolist()) & set(made.train.events.users.tolist())
    for row in rows:
        own = data.events.items[data.events.users == row].tolist()
        cases = np.flatnonzero(made.test.histories.users == row)
        assert made.test.histories.lengths[cases].tolist() == [n for n in (0, 1, 2, 3, 5, 10) if n < len(own)]
        for b in cases.tolist():
            n = int(made.test.histories.lengths[b])
            assert made.test.histories.items[made.test.histories.of(b)].tolist() == own[:n]
            assert made.test.targets(b).tolist() == [own[n]]


def test_held_out_ids_are_stratified_and_the_same_for_any_order_of_the_source() -> None:
    data = make_world(300, 100, seed=6)
    chosen = HeldOut.choose(data, share=0.1, seed=3)
    assert len(chosen.items) == 10
    ranked = np.argsort(-data.item_counts(), kind="stable")
    decile = {int(row): place // 10 for place, row in enumerate(ranked)}
    assert len({decile[row] for row in data.items.rows(chosen.items).tolist()}) >= 8
    assert HeldOut.choose(data, share=0.1, seed=4).items != chosen.items
    order = np.random.default_rng(0).permutation(len(data.events))
    rows = [
        (data.users.ids[data.events.users[n]], data.items.ids[data.events.items[n]], int(data.events.timestamps[n]))
        for n in order
    ]
    shuffled = make_dataset(rows)
    assert set(HeldOut.choose(shuffled, share=0.1, seed=3).items) == set(chosen.items)


def test_the_split_file_is_shared(tmp_path: Path) -> None:
    data = make_world()
    chosen = HeldOut.choose(data, share=0.1, seed=0)
    chosen.save(tmp_path / "cold.json")
    assert HeldOut.load(tmp_path / "cold.json") == chosen
    with pytest.raises(ProtocolError, match="made from data with fingerprint"):
        split(make_world(seed=9), "cold-items", config=SplitConfig(held_out=chosen))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "dataset"}', '{"kind": "cold-split", "seed": "x"}'])
def test_another_file_is_not_a_split_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "cold.json").write_text(text)
    with pytest.raises(SourceError, match="not a split file"):
        HeldOut.load(tmp_path / "cold.json")


def test_a_missing_split_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No split file"):
        HeldOut.load(tmp_path / "none.json")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_user_with_one_event_is_an_error_of_every_protocol(protocol: Protocol) -> None:
    with pytest.raises(ProtocolError):
        split(make_dataset([("u", "a", 1)]), protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_event_at_all_is_an_error_of_every_protocol(protocol: Protocol) -> None:
    empty = make_dataset([("u", "a", 1)]).select(np.zeros(1, dtype=np.bool_))
    with pytest.raises(ProtocolError):
        split(empty, protocol)


@pytest.mark.parametrize("settings", [{"folds": 1}, {"test_share": 0}, {"cold_share": 1}, {"later": "keep"}])
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SplitConfig.of(settings)


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(ConfigError, match="leave nothing"):
        split(make_world(), "temporal", config=SplitConfig(test_share=0.6, validation_share=0.4))


RATED = Dataset.of_rows(
    name="rated",
    users=Table(tuple(f"u{u}" for u in range(12))),
    items=Table(tuple(f"i{i}" for i in range(20))),
    user_rows=np.repeat(np.arange(12), 10),
    item_rows=np.concatenate([np.random.default_rng(u).permutation(20)[:10] for u in range(12)]),
    timestamps=np.tile(np.arange(10) * 3, 12) + np.repeat(np.arange(12), 10),
    values=np.random.default_rng(1).integers(1, 6, size=120),
    rating_scale=(1.0, 5.0),
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_knows_the_ratings_of_its_targets(protocol: Protocol):
    """Each (user, item) pair is rated once, so the rating of a target is the one in the dataset."""
    of_pair = {
        (u, i): value for u, i, value in zip(RATED.events.users, RATED.events.items, RATED.events.values, strict=True)
    }
    made = split(RATED, protocol, config=SplitConfig(cold_share=0.2, test_share=0.3))
    for cases in (made.validation, made.test, made.test.take([2, 0])):
        owners = np.repeat(cases.histories.users, np.diff(cases.target_indptr))
        expected = [of_pair[u, i] for u, i in zip(owners, cases.target_items, strict=True)]
        assert cases.target_values is not None
        assert cases.target_values.tolist() == expected


@pytest.mark.parametrize("protocol", ["k-fold", "k-fold-users", "temporal"])
def test_without_a_validation_share_all_but_the_test_trains(protocol: Protocol):
    with_it = split(RATED, protocol, config=SplitConfig(test_share=0.3))
    without = split(RATED, protocol, config=SplitConfig(test_share=0.3, validation_share=0))
    assert len(without.validation) == 0
    assert len(without.train.events) > len(with_it.train.events)
    np.testing.assert_array_equal(without.test.target_items, with_it.test.target_items)
    np.testing.assert_array_equal(without.test.histories.users, with_it.test.histories.users)
