"""Twins of sparse users: as many rows as asked for, checked, and nothing a test could be asked about."""

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.generated import is_generated, without_generated
from penchant.errors import ConfigError, DataError
from penchant.models.adversarial.augmenting import METHODS, AugmentConfig, augment
from penchant.models.adversarial.collapse import collapse, item_entropy
from penchant.models.adversarial.leaks import leak_report
from penchant.models.adversarial.realism import correlation, realism_report, two_sample_test, wilson
from penchant.models.adversarial.rows import Rows
from tests.worlds import genre_world

QUICK = {"hidden": 16, "batch_rows": 32, "contest": {"epochs": 1, "pretraining_epochs": 1}}


def world() -> Dataset:
    """Every other user has done three things, the others seven."""
    both = genre_world(users=80)
    return both.select(both.events.timestamps < np.where(both.events.users % 2, 3, 7))


def config(method: str, **settings: object) -> AugmentConfig:
    return AugmentConfig.of({"method": method, "gan": QUICK, "sequence_gan": QUICK, "sparse": 3, **settings})


@pytest.mark.parametrize("method", METHODS)
def test_twins_go_on_from_sparse_users_and_are_as_many_rows_as_asked_for(method):
    data = world()
    made = augment(data, config(method, share=0.3), seed=1)
    assert made.rows == round(0.3 * len(data.events)) == len(made.dataset.events) - len(data.events)
    assert made.dataset.events.generated is not None
    assert made.dataset.events.generated.sum() == made.rows
    assert without_generated(made.dataset).fingerprint == data.fingerprint
    histories = made.dataset.histories()
    beginnings = {tuple(histories.items[histories.of(u)][:3].tolist()) for u in range(1, 80, 2)}
    twins = np.flatnonzero(is_generated(made.dataset))
    whole = [histories.items[histories.of(t)] for t in twins.tolist() if histories.lengths[t] > 3]
    assert all(tuple(row[:3].tolist()) in beginnings for row in whole)
    assert max(len(row) for row in whole) <= 7  # as long as those who are not sparse
    again, other = (augment(data, config(method, share=0.3), seed=seed) for seed in (1, 2))
    assert made.dataset.fingerprint == again.dataset.fingerprint != other.dataset.fingerprint
    facts = made.facts()
    assert (len(facts["epochs"]) > 0) == (method != "resample")
    assert facts["share"] == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"sparse": 0}, "Nobody in"), ({"share": 0.001}, "less than one row")],
)
def test_nobody_sparse_or_no_row_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        augment(world(), config("resample", **settings))


@pytest.mark.parametrize("share", [0, -1, 2.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ConfigError, match="share"):
        config("resample", share=share)


def test_made_of_made_rows_and_nothing_to_learn_from_are_refused():
    with pytest.raises(DataError, match="generated rows already"):
        augment(augment(world(), config("resample")).dataset, config("resample"))
    with pytest.raises(DataError, match="no item events"):
        augment(world().select(np.zeros(len(world().events), dtype=bool)), config("resample"))
    with pytest.raises(DataError, match="users with two item events"):
        augment(genre_world(users=8), config("resample", sparse=20))
    one = Dataset.of_rows(
        name="one", users=Table(("u",)), items=Table(("i",)), user_rows=np.zeros(3, int), item_rows=np.zeros(3, int)
    )
    with pytest.raises(DataError, match="one item"):
        augment(one, config("resample"))


def rows(items: np.ndarray, *, given: int = 0) -> Rows:
    n, length = items.shape
    return Rows(
        items=items.astype(np.int64),
        given=np.full(n, given),
        lengths=np.full(n, length),
        attributes=np.zeros((n, 0), dtype=np.float32),
    )


def drawn(seed: int, *, n: int = 200, genres: bool = True) -> np.ndarray:
    """Rows of five distinct items of one genre of twelve, or of all."""
    rng = np.random.default_rng(seed)
    within = np.argsort(rng.random((n, 12)), axis=1)[:, :5] + 12 * rng.integers(4, size=n)[:, None]
    return within if genres else np.argsort(rng.random((n, 48)), axis=1)[:, :5]


def test_a_copyist_is_found_out_and_an_honest_generator_is_not():
    members, held_out, fresh = rows(drawn(0)), rows(drawn(1)), rows(drawn(2, n=400))
    honest = leak_report(fresh, members, held_out, n_items=48)
    assert not honest.leaks
    assert abs(honest.membership_auc - 0.5) < 0.1
    assert abs(honest.distance_ratio - 1) < 0.1
    copyist = leak_report(rows(np.repeat(drawn(0), 2, axis=0)), members, held_out, n_items=48)
    assert copyist.leaks
    assert copyist.copied_members == 1.0
    assert copyist.copied_held_out < 0.3
    assert copyist.nearer_to_members > 0.8
    assert copyist.membership_auc > 0.8
    assert copyist.distance_ratio < 0.1
    with pytest.raises(DataError, match="200 members and 3 held-out"):
        leak_report(fresh, members, held_out.take(slice(0, 3)), n_items=48)


def test_a_condition_that_is_repeated_is_no_copy():
    """Only what stands behind the condition counts: these rows copy four of five items, and those were given."""
    copied = drawn(0)
    copied[:, 4] = np.random.default_rng(9).integers(48, size=len(copied))
    report = leak_report(rows(copied, given=4), rows(drawn(0)), rows(drawn(1)), n_items=48)
    assert report.copied_members == report.copied_held_out == 1.0  # one item alone is in somebody's row
    assert abs(report.nearer_to_members - 0.5) < 0.1
    counted = leak_report(rows(copied), rows(drawn(0)), rows(drawn(1)), n_items=48)
    assert counted.nearer_to_members > 0.6


def test_a_classifier_tells_other_rows_and_does_not_tell_the_same():
    basis = rows(drawn(5, n=400))
    same = two_sample_test(rows(drawn(0)), rows(drawn(1)), basis=basis, n_items=48)
    other = two_sample_test(rows(drawn(0)), rows(drawn(1, genres=False)), basis=basis, n_items=48)
    assert not same.told_apart
    assert other.told_apart
    assert other.accuracy > 0.9
    assert other.low < other.accuracy < other.high


def test_pairs_show_what_single_items_hide():
    """Rows over all genres have each item as often, and pairs that nobody has."""
    report = realism_report(
        rows(drawn(1, n=400, genres=False)),
        rows(drawn(0, n=400)),
        rows(drawn(2, n=400)),
        basis=rows(drawn(3, n=400)),
        n_items=48,
    )
    assert report.item_distance < 0.1
    assert report.floor_pair_correlation > 0.8
    assert report.pair_correlation < 0.2


def test_figures_by_hand():
    assert item_entropy(np.array([1, 1, 2, 2])) == pytest.approx(0.69315, abs=1e-5)
    assert wilson(5, 10) == pytest.approx((0.5 - 0.26341, 0.5 + 0.26341), abs=1e-5)
    assert correlation(np.array([1.0, 2.0]), np.array([3.0, 5.0])) == pytest.approx(1.0)
    assert correlation(np.ones(3), np.arange(3.0)) == 0.0
    observed = np.array([[0, 1], [2, 3], [4, 5], [6, 7]])
    found = collapse(np.array([[0, 1], [1, 0], [0, 1], [2, 3]]), rows(observed), n_items=8)
    assert found["distinct"] == 0.5
    assert found["coverage"] == 0.5
    # items 0 and 1 three times of eight, 2 and 3 once
    entropy = -2 * (3 / 8 * np.log(3 / 8) + 1 / 8 * np.log(1 / 8))
    assert found["entropy"] == pytest.approx(entropy / np.log(8))
    assert collapse(np.zeros((4, 2), dtype=np.int64), rows(observed), n_items=8)["entropy"] == 0.0
