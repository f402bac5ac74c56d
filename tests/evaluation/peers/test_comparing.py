"""A whole comparison: peers that answer, fail, hang and lie, beside our own models, on one split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from penchant.data.dataset import Dataset
from penchant.data.folder import save_dataset
from penchant.data.polarity import consumption
from penchant.errors import ConfigError, DataError, NotFoundError, ProtocolError
from penchant.evaluation import evaluate
from penchant.evaluation.peers import PeerComparison, compare_with_peers
from penchant.evaluation.peers.own_process import answer
from penchant.evaluation.peers.report import render_comparison_report
from tests.evaluation.peers.fakes import ALGORITHMS, CATALOGUE, make_environment
from tests.evaluation.worlds import Walker, make_registry, make_world

BROKEN = {
    "fake:crash": ("failed", "exit status 3"),
    "fake:killed": ("failed", "ended by SIGKILL"),
    "fake:silent": ("no usable answer", "ended without saying how it went"),
    "fake:garbage": ("no usable answer", "test.jsonl, line 1: not JSON"),
    "fake:boaster": ("no usable answer", "could not convert string to float"),
    "absent:any": ("not installed", "no environment at"),
}
SOUND = ["popularity", "item_knn", "fake:walker", "fake:tuned", "fake:sloppy", "fake:short", "fake:masked"]


@pytest.fixture(scope="module")
def world() -> Dataset:
    """With dislikes among the events, which nobody is to learn from or be asked for."""
    walks = make_world(60)
    types = np.where(np.arange(len(walks.events)) % 6 == 5, 1, 0).astype(walks.events.types.dtype)
    return replace(walks, events=replace(walks.events, types=types), event_types=("interaction", "dislike"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("comparison")
    return path


@pytest.fixture(scope="module")
def result(world, kept) -> PeerComparison:
    return compare_with_peers(
        save_dataset(world, kept / "data"),
        peers=["absent", *(f"fake:{name}" for name in ALGORITHMS if name != "sleeper")],
        models=["item_knn"],
        settings={"item_knn": {"window": 3}},
        environments=make_environment(kept / "environments"),
        catalogue=CATALOGUE,
        threads=1,
        minutes=4,
        keep=kept / "work",
    )


def test_everyone_has_a_row_or_a_reason(result):
    assert [r.model for r in result.results if r.exclude_history] == [*SOUND, "fake:witness"]
    assert {f.model for f in result.failures} == set(BROKEN)
    assert len(ALGORITHMS) == len(BROKEN) - 1 + 1 + 6  # with the one that would sleep to the limit


@pytest.mark.parametrize("model", BROKEN)
def test_a_peer_that_fails_says_why(result, model):
    failure = next(f for f in result.failures if f.model == model)
    status, message = BROKEN[model]
    assert failure.status == status
    assert message in failure.message


def test_the_last_lines_of_a_failure_are_kept(result):
    lines = {f.model: f.last_lines for f in result.failures}
    assert "FakeError: <b>the moon</b> is in the wrong house" in lines["fake:crash"]
    assert "not text" in lines["fake:garbage"]


def test_a_peers_lists_are_worth_what_the_same_scorer_is_here(result, world):
    expected = evaluate(world, ["walker"], registry=make_registry(Walker))
    for exclude in (True, False):
        ours = expected.of("walker", exclude_history=exclude).metrics
        theirs = result.of("fake:walker", exclude_history=exclude).metrics
        for metric in ("ndcg@5", "ndcg@10", "recall@10", "mrr@10", "novelty@10", "diversity@10", "coverage@10"):
            assert theirs[metric] == pytest.approx(ours[metric], abs=1e-12), metric
    assert result.of("fake:walker").metrics["ndcg@10"] > 0.5


def test_our_models_are_worth_what_evaluate_says(result, world):
    expected = evaluate(world, ["popularity", "item_knn"], settings={"item_knn": {"window": 3}})
    for model in ("popularity", "item_knn"):
        for exclude in (True, False):
            ours = expected.of(model, exclude_history=exclude).metrics
            found = result.of(model, exclude_history=exclude).metrics
            assert found == {name: value for name, value in ours.items() if name != "auc"}


def test_costs_are_those_of_the_process(result):
    walker, ours = result.of("fake:walker"), result.of("item_knn")
    assert (walker.fit_seconds, walker.score_seconds, walker.version) == (0.25, 0.5, "9.9")
    assert walker.cpu_seconds > 0
    assert walker.peak_rss_mb is not None
    assert ours.peak_rss_mb is not None
    assert walker.peak_rss_mb < 100 < ours.peak_rss_mb  # plain python, and ours with its libraries
    assert ours.wall_seconds > ours.fit_seconds + ours.score_seconds


def test_faults_of_lists_are_counted_and_cost_what_they_cost(result, world):
    notes = result.of("fake:sloppy").notes
    users = int((consumption(world).histories().lengths >= 3).sum())
    assert "1 user without a list counts as zero" in notes
    assert "1 list of a user nobody asked for is left out" in notes
    assert f"{users - 1} items that the catalogue does not have are misses" in notes
    assert f"{users - 1} repeated items were taken out" in notes
    # A stranger in the first place pushes every hit down by one.
    assert result.of("fake:sloppy").metrics["mrr@10"] < 0.6 * result.of("fake:walker").metrics["mrr@10"]
    assert f"{users} lists are shorter than 10" in result.of("fake:short", exclude_history=False).notes


def test_a_peer_that_only_ranks_without_the_history_has_that_row_alone(result):
    assert [r.exclude_history for r in result.results if r.model == "fake:masked"] == [True]
    assert {s.exclude_history for s in result.summaries if s.model == "fake:masked"} == {True}
    assert not any("fake:masked" in {c.model, c.other} for c in result.comparisons if not c.exclude_history)


def test_what_a_peer_is_given(result, kept):
    facts = result.of("fake:witness").facts
    assert facts["files"] == [
        "items.json",
        "test.jsonl",
        "train.csv",
        "users.json",
        "validation-truth.jsonl",
        "validation.jsonl",
    ]
    environment: Mapping[str, str] = facts["environment"]
    assert not {name for name in environment if name.startswith(("PYTHONPATH", "VIRTUAL", "PYTEST", "PIP", "UV"))}
    assert (environment["OMP_NUM_THREADS"], environment["CUDA_VISIBLE_DEVICES"]) == ("1", "")
    assert facts["folder"] == str(kept / "work" / "runs" / "fake-witness" / "trial-0")
    assert facts["request"]["ask"] == ["test"]
    assert facts["request"]["seconds"] == pytest.approx(0.75 * 240)
    assert facts["request"]["k"] == 10


def test_the_one_ahead_meets_everyone_and_each_of_ours_the_best_peer(result):
    metric = "ndcg@10"
    found = [c for c in result.comparisons if c.exclude_history and c.metric == metric]
    means = {s.model: s.mean[metric] for s in result.summaries if s.exclude_history}
    leader = max(means, key=lambda model: means[model])
    assert leader.startswith("fake:")
    assert [c.other for c in found if c.model == leader] == sorted(
        (m for m in means if m != leader), key=lambda m: (-means[m], list(means).index(m))
    )
    for c in found:
        assert c.difference == pytest.approx(means[c.model] - means[c.other])
        assert c.interval[0] <= c.difference <= c.interval[1]
    against_best_peer = {c.other for c in found if c.model == leader}
    assert {"popularity", "item_knn"} <= against_best_peer


def test_the_json_and_the_report_hold_it_all(result, tmp_path):
    result.save(tmp_path / "sub" / "result.json")
    value = orjson.loads((tmp_path / "sub" / "result.json").read_bytes())
    assert value["protocol"]["trials"] == 1
    assert value["environment"]["load_average"]
    assert {(r["model"], r["exclude_history"]) for r in value["results"]} >= {("item_knn", True), ("item_knn", False)}
    assert {"model", "exclude_history", "seed", "metrics", "fit_seconds", "score_seconds", "peak_rss_mb"} <= set(
        value["results"][0]
    )
    page = render_comparison_report(result)
    assert "&lt;b&gt;the moon&lt;/b&gt;" in page
    assert "<b>the moon</b>" not in page
    assert "http" not in page
    for model in (*SOUND, *BROKEN):
        assert model in page


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"peers": ["nobody"]}, NotFoundError, "No peer is called 'nobody'"),
        ({"peers": ["fake:nothing"]}, NotFoundError, "fake has no algorithm 'nothing'"),
        ({"models": ["nobody"]}, NotFoundError, "No recommender is called"),
        ({"protocol": "k-fold"}, ProtocolError, "cannot be compared by 'k-fold'"),
        ({"protocol": "no-fold"}, ProtocolError, "No protocol is called 'no-fold'"),
        ({"trials": 0}, ConfigError, "number of trials is above 0"),
        ({"threads": 0}, ConfigError, "number of threads is above 0"),
        ({"minutes": 0}, ConfigError, "number of minutes is above 0"),
        ({"seeds": []}, ConfigError, "Seeds are whole numbers"),
        ({"settings": {"fake:walker": {}}}, ConfigError, "which are not compared"),
        ({"settings": {"item_knn": {"windw": 2}}}, ConfigError, "windw"),
        ({"ks": [0]}, ConfigError, "k must be 1 or more"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_runs(world, tmp_path, arguments, error, message, monkeypatch):
    monkeypatch.setattr("penchant.evaluation.peers.contestant.run_child", None)
    data = save_dataset(world, tmp_path / "data")
    with pytest.raises(error, match=message):
        compare_with_peers(data, **{"models": [], "catalogue": CATALOGUE, **arguments})


def test_a_folder_with_something_in_it_is_not_written_over(world, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(ConfigError, match="is not empty"):
        compare_with_peers(save_dataset(world, tmp_path / "data"), keep=tmp_path / "full", catalogue=CATALOGUE)


def test_a_dataset_that_changed_meanwhile_is_refused(world, tmp_path):
    request = {
        "dataset": str(save_dataset(world, tmp_path / "data")),
        "protocol": "leave-one-out",
        "split_config": {},
        "split_hash": "0" * 16,
    }
    with pytest.raises(DataError, match="has changed since"):
        answer(request)
