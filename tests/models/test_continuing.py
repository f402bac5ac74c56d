"""A tracker that goes on learning: replay and the pull forget less, and what is new has room."""

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset
from penchant.data.growth import grown
from penchant.data.histories import Cases
from penchant.data.partition import next_item
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.holdout import catalogue_ties, validation_ndcg
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.continuing import ContinuingConfig, replayed
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.seeding import numpy_rng
from penchant.training.loop import TrainingConfig
from tests.continual.world import two_periods

TRAINING = TrainingConfig(max_epochs=14, warmup_steps=5, learning_rate=0.01, evaluate_every=14)
TINY = InterestTrackerConfig(dim=16, layers=1, dropout=0.1, training=TRAINING)


@pytest.fixture(scope="module")
def stream() -> tuple[Dataset, Cases, Dataset, Cases]:
    """First period and cases, the same for the second: the last event of every user."""
    return *_asked(two_periods(users=80, later=80)[0]), *_asked(two_periods(users=80, later=80)[1])


@pytest.fixture(scope="module")
def first(stream) -> InterestTracker:
    training, cases, _, _ = stream
    return InterestTracker(TINY).fit(training, options=FitOptions(validation=cases))


def _asked(dataset: Dataset) -> tuple[Dataset, Cases]:
    histories = dataset.histories()
    asked = np.flatnonzero(histories.lengths > 1)
    kept = np.ones(len(dataset.events), dtype=np.bool_)
    kept[histories.indptr[1:][asked] - 1] = False
    return dataset.select(kept), next_item(histories.take(asked))


def _continued(tracker: InterestTracker, stream, **told) -> InterestTracker:
    growth = grown(stream[0], stream[2])
    return tracker.continued(
        growth.dataset,
        learned_N=growth.of_items,
        replayable_N=~growth.of_items,
        counted_I=stream[0].item_counts(),
        config=ContinuingConfig(**told),
    )


def _weights(tracker: InterestTracker) -> dict[str, torch.Tensor]:
    assert tracker._encoder is not None
    return dict(tracker._encoder.state_dict())


def _ndcg(tracker: InterestTracker, cases: Cases, dataset: Dataset) -> float:
    return validation_ndcg(tracker.score, cases, ties=catalogue_ties(dataset, 0))


def test_replay_and_pull_forget_less_than_plain_fine_tuning(stream, first):
    fast = {"epochs": 12, "learning_rate": 0.02}
    plain = _continued(first, stream, **fast, replay=0.0, anchor=0.0)
    kept = _continued(first, stream, **fast, replay=1.0, anchor=0.01)
    before = _ndcg(first, stream[1], stream[0])
    lost_plain, lost_kept = (before - _ndcg(tracker, stream[1], stream[0]) for tracker in (plain, kept))
    assert lost_plain > 0.1, "the world is to make plain fine-tuning forget"
    assert lost_kept < 0.5 * lost_plain
    began = _ndcg(first, stream[3], stream[2])
    assert _ndcg(kept, stream[3], stream[2]) > began + 0.1  # and it has learned what came


@pytest.mark.parametrize("importance", ["uniform", "fisher"])
def test_without_a_learning_rate_nothing_changes_in_a_bit(stream, first, importance):
    same = _continued(first, stream, epochs=1, learning_rate=0.0, importance=importance)
    assert np.array_equal(same.item_vectors, first.item_vectors)
    told, was = _weights(same), _weights(first)
    assert told.keys() == was.keys()
    assert all(torch.equal(told[name], was[name]) for name in was)


def test_the_one_it_began_from_stays_as_it_was(stream, first):
    before = first.item_vectors.copy(), {name: w.clone() for name, w in _weights(first).items()}
    _continued(first, stream, epochs=1)
    assert np.array_equal(before[0], first.item_vectors)
    assert all(torch.equal(w, _weights(first)[name]) for name, w in before[1].items())


def test_a_strong_pull_keeps_the_weights(stream, first):
    far, near = (
        _continued(first, stream, epochs=8, learning_rate=0.01, replay=0.0, anchor=strength, importance="uniform")
        for strength in (0.0, 100.0)
    )
    moved = [np.abs(tracker.item_vectors - first.item_vectors).mean() for tracker in (far, near)]
    assert moved[1] < 0.2 * moved[0]


def test_new_items_users_and_event_types_have_room(stream, first):
    old, new = stream[0], stream[2]
    items = type(old.items)((*new.items.ids, "brand-new"), {})
    types = np.where(np.arange(len(new.events)) % 3 == 0, 1, 0)
    rows = new.events.items.copy()
    rows[5::7] = len(items) - 1
    came = Dataset.of_rows(
        name="came",
        users=new.users,
        items=items,
        user_rows=new.events.users,
        item_rows=rows,
        types=types,
        event_types=("interaction", "purchase"),
    )
    growth = grown(old, came)
    tracker = first.continued(
        growth.dataset,
        learned_N=growth.of_items,
        replayable_N=~growth.of_items,
        counted_I=old.item_counts(),
        config=ContinuingConfig(epochs=1),
    )
    scores = tracker.score(growth.dataset.histories())
    assert scores.shape == (growth.dataset.n_users, old.n_items + 1)
    assert np.isfinite(scores).all()
    assert tracker._sources.types == 2
    assert first._sources.types == 0
    assert np.linalg.norm(tracker.item_vectors[-1]) == pytest.approx(1.0, abs=1e-5)


def test_replay_draws_about_what_is_asked_and_only_old_events(stream):
    growth = grown(stream[0], stream[2])
    histories, old = growth.dataset.histories(), ~growth.of_items
    drawn = replayed(histories, old, n=300, rng=numpy_rng(0, "x"))
    assert not (drawn & ~old).any()
    assert abs(int(drawn.sum()) - 300) <= 4 * int(histories.lengths.max())
    assert not replayed(histories, old, n=0, rng=numpy_rng(0, "x")).any()
    assert np.array_equal(replayed(histories, old, n=10**9, rng=numpy_rng(0, "x")), old)


def test_nothing_to_learn_is_refused(stream, first):
    nothing = np.zeros(len(stream[0].histories().items), dtype=np.bool_)
    with pytest.raises(DataError, match="no new event"):
        first.continued(
            stream[0],
            learned_N=nothing,
            replayable_N=~nothing,
            counted_I=stream[0].item_counts(),
            config=ContinuingConfig(),
        )
