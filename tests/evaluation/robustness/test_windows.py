"""Models over time."""

import numpy as np
import pytest

from penchant.data.splitting import SplitConfig, split
from penchant.errors import ConfigError, ProtocolError
from penchant.evaluation.evaluating import evaluate
from penchant.evaluation.robustness.windows import Window, over_windows, stability
from penchant.models.popularity import Popularity
from tests.evaluation.worlds import ScorerConfig, Walker, make_world


def test_refitted_is_what_an_evaluation_by_folds_of_time_finds():
    data = make_world(300)
    rows = over_windows(data, {"popularity": Popularity}, windows=3)
    assert [row.window for row in rows] == [0, 1, 2]
    assert rows[0].kept == rows[0].refitted
    result = evaluate(
        data, ["popularity"], protocol="k-fold-time", ks=(10,), exclude_history=True, split_config=SplitConfig(folds=3)
    )
    weights = np.array([row.cases for row in rows])
    found = np.average([row.refitted for row in rows], weights=weights)
    means = [row.metrics["ndcg@10"] for row in result.results]
    assert min(abs(found - mean) for mean in [*means, float(np.mean(means))]) < 0.02
    first = split(data, "k-fold-time", config=SplitConfig(folds=3), fold=0)
    assert rows[0].begins == first.facts["test_from"]
    assert rows[0].cases == len(first.test)


def test_what_learns_nothing_fades_not():
    made: list[Walker] = []

    def make() -> Walker:
        made.append(Walker(ScorerConfig()))
        return made[-1]

    rows = over_windows(make_world(300), {"walker": make}, windows=2)
    assert len(made) == 2
    assert [row.kept for row in rows] == [row.refitted for row in rows]
    assert stability(rows).fading == 1.0
    trained = [len(model.fitted[0].events) for model in made if model.fitted]
    assert trained[0] < trained[1]


def test_stability_by_hand():
    values = ((0.2, 0.2), (0.1, 0.4), (0.15, 0.3))
    rows = [
        Window(model="m", window=n, begins=n, cases=5, kept=kept, refitted=again)
        for n, (kept, again) in enumerate(values)
    ]
    found = stability(rows)
    assert found.mean == pytest.approx(0.3)
    assert found.spread == pytest.approx(np.sqrt(0.02 / 3) / 0.3)
    assert found.worst == 0.2
    assert found.fading == pytest.approx(0.5)
    other = Window(model="n", window=0, begins=0, cases=5, kept=0.1, refitted=0.1)
    for wrong in ([], [*rows, other]):
        with pytest.raises(ConfigError, match="models came"):
            stability(wrong)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="1 windows"):
        over_windows(make_world(), {"popularity": Popularity}, windows=1)
    with pytest.raises(ConfigError, match="0 models"):
        over_windows(make_world(), {})
    with pytest.raises(ProtocolError, match="positions only"):
        over_windows(make_world(clock="position"), {"popularity": Popularity})
