"""Rerankers and rules through the Python API: the additive score stays, the adjustment stands beside it."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.records import Event, Slate
from penchant.reranking.catalogue import RERANKERS
from penchant.reranking.rules import Rules
from tests.pipeline.conftest import NOW, SETTINGS


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def genres(slate: Slate) -> list[str]:
    return [item.item_id.split("-")[0] for item in slate.items]


@pytest.mark.parametrize("name", list(RERANKERS))
@pytest.mark.parametrize("user", ["u-3", "nobody"])
def test_reasons_still_add_up_to_the_score_and_the_adjustment_stands_beside_it(model, name, user):
    plain = {item.item_id: item for item in model.recommend(user, 60, exclude_seen=False).items}
    slate = model.recommend(user, 8, rerank=name, rerank_weight=0.6)
    assert len(set(ids(slate))) == 8
    assert slate.policy == f"{'popular' if user == 'nobody' else 'greedy'}+{name}"
    for item in slate.items:
        total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
        assert abs(total - item.score) <= 1e-6 * max(1.0, abs(item.score))
        assert item.score == pytest.approx(plain[item.item_id].score, abs=1e-9)
    if name != "calibrated":
        values = [item.score + item.rerank_adjustment for item in slate.items]
        assert values == sorted(values, reverse=True)
    again = model.recommend(user, 8, rerank=name, rerank_weight=0.6)
    assert ids(again) == ids(slate)


def test_diversity_spreads_the_list_over_genres(model):
    for name in ("mmr", "dpp"):
        few = many = 0
        for user in range(0, 40, 4):
            few += len(set(genres(model.recommend(f"u-{user}", 8))))
            many += len(set(genres(model.recommend(f"u-{user}", 8, rerank=name, rerank_weight=0.8))))
        assert many > few


def test_calibration_follows_the_shares_of_the_history(model):
    far = near = 0.0
    for user in range(0, 40, 4):
        history = [event.item_id.split("-")[0] for event in model.history(f"u-{user}")]
        wanted = np.array([history.count(str(g)) / len(history) for g in range(4)])
        for rerank in ("none", "calibrated"):
            shown = genres(
                model.recommend(f"u-{user}", 10, rerank=rerank, rerank_weight=0.97 if rerank != "none" else None)
            )
            gap = np.abs(wanted - np.array([shown.count(str(g)) / 10 for g in range(4)])).sum()
            far, near = (far + gap, near) if rerank == "none" else (far, near + gap)
    assert near < 0.7 * far


def test_without_wishes_nothing_is_adjusted(model):
    slate = model.recommend("u-0", 5)
    assert slate.policy == "greedy"
    assert all(item.rerank_adjustment == 0.0 for item in slate.items)


def test_rules_are_kept(model):
    plain = ids(model.recommend("u-0", 10))
    lifted = next(item for item in plain[5:] if item != "2-7" and not item.startswith("3"))
    rules = {
        "deny": [plain[0], "tags:chess"],
        "boost": {lifted: 100.0},
        "pin": {3: "2-7"},
        "quota": {"tags:cookery": {"least": 2, "most": 3}},
    }
    slate = model.recommend("u-0", 8, rules=rules)
    shown = ids(slate)
    assert plain[0] not in shown
    assert "3" not in genres(slate)
    assert shown[2] == "2-7"
    assert 2 <= genres(slate).count("2") <= 3
    assert shown[0] == lifted
    assert slate.items[0].rerank_adjustment == pytest.approx(100.0)
    for item in slate.items:
        total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
        assert abs(total - item.score) <= 1e-6 * max(1.0, abs(item.score))


def test_a_quota_finds_items_that_no_pool_holds(fitted):
    learned, config = fitted
    small = InterestModel(config=config.model_copy(update={"pool": 10}), now=lambda: NOW).start(learned)
    slate = small.recommend("u-0", 5, rules={"quota": {"1-3": {"least": 1}, "3-9": {"least": 1}}}, exclude_seen=False)
    assert {"1-3", "3-9"} <= set(ids(slate))


def test_seen_items_by_policy(model):
    seen = [event.item_id for event in model.history("u-0", limit=50)]  # newest first
    assert not set(seen) & set(ids(model.recommend("u-0", 40)))
    after = ids(model.recommend("u-0", 60, rules=Rules(seen="after", seen_after=8)))
    last = {item: seen.index(item) for item in seen}
    assert {item for item, age in last.items() if age > 8} <= set(after)
    assert not {item for item, age in last.items() if age <= 8} & set(after)
    demoted = model.recommend("u-0", 60, rules=Rules(seen="demote", seen_penalty=1000.0))
    assert set(ids(demoted)[-len(set(seen)) :]) == set(seen)
    assert ids(model.recommend("u-0", 60, rules=Rules(seen="include"))) == ids(
        model.recommend("u-0", 60, exclude_seen=False)
    )


def test_what_the_user_refused_does_not_come_though_pinned(model):
    model.observe([Event(user_id="u-0", item_id="2-7", event_type="not_interested")])
    slate = model.recommend("u-0", 5, rules={"pin": {1: "2-7", 2: "2-8"}})
    assert "2-7" not in ids(slate)
    assert ids(slate)[1] == "2-8"
    assert "is pinned, and this user wants none of it" in slate.note


def test_a_newcomer_s_list_keeps_the_rules_too(model):
    slate = model.recommend("nobody", 6, rules={"pin": {2: "3-3"}, "quota": {"tags:cookery": {"most": 1}}})
    assert ids(slate)[1] == "3-3"
    assert genres(slate).count("2") <= 1
    assert slate.cold


def test_a_rule_that_cannot_be_kept_is_told(model):
    slate = model.recommend("u-0", 60, rules={"quota": {"tags:chess": {"least": 40}}})
    assert "tags:chess" in slate.note
    assert "of at least 40" in slate.note


def test_the_model_s_own_settings_hold_where_a_request_has_none(fitted):
    learned, _ = fitted
    config = InterestModelConfig.of(
        {**SETTINGS, "reranking": {"name": "mmr", "settings": {"weight": 0.7}, "rules": {"deny": ["tags:chess"]}}}
    )
    own = InterestModel(config=config, now=lambda: NOW).start(learned)
    assert own.recommend("u-1", 5).policy == "greedy+mmr"
    assert "3" not in genres(own.recommend("u-1", 20))
    assert own.recommend("u-1", 5, rerank="none").policy == "greedy"
    assert "3" in genres(own.recommend("u-1", 40, rules={}))
    light, heavy = (own.recommend("u-1", 10, rerank_weight=weight) for weight in (0.0, 0.9))
    assert all(item.rerank_adjustment == 0.0 for item in light.items)
    assert any(item.rerank_adjustment < 0.0 for item in heavy.items)


def test_wishes_that_make_no_sense_are_named(model):
    with pytest.raises(NotFoundError, match="No reranker is called 'mrr'") as caught:
        model.recommend("u-0", 5, rerank="mrr")
    assert "mmr" in caught.value.hint
    with pytest.raises(ConfigError, match="weight"):
        model.recommend("u-0", 5, rerank="mmr", rerank_weight=2.0)
    with pytest.raises(ConfigError, match="no reranker is named"):
        model.recommend("u-0", 5, rerank_weight=0.5)
    with pytest.raises(ConfigError, match="denny: no such setting"):
        model.recommend("u-0", 5, rules={"denny": ["x"]})
    with pytest.raises(ConfigError, match="place 7 of 5"):
        model.recommend("u-0", 5, rules={"pin": {7: "1-1"}})


def test_a_bundle_keeps_the_settings(fitted, tmp_path):
    from penchant.pipeline.interest_model import load

    learned, _ = fitted
    rules = {"pin": {2: "3-3"}, "quota": {"tags:cookery": {"most": 1}}, "boost": {"1-1": 0.5}}
    config = InterestModelConfig.of({**SETTINGS, "reranking": {"name": "dpp", "rules": rules}})
    InterestModel(config=config, now=lambda: NOW).start(replace(learned)).save(tmp_path / "b")
    loaded = load(tmp_path / "b", now=lambda: NOW)
    assert loaded.config.reranking == config.reranking
    assert ids(loaded.recommend("u-0", 5))[1] == "3-3"
