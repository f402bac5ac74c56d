"""Where an item stands, and that an attack lifts it."""

import numpy as np
import pytest

from penchant.errors import DataError
from penchant.evaluation.robustness.attacks import AttackConfig, inject
from penchant.evaluation.robustness.detection import DetectorConfig, detect, without
from penchant.evaluation.robustness.standing import standing
from penchant.models.ease import EASE
from penchant.models.neighborhood import ItemKNN
from tests.evaluation.worlds import Constant, ScorerConfig, Walker, make_world

from .worlds import ITEMS, two_tastes


def test_the_place_is_counted_user_by_user():
    data = make_world()
    histories = data.histories()
    model = Walker(ScorerConfig())
    found = standing(model, histories, 7, item_ids=data.items.ids)
    ranks = []
    for b in range(len(histories)):
        own = set(histories.items[histories.of(b)].tolist())
        if 7 in own:
            continue
        scores = model.score(histories.take([b]))[0]
        rest = [i for i in range(50) if i not in own]
        ranks.append(1 + sum(scores[i] > scores[7] for i in rest))
    assert found.users == len(ranks)
    assert found.mean_rank == pytest.approx(np.mean(ranks))
    assert found.median_rank == np.median(ranks)
    assert found.hit_ratio == pytest.approx(np.mean(np.array(ranks) <= 10))


def test_equal_scores_are_in_the_order_of_a_hash():
    data = make_world()
    nothing = data.histories().keep(np.zeros(len(data.histories().items), dtype=bool)).take([0])
    ranks = [standing(Constant(ScorerConfig()), nothing, item, item_ids=data.items.ids).mean_rank for item in range(50)]
    assert sorted(ranks) == list(range(1, 51))


@pytest.mark.parametrize("make", [ItemKNN, EASE])
def test_an_attack_lifts_its_target(make):
    data, target = two_tastes(users=200), ITEMS - 1
    before, after = (
        standing(make().fit(one), data.histories(), target, item_ids=data.items.ids)
        for one in (data, inject(data, target, AttackConfig(kind="bandwagon", share=0.2, filler=8, popular=5)).dataset)
    )
    assert after.mean_rank < before.mean_rank
    assert before.users == after.users == 199


@pytest.mark.parametrize("make", [ItemKNN, EASE])
@pytest.mark.parametrize("kind", ["random", "average"])
def test_the_defence_takes_back_most_of_what_an_attack_lifts(make, kind):
    """The same model, the same real users: before the attack, after it, and with who looks made up left out."""
    data, target = two_tastes(users=300), ITEMS - 1
    attacked = inject(data, target, AttackConfig(kind=kind, share=0.1, filler=20), seed=0)
    found = detect(attacked.dataset, DetectorConfig(method="pca", share=0.15))
    before, after, defended = (
        standing(make().fit(one), data.histories(), target, item_ids=data.items.ids).mean_rank
        for one in (data, attacked.dataset, without(attacked.dataset, found.injected))
    )
    assert after < before - 5  # of 60 places
    assert defended > after
    assert before - defended < 0.5 * (before - after)


def test_an_item_that_all_have_or_that_is_not_there_is_refused():
    data = make_world()
    histories = data.histories()
    has = histories.take(np.flatnonzero([(histories.items[histories.of(b)] == 7).any() for b in range(len(histories))]))
    with pytest.raises(DataError, match="already"):
        standing(Constant(ScorerConfig()), has, 7, item_ids=data.items.ids)
    with pytest.raises(DataError, match="no item of the row 50"):
        standing(Constant(ScorerConfig()), histories, 50, item_ids=data.items.ids)
