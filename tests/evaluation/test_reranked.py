"""Reranked rows: measured by the same code, from one fit, with what the list gained and what it cost."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.evaluation import evaluate
from penchant.evaluation.reranked import RerankedScores, item_facts
from penchant.interfaces import top_k
from penchant.metrics.beyond_accuracy import overlap
from penchant.models.neighborhood import ItemKNN
from penchant.reranking.settings import Reranking
from penchant.seeding import tie_breaks
from tests.evaluation.worlds import make_registry, make_world
from tests.models.toys import genre_texts
from tests.worlds import GENRES, genre_world

WORLD = genre_world(users=60)
TIES = tie_breaks(WORLD.items.ids)
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"model": "item_knn"},
    "mild": {"model": "item_knn", "rerank": {"name": "mmr", "settings": {"weight": 0.05}}},
    "strong": {"model": "item_knn", "rerank": {"name": "mmr", "settings": {"weight": 0.8}}},
    "ruled": {"model": "item_knn", "rerank": {"rules": {"deny": ["tags:chess"]}}},
}


@pytest.fixture(scope="module")
def result():
    return evaluate(WORLD, list(SETTINGS), settings=SETTINGS, ks=[10], stability=True)


def test_accuracy_is_traded_for_diversity(result):
    plain, mild, strong = (result.of(name).metrics for name in ("plain", "mild", "strong"))
    assert plain["diversity@10"] < mild["diversity@10"] < strong["diversity@10"]
    assert strong["ndcg@10"] < plain["ndcg@10"]
    assert {result.of(name).fit_seconds for name in SETTINGS} == {result.of("plain").fit_seconds}  # one fit


def test_rules_are_kept_in_every_list(tmp_path):
    evaluate(WORLD, ["ruled"], settings={"ruled": SETTINGS["ruled"]}, ks=[10], lists_to=tmp_path)
    lists = "".join(file.read_text() for file in tmp_path.rglob("*ruled*") if file.is_file())
    assert '"2-' in lists
    assert '"3-' not in lists


@pytest.mark.parametrize(
    "rerank", [{"name": "dpp"}, {"name": "novelty"}, {"rules": {"pin": {2: "3-7"}, "boost": {"0-1": 9}}}]
)
def test_the_scores_rank_as_the_lists_do(rerank):
    model, train = ItemKNN().fit(WORLD), WORLD
    histories = WORLD.histories().take(slice(0, 9))
    reranking = Reranking.of(rerank)
    facts = item_facts(train, genre_texts(WORLD))
    scores = RerankedScores(model, reranking, train=train, facts=facts, k=10, ties=TIES).score(histories)
    assert np.isfinite(scores).all()
    plain = model.score(histories)
    for b in range(9):
        seen = np.setdiff1d(histories.items[histories.of(b)], [WORLD.items.row(item) for item in ("3-7", "0-1")])
        np.testing.assert_array_equal(scores[b, seen], plain[b, seen])
        scores[b, seen] = -np.inf
    lists = top_k(scores, 10, ties=TIES).items
    if "rules" in rerank:
        pinned = WORLD.items.row("3-7")
        lifted = WORLD.items.row("0-1")
        for b in range(9):
            assert lists[b, 1] == pinned
            assert lifted in histories.items[histories.of(b)] or lists[b, 0] == lifted
    else:
        masked = np.where(np.isinf(scores), np.float32(-np.inf), plain)
        assert not np.array_equal(lists, top_k(masked, 10, ties=TIES).items)


def test_without_a_wish_a_row_is_the_model_itself():
    both: dict[str, dict[str, Any]] = {
        "a": {"model": "item_knn"},
        "b": {"model": "item_knn", "rerank": {"name": "mmr", "settings": {"weight": 0.0}}},
    }
    found = evaluate(WORLD, ["a", "b"], settings=both, ks=[10], exclude_history=True)
    for metric in ("ndcg@10", "diversity@10", "coverage@10", "hit_rate@10"):
        assert found.of("a").metrics[metric] == pytest.approx(found.of("b").metrics[metric], abs=1e-12)


def test_stability_is_the_share_of_a_list_that_was_there_one_event_earlier(result):
    assert 0.0 < result.of("plain").metrics["stability@10"] < 1.0
    low, high = result.of("plain").intervals.get("stability@10", (0.0, 1.0))
    assert low <= result.of("plain").metrics["stability@10"] <= high
    constant = evaluate(WORLD, ["popularity"], ks=[10], exclude_history=False, stability=True)
    assert constant.of("popularity", exclude_history=False).metrics["stability@10"] == 1.0
    assert "stability@10" not in evaluate(WORLD, ["popularity"], ks=[10]).of("popularity").metrics


def test_overlap_by_hand():
    lists, others = np.array([[1, 2, 3], [4, 5, -1], [-1, -1, -1]]), np.array([[3, 9, 1], [-1, 5, 7], [1, 2, 3]])
    np.testing.assert_allclose(overlap(lists, others), [2 / 3, 1 / 2, 1.0])


def test_data_without_texts_and_labels_is_compared_by_the_item_graph():
    bare = replace(WORLD, items=replace(WORLD.items, columns={}))
    facts = item_facts(bare, None)
    assert facts.labels is None
    assert facts.vectors is not None
    labelled = item_facts(WORLD, None)
    assert labelled.labels is not None
    assert labelled.labels.shape[1] == len(GENRES)
    assert labelled.vectors is None
    assert labelled.counts.max() <= labelled.n_users == 60


def test_wrong_wishes_are_named_before_anything_is_fitted():
    registry = make_registry()
    with pytest.raises(NotFoundError, match="nicest"):
        evaluate(
            make_world(), ["x"], registry=registry, settings={"x": {"model": "walker", "rerank": {"name": "nicest"}}}
        )
    with pytest.raises(ConfigError, match="x: rerank"):
        evaluate(make_world(), ["x"], registry=registry, settings={"x": {"model": "walker", "rerank": {"weight": 1}}})
