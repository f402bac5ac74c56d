"""Trials, seeds and the limit: fakes alone, without a model of ours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from penchant.data.dataset import Dataset
from penchant.data.splitting import split
from penchant.evaluation.peers.contestant import Conditions, peer_algorithm
from penchant.evaluation.peers.exchange import write_split
from penchant.evaluation.peers.results import PeerComparison
from penchant.evaluation.peers.table import assemble
from penchant.evaluation.peers.tournament import Tournament
from penchant.metrics.diversity import item_similarity
from tests.evaluation.peers.fakes import CATALOGUE, make_environment
from tests.evaluation.peers.test_child import is_gone
from tests.evaluation.worlds import make_world


@pytest.fixture(scope="module")
def world() -> Dataset:
    return make_world(60)


def held(
    world: Dataset,
    folder: Path,
    algorithms: Sequence[str],
    *,
    trials: int = 1,
    seeds: tuple[int, ...] = (0,),
    limit_seconds: float = 120.0,
    keep: bool = True,
) -> tuple[Tournament, PeerComparison]:
    made = split(world)
    write_split(made, folder / "split")
    tournament = Tournament(
        split=made,
        folder=folder,
        conditions=Conditions(split=folder / "split", k=10, threads=1, limit_seconds=limit_seconds, keep=keep),
        ks=(5, 10),
        similarity=item_similarity(made.train),
        trials=trials,
        seeds=seeds,
    )
    environments = make_environment(folder / "environments")
    for algorithm in algorithms:
        tournament.enter(peer_algorithm(CATALOGUE["fake"], algorithm, {}, environments))
    return tournament, assemble(tournament, world, protocol=made.protocol, text=None, minutes=2)


def test_trials_find_what_validation_prefers_and_other_seeds_use_it(world, tmp_path):
    _, found = held(world, tmp_path, ["tuned", "walker"], trials=6, seeds=(0, 1))
    (search,) = found.searches  # there is nothing to vary in the other
    assert (search.model, search.metric) == ("fake:tuned", "ndcg@10")
    assert search.trials[0].settings == {}
    assert len(search.trials) == 6  # the defaults and the five there are
    values = [trial.validation or 0.0 for trial in search.trials]
    assert search.chosen == int(np.argmax(values))
    assert search.trials[search.chosen].settings == {"steps": 1}  # users of this world walk one step at a time
    runs = [r for r in found.results if r.model == "fake:tuned" and r.exclude_history]
    assert [(r.seed, r.settings) for r in runs] == [(0, {"steps": 1}), (1, {"steps": 1})]
    assert found.of("fake:tuned").metrics == found.of("fake:walker").metrics
    assert {s.model: s.seeds for s in found.summaries} == {"fake:tuned": 2, "fake:walker": 2}
    assert found.notes[-1].endswith("no search space is stated for them: fake:walker.")


def test_one_trial_is_the_defaults(world, tmp_path):
    _, found = held(world, tmp_path, ["tuned"])
    assert found.searches == ()
    assert found.results[0].settings == {}
    assert found.protocol["chosen_by"] == "defaults"


def test_lists_are_removed_once_read_unless_they_are_to_be_kept(world, tmp_path):
    for keep in (True, False):
        folder = tmp_path / str(keep)
        held(world, folder, ["walker", "crash"], keep=keep)
        assert bool(list((folder / "runs").rglob("test.jsonl"))) is keep
        assert bool(list((folder / "runs").rglob("log.txt"))) is keep


def test_one_that_sleeps_is_ended_with_all_it_started(world, tmp_path):
    tournament, found = held(world, tmp_path, ["sleeper", "walker"], limit_seconds=3)
    (failure,) = found.failures
    assert (failure.model, failure.status) == ("fake:sleeper", "timed out")
    assert "which is the limit" in failure.message
    assert failure.last_lines == "epoch 1 of 1,000,000"
    assert failure.wall_seconds >= 3
    assert is_gone(int((tmp_path / "runs" / "fake-sleeper" / "trial-0" / "child.pid").read_text()))
    assert [result.model for result in tournament.results if result.exclude_history] == ["fake:walker"]


def test_a_failed_seed_leaves_the_others(world, tmp_path):
    tournament, _ = held(world, tmp_path, ["walker"], seeds=(0,))
    tournament.seeds = (0, 1)
    found = assemble(tournament, world, protocol="leave-one-out", text=None, minutes=2)
    assert [r.seed for r in found.results if r.exclude_history] == [0]
    assert found.summaries == ()  # a mean over seeds needs them all
