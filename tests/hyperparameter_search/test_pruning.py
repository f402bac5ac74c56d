"""Trials given up on the way."""

import optuna
import pytest

from penchant.hyperparameter_search import Choice, search
from penchant.hyperparameter_search.catalogue import PRUNERS
from penchant.hyperparameter_search.trials import Report, Trial

EPOCHS = 9
LEVELS = (5, 6, 7, 8, 9, 1, 4, 10, 3, 11)


def at(training, *values):
    return tuple(Report(training=training, step=step, value=value) for step, value in enumerate(values, 1))


def trial(number, reports, value=0.0):
    return Trial(number=number, settings={}, value=value, reports=reports)


def climbing(attempt):
    """Rises to its level over nine epochs."""
    for epoch in range(1, EPOCHS + 1):
        attempt.report(attempt.settings["level"] * epoch / EPOCHS, step=epoch, training="net")
    return float(attempt.settings["level"])


@pytest.mark.parametrize("name", sorted(PRUNERS))
def test_the_best_survives_and_the_rest_cost_less(name, tmp_path):
    space = {"level": Choice(LEVELS)}
    found = search(climbing, space, sampler="grid", pruner=name, folder=tmp_path)
    assert found.best.settings == {"level": 11}
    given_up = [one for one in found.trials if one.pruned]
    assert given_up
    assert {one.settings["level"] for one in given_up} <= {1, 3, 4, 5, 6, 7, 8, 9}
    for one in given_up:
        assert one.value is None
        assert len(one.reports) < EPOCHS
        assert one.failure.startswith(f"Given up at net, step {len(one.reports)} with ")
    again = search(climbing, space, sampler="grid", pruner=name, folder=tmp_path, resume=True)
    assert again.trials == found.trials


def test_the_median_is_that_of_the_others_best_so_far():
    median = PRUNERS.build("median", {"after_trials": 3})
    others = [trial(0, at("a", 1.0, 5.0)), trial(1, at("a", 4.0, 2.0)), trial(2, at("a", 3.0, 3.0))]
    # At step 2 their best so far are 5, 4 and 3.
    assert median.prunes(at("a", 1.0, 3.9), others)
    assert not median.prunes(at("a", 1.0, 4.0), others)
    assert not median.prunes(at("a", 4.1, 0.0), others)  # its own best counts, not the last
    assert not median.prunes(at("a", 0.0), others[:2])  # two are too few
    assert not median.prunes(at("a", 9.0, 9.0, 0.0), others)  # none came so far
    assert not median.prunes(at("b", 0.0, 0.0), others)  # another training
    late = PRUNERS.build("median", {"after_trials": 3, "after_steps": 2})
    assert not late.prunes(at("a", 0.0, 0.0), others)


def test_the_median_decides_as_optunas_does():
    curves = [[1.0, 2.0, 2.5], [0.5, 3.0, 2.0], [2.0, 1.0, 1.5], [0.2, 0.4, 5.0], [1.2, 1.1, 1.0], [3.0, 0.1, 0.2]]
    ours = PRUNERS.build("median", {"after_trials": 1})
    for n, curve in enumerate(curves[1:], 1):
        study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=1))
        for other in curves[:n]:
            # Optuna takes the others' value at a step, ours their best up to it: told the same, they agree.
            best = [max(other[: step + 1]) for step in range(3)]
            study.add_trial(optuna.trial.create_trial(value=best[-1], intermediate_values=dict(enumerate(best, 1))))
        asked = study.ask()
        for step in range(1, 4):
            asked.report(curve[step - 1], step)
            others = [trial(k, at("", *other)) for k, other in enumerate(curves[:n])]
            assert ours.prunes(at("", *curve[:step]), others) == asked.should_prune(), (n, step)


def test_successive_halving_lets_one_of_three_go_on_from_each_rung():
    halving = PRUNERS.build("halving", {"first": 2, "factor": 3})
    others = [trial(n, at("", 0.0, float(n), 0.0, 0.0, 0.0, float(n))) for n in range(5)]  # 0 … 4 at steps 2 and 6
    assert halving.prunes(at("", 9.0, 2.5), others)  # six came: two go on, and 3 and 4 were better
    assert not halving.prunes(at("", 9.0, 3.5), others)
    assert not halving.prunes(at("", 0.0), others)  # no rung
    assert not halving.prunes(at("", 9.0, 9.0, 0.0), others)
    assert halving.prunes(at("", 9.0, 9.0, 9.0, 9.0, 9.0, 1.0), others)
    assert not halving.prunes(at("", 0.0, 0.0), others[:1])  # two are too few to choose one of three


def test_equal_values_are_not_given_up():
    others = [trial(n, at("", 1.0, 1.0, 1.0)) for n in range(8)]
    for name in PRUNERS:
        assert not PRUNERS.build(name).prunes(at("", 1.0, 1.0, 1.0), others)
