"""Evaluation of scorers whose results are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import orjson
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.splitting import PROTOCOLS, HeldOut, Protocol, SplitConfig, split
from penchant.errors import ConfigError, NotFoundError, ProtocolError, TrainingError
from penchant.evaluation import evaluate
from penchant.metrics.lists import read_lists, score_lists
from penchant.metrics.ranking import ranking_metrics
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray
from tests.evaluation.worlds import N_ITEMS, Scorer, Walker, make_registry, make_world

REGISTRY = make_registry()


@pytest.fixture(scope="module")
def world() -> Dataset:
    return make_world()


@pytest.fixture(scope="module")
def result(world):
    return evaluate(world, ["constant", "walker", "shuffler"], registry=REGISTRY, seeds=[0, 1, 2], ks=[10, 5, 5])


def test_the_shape_on_the_wire(result, tmp_path):
    result.save(tmp_path / "sub" / "result.json")
    value = orjson.loads((tmp_path / "sub" / "result.json").read_bytes())
    assert set(value) >= {"dataset", "protocol", "results"}
    assert set(value["dataset"]) == {"name", "fingerprint", "users", "items", "events"}
    assert len(value["results"]) == 3 * 3 * 2
    for one in value["results"]:
        assert set(one) >= {
            "model", "exclude_history", "seed", "metrics", "fit_seconds", "score_seconds", "peak_rss_mb",
        }  # fmt: skip
        assert one["peak_rss_mb"] > 10
        names = {f"{name}@{k}" for k in (5, 10) for name in ("hit_rate", "precision", "recall", "f1", "ndcg", "map")}
        assert set(one["metrics"]) >= names | {"mrr@5", "auc", "coverage@5", "novelty@5", "diversity@10", "gini@10"}
        low, high = one["intervals"]["ndcg@10"]
        assert low <= one["metrics"]["ndcg@10"] <= high
    assert value["protocol"]["split_hash"]
    assert value["protocol"]["diversity_by"] == "co-occurrence"
    assert value["environment"]["cpu_capability"]


def test_a_constant_scorer_hits_k_over_candidates(world):
    # History included: 50 candidates for everyone, and 300 draws of the order of ties.
    found = evaluate(world, ["constant"], registry=REGISTRY, seeds=range(30), exclude_history=False, ks=[10])
    assert found.summaries[0].mean["hit_rate@10"] == pytest.approx(10 / N_ITEMS, abs=0.02)
    assert found.summaries[0].mean["auc"] == pytest.approx(0.5, abs=0.02)
    made = split(world)
    seen = [
        np.setdiff1d(made.test.histories.items[made.test.histories.of(b)], made.test.targets(b))
        for b in range(len(made.test))
    ]
    expected = np.mean([10 / (N_ITEMS - len(items)) for items in seen])
    found = evaluate(world, ["constant"], registry=REGISTRY, seeds=range(30), exclude_history=True, ks=[10])
    assert found.summaries[0].mean["hit_rate@10"] == pytest.approx(expected, abs=0.025)


def test_who_knows_the_world_is_ahead_and_the_test_says_so(result):
    assert result.of("walker").metrics["ndcg@10"] > result.of("shuffler").metrics["ndcg@10"] + 0.3
    for comparison in result.comparisons:
        if comparison.model == "walker" and comparison.metric == "ndcg@10":
            assert comparison.p_holm < 0.001
            assert comparison.interval[0] > 0
    same = [c for c in result.comparisons if {c.model, c.other} == {"constant", "shuffler"} and c.metric == "ndcg@10"]
    assert all(c.p > 0.01 for c in same)


def test_seeds_have_a_spread_and_a_mean(result):
    for summary in result.summaries:
        runs = [r for r in result.results if (r.model, r.exclude_history) == (summary.model, summary.exclude_history)]
        values = [run.metrics["ndcg@10"] for run in runs]
        assert summary.seeds == len(runs) == 3
        assert summary.mean["ndcg@10"] == pytest.approx(np.mean(values))
        assert summary.spread["ndcg@10"] == pytest.approx(np.std(values, ddof=1))


def test_the_same_seed_gives_the_same_result(world):
    first, again = (evaluate(world, ["shuffler"], registry=REGISTRY, seeds=[4]) for _ in range(2))
    assert first.results[0].metrics == again.results[0].metrics
    assert first.results[0].intervals == again.results[0].intervals
    assert evaluate(world, ["shuffler"], registry=REGISTRY, seeds=[5]).results[0].metrics != first.results[0].metrics


@pytest.mark.parametrize("exclude", [True, False])
def test_one_variant_equals_its_half_of_both(world, result, exclude):
    alone = evaluate(world, ["walker"], registry=REGISTRY, exclude_history=exclude)
    assert [one.exclude_history for one in alone.results] == [exclude]
    assert alone.results[0].metrics == result.of("walker", exclude_history=exclude, seed=0).metrics


def test_metrics_equal_those_of_the_scores_by_hand(world):
    made = split(world)
    scores = make_registry().build("walker").score(made.test.histories)
    ranks = []
    for b in range(len(made.test)):
        target = int(made.test.targets(b)[0])
        hidden = set(made.test.histories.items[made.test.histories.of(b)].tolist()) - {target}
        ranks.append(sum(1 for i in range(N_ITEMS) if i not in hidden and scores[b, i] > scores[b, target]))
    by_hand = ranking_metrics(np.array(ranks), np.arange(len(ranks) + 1), [10])
    found = evaluate(world, ["walker"], registry=REGISTRY, exclude_history=True).results[0].metrics
    assert found["ndcg@10"] == pytest.approx(by_hand["ndcg@10"].mean())
    assert found["mrr@10"] == pytest.approx(by_hand["mrr@10"].mean())


def test_exported_lists_score_the_same_by_the_command_for_anyones_lists(world, tmp_path):
    for protocol in PROTOCOLS:
        folder = tmp_path / protocol
        result = evaluate(
            world, ["walker", "shuffler"], registry=REGISTRY, protocol=protocol, lists_to=folder, ks=[3, 7]
        )
        truth = read_lists(folder / "truth.jsonl")
        for one in result.results:
            history = "excluded" if one.exclude_history else "included"
            lists = read_lists(folder / f"{one.model}.seed-0.history-{history}.jsonl")
            scores = score_lists(lists, truth, ks=[3, 7])
            assert not scores.missing_users
            for name, value in scores.metrics.items():
                assert one.metrics[name] == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_is_evaluated(world, protocol: Protocol):
    result = evaluate(world, ["walker", "constant"], registry=REGISTRY, protocol=protocol, ks=[5])
    assert result.protocol["name"] == protocol
    assert result.of("walker").metrics["ndcg@5"] > result.of("constant").metrics["ndcg@5"]
    if protocol.startswith("k-fold"):
        assert len(result.protocol["split_hash"]) == 5
        folds = result.of("walker").folds
        assert len(folds) == 5
        by_fold = [fold["ndcg@5"] for fold in folds]
        assert np.ptp(by_fold) > 0
        summary = result.summaries[0]
        assert summary.folds == 5
        assert summary.fold_mean["ndcg@5"] == pytest.approx(np.mean(by_fold))
        assert summary.fold_spread["ndcg@5"] == pytest.approx(np.std(by_fold, ddof=1))
    else:
        assert isinstance(result.protocol["split_hash"], str)
        assert not result.of("walker").folds
        assert result.summaries[0].folds == 1
    assert any("published figures" in note for note in result.notes) == (protocol == "k-fold")


class Recorder(Scorer):
    """Keeps every fit for the test to look at."""

    fits: ClassVar[list[Scorer]] = []

    def fit(self, dataset, *, options=None):
        self.fits.append(self)
        return super().fit(dataset, options=options)

    def score(self, histories):
        return np.zeros((len(histories), N_ITEMS), dtype=np.float32)


def test_models_are_fitted_without_the_validation_event_and_tuned_on_it(world):
    Recorder.fits.clear()
    evaluate(world, ["recorder"], registry=make_registry(Recorder), seeds=[7])
    made = split(world)
    [(dataset, options)] = [fit.fitted for fit in Recorder.fits if fit.fitted]
    assert dataset.fingerprint == made.train.fingerprint
    assert options.validation is not None
    assert options.validation.target_items.tolist() == made.validation.target_items.tolist()
    assert options.seed == 7
    assert options.item_vectors is None


def test_a_sample_of_users_changes_who_is_asked_and_nothing_else(world):
    Recorder.fits.clear()
    registry = make_registry(Recorder, Walker)
    small = evaluate(world, ["recorder", "walker"], registry=registry, sample_users=20)
    whole = evaluate(world, ["recorder", "walker"], registry=registry)
    trained = [fit.fitted[0].fingerprint for fit in Recorder.fits if fit.fitted]
    assert trained[0] == trained[1]
    assert (small.protocol["asked"], whole.protocol["asked"]) == (20, 150)
    assert small.protocol["split_hash"] == whole.protocol["split_hash"]
    again = evaluate(world, ["walker"], registry=registry, sample_users=20)
    assert again.of("walker").metrics == small.of("walker").metrics
    assert any("sample of 20" in note for note in small.notes)
    assert evaluate(world, ["walker"], registry=registry, sample_users=10_000).protocol["asked"] == 150


def test_bands_cover_every_case_and_every_target(result):
    one = result.of("walker")
    assert sum(band.count for band in one.by_history_length) == 150
    assert sum(band.count for band in one.by_item_popularity) == 150
    mean = sum(band.count * band.metrics["ndcg@10"] for band in one.by_history_length) / 150
    assert mean == pytest.approx(one.metrics["ndcg@10"])
    mean = sum(band.count * band.metrics["recall@10"] for band in one.by_item_popularity) / 150
    assert mean == pytest.approx(one.metrics["recall@10"])
    assert [band.band for band in one.by_item_popularity] == ["tail", "middle", "head"]


def test_cold_items_are_the_unseen_band(world):
    one = evaluate(world, ["walker"], registry=REGISTRY, protocol="cold-items").of("walker")
    assert [(band.band, band.ceiling) for band in one.by_item_popularity] == [("unseen", 0)]


def test_the_roc_curve_has_the_area(result):
    for one in result.results:
        area = np.trapezoid(one.roc["true_positive_rate"], one.roc["false_positive_rate"])
        assert area == pytest.approx(one.metrics["auc"], abs=5e-3)


def test_a_learning_curve_asks_the_same_users_at_every_share(world):
    result = evaluate(
        world, ["constant", "walker"], registry=REGISTRY, curve_shares=[1, 0.25, 0.5], exclude_history=True
    )
    assert [(p.share, p.model) for p in result.learning_curve] == [
        (share, model) for share in (0.25, 0.5, 1) for model in ("constant", "walker")
    ]
    assert [p.train_users for p in result.learning_curve[::2]] == [38, 75, 150]
    events = [p.train_events for p in result.learning_curve[::2]]
    assert events == sorted(events)
    walker = [p.metrics["ndcg@10"] for p in result.learning_curve if p.model == "walker"]
    assert len(set(walker)) == 1  # it learns nothing, and the questions are the same


def test_settings_reach_the_model_and_the_result(world):
    result = evaluate(world, ["constant"], registry=REGISTRY, settings={"constant": {"scale": 3.5}})
    assert result.of("constant").settings == {"scale": 3.5}


def test_a_row_may_be_a_variant_of_a_model_under_a_name_of_its_own(world):
    settings = {"louder": {"model": "constant", "scale": 2.0}}
    result = evaluate(world, ["constant", "louder"], registry=REGISTRY, settings=settings)
    assert result.of("louder").metrics == result.of("constant").metrics
    assert result.of("louder").settings == settings["louder"]


def test_shuffled_histories_lower_the_metric_of_who_reads_the_order(world):
    settings = {name: {"model": model, "shuffle_histories": True} for name, model in
                (("walker_shuffled", "walker"), ("constant_shuffled", "constant"))}  # fmt: skip
    rows = ["walker", "walker_shuffled", "constant", "constant_shuffled"]
    result = evaluate(world, rows, registry=REGISTRY, settings=settings)
    ndcg = {row: result.of(row).metrics["ndcg@10"] for row in rows}
    assert ndcg["walker_shuffled"] < 0.8 * ndcg["walker"]
    assert ndcg["constant_shuffled"] == ndcg["constant"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"settings": {"walker": {"shuffle_histories": "yes"}}}, ConfigError, "shuffle_histories is 'yes'"),
        ({"settings": {"walker": {"model": "nobody"}}}, NotFoundError, "'nobody'"),
        ({"models": ["nobody"]}, NotFoundError, "'nobody'"),
        ({"models": []}, ConfigError, "No model"),
        ({"ks": [0]}, ConfigError, "1 or more"),
        ({"ks": []}, ConfigError, "1 or more"),
        ({"seeds": []}, ConfigError, "Seeds"),
        ({"seeds": [-1]}, ConfigError, "Seeds"),
        ({"sample_users": 0}, ConfigError, "one user or more"),
        ({"protocol": "leave-none"}, ConfigError, "No protocol"),
        ({"settings": {"walker": {"speed": 3}}}, ConfigError, "no such setting"),
        ({"settings": {"constant": {}}}, ConfigError, "settings for constant"),
        ({"curve_shares": [0]}, ConfigError, "above 0"),
        ({"curve_shares": [1.5]}, ConfigError, "above 0"),
        ({"models": ["broken"]}, TrainingError, "broken gave scores that are not finite"),
        ({"models": ["narrow"]}, TrainingError, r"narrow gave scores of shape"),
    ],
)
def test_wrong_arguments_are_refused(world, arguments, error, message):
    models = arguments.pop("models", ["walker"])
    with pytest.raises(error, match=message):
        evaluate(world, models, registry=REGISTRY, **arguments)


def test_a_dataset_that_cannot_serve_the_protocol_is_refused():
    with pytest.raises(ProtocolError, match="temporal needs times"):
        evaluate(make_world(20, clock="position"), ["walker"], registry=REGISTRY, protocol="temporal")


def test_one_user_with_one_event_is_refused():
    data = make_world(1)
    lone = data.select(np.arange(len(data.events)) == 0)
    with pytest.raises(ProtocolError, match="longest history has 1"):
        evaluate(lone, ["constant"], registry=REGISTRY)


def test_batches_change_nothing(world, result, monkeypatch):
    monkeypatch.setattr("penchant.evaluation.scoring.LARGEST_BATCH", 7)
    found = evaluate(world, ["walker"], registry=REGISTRY)
    assert found.of("walker").metrics == result.of("walker", seed=0).metrics


def test_the_split_file_is_used(world, tmp_path: Path):
    chosen = HeldOut.choose(world, share=0.2, seed=3)
    result = evaluate(
        world, ["walker"], registry=REGISTRY, protocol="cold-items", split_config=SplitConfig(held_out=chosen)
    )
    assert result.protocol["cold_items"] == len(chosen.items) == 10


class Reader:
    """An encoder that counts how often it is asked."""

    name = identity = "reader"
    folder = None
    licence = ""
    dim = 3

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        self.calls.append(len(texts))
        return np.array([[len(text), 1, 0] for text in texts], dtype=np.float32)


def with_titles(data: Dataset) -> Dataset:
    titles = np.array([f"The walk to {id_}" for id_ in data.items.ids], dtype=object)
    return replace(data, items=Table(data.items.ids, {"title": titles}))


def test_texts_are_embedded_once_for_all_models_seeds_and_folds(world):
    Recorder.fits.clear()
    reader = Reader()
    result = evaluate(
        with_titles(world),
        ["recorder", "walker"],
        registry=make_registry(Recorder, Walker),
        encoder=reader,
        seeds=[0, 1],
        protocol="k-fold-users",
    )
    assert reader.calls == [N_ITEMS]
    vectors = [fit.fitted[1].item_vectors for fit in Recorder.fits if fit.fitted]
    assert len(vectors) == 10
    assert all(v is vectors[0] for v in vectors)
    assert vectors[0] is not None
    assert vectors[0].shape == (N_ITEMS, 3)
    assert (result.protocol["text"], result.protocol["diversity_by"]) == ("reader", "vectors")


def test_items_without_text_have_no_vectors(world):
    reader = Reader()
    result = evaluate(world, ["walker"], registry=REGISTRY, encoder=reader)
    assert reader.calls == []
    assert result.protocol["text"] is None


def test_the_order_of_items_in_the_source_decides_nothing(world):
    """Equal scores are ranked by a hash of the item's id: the same lists for a catalogue in another order."""
    order = np.random.default_rng(0).permutation(N_ITEMS)
    places = np.empty(N_ITEMS, dtype=np.int32)
    places[order] = np.arange(N_ITEMS)
    ids = tuple(world.items.ids[i] for i in order)
    moved = replace(world, items=Table(ids), events=replace(world.events, items=places[world.events.items]))
    first, second = (evaluate(data, ["constant"], registry=REGISTRY) for data in (world, moved))
    assert first.of("constant").metrics["ndcg@10"] == pytest.approx(second.of("constant").metrics["ndcg@10"])


def test_a_result_that_is_not_there_is_said(result):
    with pytest.raises(NotFoundError, match="No result of 'nobody'"):
        result.of("nobody")
