"""Twins: marked, behind everybody, unchanged on disk, and gone before anything is measured."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.generated import Twins, is_generated, with_generated, without_generated
from penchant.data.splitting import PROTOCOLS, SplitConfig, split
from penchant.errors import DataError
from penchant.interfaces import FitOptions
from penchant.models.holdout import held_out
from tests.worlds import genre_world


def world(*, clock: str = "time") -> Dataset:
    made = genre_world(users=40, newcomers=4)
    rng = np.random.default_rng(0)
    events = replace(made.events, values=rng.choice([1.0, 3.0, 5.0], size=len(made.events)))
    if clock == "time":
        stamps = (events.timestamps * 1000 + rng.integers(1000, size=len(events))).astype(np.int64)
        return replace(made, clock="time", rating_scale=(1.0, 5.0), events=replace(events, timestamps=stamps))
    return replace(made, rating_scale=(1.0, 5.0), events=events)


def twins() -> Twins:
    return Twins(
        sources=np.array([3, 3, 41], dtype=np.int32),
        given=np.array([2, 0, 0]),
        indptr=np.array([0, 3, 4, 6]),
        items=np.array([7, 8, 9, 10, 11, 12], dtype=np.int32),
    )


def test_a_twin_is_his_sources_first_events_and_then_the_generated_ones():
    made = with_generated(world(), twins(), seed=1)
    histories, real = made.histories(), world().histories()
    assert made.users.ids[44:] == ("generated-1", "generated-2", "generated-3")
    assert histories.items[histories.of(44)].tolist() == [*real.items[real.of(3)][:2].tolist(), 7, 8, 9]
    assert histories.timestamps[histories.of(44)][:2].tolist() == real.timestamps[real.of(3)][:2].tolist()
    assert [histories.items[histories.of(row)].tolist() for row in (45, 46)] == [[10], [11, 12]]
    assert made.users.columns["likes"][46] == world().users.columns["likes"][41]
    assert made.events.generated is not None
    assert made.events.generated.sum() == twins().rows == 8
    assert is_generated(made).tolist() == [False] * 44 + [True] * 3


def test_moments_rise_and_never_pass_the_last_one_and_values_are_of_the_scale():
    made = with_generated(world(), twins(), seed=1)
    stamps = made.histories().timestamps
    for row in (44, 45, 46):
        own = stamps[made.histories().of(row)]
        assert (np.diff(own) >= 0).all()
        assert own.max() <= world().events.timestamps.max()
    assert set(made.events.values[-8:].tolist()) <= {1.0, 3.0, 5.0}
    positions = with_generated(world(clock="position"), twins(), seed=1).histories()
    assert positions.timestamps[positions.of(44)].tolist() == [0, 1, 2, 3, 4]


def test_on_disk_the_mark_stays_and_observed_data_have_no_such_column(tmp_path):
    made = with_generated(world(), twins(), seed=1)
    loaded = Dataset.load(made.save(tmp_path / "augmented"))
    assert loaded.events.generated is not None
    assert loaded.events.generated.tolist() == made.events.generated.tolist()  # type: ignore[union-attr]
    assert loaded.fingerprint == made.fingerprint != world().fingerprint
    assert Dataset.load(world().save(tmp_path / "plain")).events.generated is None


def test_taken_out_the_observed_data_are_as_they_were():
    made = with_generated(world(), twins(), seed=1)
    assert without_generated(made).fingerprint == world().fingerprint
    assert without_generated(world().select(np.ones(560, dtype=bool))).events.generated is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_protocol_sees_a_generated_row(protocol):
    config = SplitConfig(folds=2, cold_share=0.2)
    plain, augmented = (
        split(data, protocol, config=config) for data in (world(), with_generated(world(), twins(), seed=1))
    )
    assert plain.hash == augmented.hash
    assert augmented.facts["generated_events_left_out"] == 8
    assert "generated_events_left_out" not in plain.facts


def test_a_fit_validates_on_observed_users_only():
    made = with_generated(world(), twins(), seed=1)
    training, cases = held_out(made, FitOptions())
    assert cases.histories.users.max() < 40
    assert is_generated(training).sum() == 3


def test_two_generations_stand_beside_each_other():
    twice = with_generated(with_generated(world(), twins(), seed=1), twins(), seed=2)
    assert len(set(twice.users.ids)) == twice.n_users == 50
    assert without_generated(twice).fingerprint == world().fingerprint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": np.array([3, 3, 99], dtype=np.int32)}, "no user"),
        ({"given": np.array([99, 0, 0])}, "repeats more"),
        ({"items": np.array([7, 8, 9, 10, 11, 60], dtype=np.int32)}, "catalogue"),
    ],
)
def test_what_is_not_there_is_refused(change, words):
    with pytest.raises(DataError, match=words):
        with_generated(world(), replace(twins(), **change), seed=0)
