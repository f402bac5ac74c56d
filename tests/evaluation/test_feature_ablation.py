"""What each feature step is worth is a table: the model, and the same model without each step."""

import sys
from typing import Any

import orjson
import pytest

from penchant.cli import main
from penchant.data.folder import save_dataset
from penchant.errors import UnsupportedError
from penchant.evaluation.evaluating import evaluate
from penchant.evaluation.feature_ablation import without_each_step
from penchant.evaluation.rating_evaluation import evaluate_ratings
from penchant.evaluation.rows import Row
from penchant.models.catalogue import RECOMMENDERS
from tests.data.features.worlds import people_and_films

ROWS = ("bayesian_mf", "bayesian_mf without select", "bayesian_mf without transform", "bayesian_mf without features")
QUICK = {"dim": 2, "burn_in": 2, "samples": 2}


def test_rows_are_the_model_and_itself_without_each_step():
    rows, settings = without_each_step(["rating_means", "bayesian_mf"], {"bayesian_mf": QUICK})
    assert rows == ("rating_means", *ROWS)
    for name in rows[1:]:
        row = Row.of(name, settings[name])
        config: Any = RECOMMENDERS[row.model].config.of(row.settings)
        assert (row.model, config.dim, config.samples) == ("bayesian_mf", 2, 2)
        left = [] if config.features is None else [step.step for step in config.features.steps]
        assert left == [s for s in ("select", "transform") if not name.endswith((s, "features"))]


def test_steps_of_ones_own_are_left_out_one_by_one():
    steps = [{"step": "select"}, {"step": "cross", "rare": 3}, {"step": "reduce", "dim": 2}]
    rows, settings = without_each_step(["mine"], {"mine": {"model": "two_tower", "features": {"steps": steps}}})
    assert rows == ("mine", "mine without select", "mine without cross", "mine without reduce", "mine without features")
    config: Any = RECOMMENDERS["two_tower"].config.of(Row.of("x", settings["mine without select"]).settings)
    assert [(s.step, getattr(s, "rare", None)) for s in config.features.steps] == [("cross", 3), ("reduce", None)]


def test_models_without_steps_are_told_those_that_have_them():
    with pytest.raises(UnsupportedError, match="None of popularity, ease has feature steps") as caught:
        without_each_step(["popularity", "ease"])
    for name in ("bayesian_mf", "factorization_machine", "two_tower"):
        assert name in caught.value.hint


def test_the_table_has_a_row_for_each_and_compares_them():
    rows, settings = without_each_step(["bayesian_mf"], {"bayesian_mf": QUICK})
    result = evaluate_ratings(people_and_films(), rows, settings=settings)
    assert tuple(summary.model for summary in result.summaries) == ROWS
    assert len({summary.mean["rmse"] for summary in result.summaries}) == 4
    compared = {frozenset((c.model, c.other)) for c in result.comparisons if c.metric == "mse"}
    assert {frozenset((ROWS[0], name)) for name in ROWS[1:]} <= compared


def test_rankings_are_ablated_alike():
    brief = {"dim": 4, "hidden": 4, "training": {"max_epochs": 1, "evaluate_every": 1}}
    rows, settings = without_each_step(["two_tower"], {"two_tower": brief})
    result = evaluate(people_and_films(), rows, settings=settings, ks=(5,))
    assert {r.model for r in result.results} == set(rows)
    assert rows[1:] == tuple(f"two_tower without {left}" for left in ("select", "transform", "reduce", "features"))


@pytest.fixture
def penchant(monkeypatch, capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["penchant", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    return run


def test_a_person_asks_for_it_with_one_option(penchant, tmp_path):
    folder, config = save_dataset(people_and_films(), tmp_path / "films"), tmp_path / "settings.toml"
    config.write_text("[bayesian_mf]\ndim = 2\nburn_in = 2\nsamples = 2\n")
    asked = ["--task", "ratings", "--models", "bayesian_mf", "--config", config, "--without-steps"]
    code, out, err = penchant("evaluate", folder, *asked, "--json", "-")
    assert code == 0, err
    assert [summary["model"] for summary in orjson.loads(out)["summaries"]] == list(ROWS)
    code, out, _ = penchant("evaluate", folder, *asked)
    assert code == 0
    for name in ROWS:
        assert name in out
    code, _, err = penchant("evaluate", folder, "--models", "popularity", "--without-steps")
    assert code == 2
    assert "two_tower" in err
