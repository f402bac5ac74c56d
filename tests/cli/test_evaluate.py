"""`penchant evaluate` and `penchant metrics score` as a person types them."""

import sys
from pathlib import Path

import orjson
import pytest

from penchant.cli import main
from penchant.data.folder import save_dataset
from tests.evaluation.worlds import make_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("data") / "walks"
    return save_dataset(make_world(60), path)


@pytest.fixture
def penchant(monkeypatch, capsys):
    """Run the command; what it exits with, prints and complains of."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["penchant", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err

    return run


def test_models_are_compared_and_everything_is_written(penchant, folder, tmp_path):
    places = ["--json", tmp_path / "new" / "result.json", "--report", tmp_path / "report.html"]
    places += ["--lists-to", tmp_path / "lists"]
    code, out, err = penchant(
        "evaluate", folder, "--models", "popularity,item_knn", "--k", "5,10", "--seeds", "0,1", *places
    )
    assert code == 0, err
    for text in ("walks", "History excluded", "History included", "NDCG@10", "95 % interval", "item_knn", "ahead"):
        assert text in out
    value = orjson.loads((tmp_path / "new" / "result.json").read_bytes())
    assert {(r["model"], r["exclude_history"], r["seed"]) for r in value["results"]} == {
        (model, exclude, seed) for model in ("popularity", "item_knn") for exclude in (True, False) for seed in (0, 1)
    }
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(list((tmp_path / "lists").iterdir())) == 1 + 2 * 2 * 2


def test_one_variant_and_json_on_the_standard_output(penchant, folder):
    code, out, _ = penchant("evaluate", folder, "--models", "popularity", "--no-exclude-history", "--json", "-")
    assert code == 0
    assert [r["exclude_history"] for r in orjson.loads(out)["results"]] == [False]


def test_settings_reach_models_and_protocol(penchant, folder, tmp_path):
    config = tmp_path / "settings.toml"
    config.write_text("[protocol]\nfolds = 3\n[item_knn]\nwindow = 2\n")
    code, out, err = penchant(
        "evaluate", folder, "--models", "item_knn", "--protocol", "k-fold-users", "--config", config, "--json", "-"
    )
    assert code == 0, err
    value = orjson.loads(out)
    assert len(value["protocol"]["split_hash"]) == 3
    assert value["results"][0]["settings"] == {"window": 2}


def test_the_spread_over_folds_is_shown(penchant, folder):
    code, out, err = penchant("evaluate", folder, "--models", "popularity,item_knn", "--protocol", "k-fold-time")
    assert code == 0, err
    assert "± the standard deviation over 5 folds" in out


def test_the_split_file_is_written_once_and_read_ever_after(penchant, folder, tmp_path):
    file = tmp_path / "cold.json"
    results = []
    for models in ("popularity", "item_knn"):
        code, out, err = penchant(
            "evaluate", folder, "--models", models, "--protocol", "cold-items", "--split-file", file, "--json", "-"
        )
        assert code == 0, err
        results.append(orjson.loads(out)["protocol"]["split_hash"])
    assert results[0] == results[1]
    assert orjson.loads(file.read_bytes())["kind"] == "cold-split"


def test_a_learning_curve_is_shown(penchant, folder):
    code, out, _ = penchant("evaluate", folder, "--models", "popularity", "--learning-curve", "0.5,1")
    assert code == 0
    assert "Learning curve" in out
    assert "50%" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "nobody"], "No recommender is called 'nobody'"),
        (["--models", ""], "No model"),
        (["--k", "0"], "k must be 1 or more"),
        (["--k", "ten"], "--k takes whole numbers; 'ten' came"),
        (["--seeds", "x"], "--seeds takes whole numbers"),
        (["--sample-users", "0"], "one user or more"),
        (["--protocol", "leave-two-out"], "No protocol is called"),
        (["--learning-curve", "2"], "above 0"),
        (["--learning-curve", "half"], "--learning-curve takes numbers"),
        (["--config", "none.toml"], "No settings file"),
        (["--json=."], "is a folder"),
    ],
)
def test_wrong_arguments_exit_two_and_say_what_to_do(penchant, folder, arguments, message):
    code, out, err = penchant(
        "evaluate", folder, *([] if "--models" in arguments else ["--models", "popularity"]), *arguments
    )
    assert code == 2
    assert message in err
    assert "hint:" in err
    assert "Traceback" not in err + out


def test_no_dataset_exits_two(penchant, tmp_path):
    code, _, err = penchant("evaluate", tmp_path / "nothing", "--models", "popularity")
    assert code == 2
    assert "penchant import" in err


def test_anyones_lists_are_scored(penchant, tmp_path):
    lists, truth = tmp_path / "lists.jsonl", tmp_path / "truth.jsonl"
    lists.write_text('{"user_id": "u", "items": ["a", "b", "b"], "scores": [3, 2, 1]}\n')
    truth.write_text('{"user_id": "u", "items": ["b"]}\n{"user_id": "v", "items": ["a"]}\n')
    code, out, err = penchant(
        "metrics", "score", "--lists", lists, "--truth", truth, "--k", "1,2", "--json", tmp_path / "m.json"
    )
    assert code == 0, err
    assert "2 users" in out
    assert "count as zero: v" in out
    value = orjson.loads((tmp_path / "m.json").read_bytes())
    assert value["metrics"]["hit_rate@2"] == 0.5
    assert value["metrics"]["mrr@2"] == 0.25
    assert (value["missing_users"], value["repeats"]) == (1, 1)
    assert {"ndcg@1", "recall@1", "precision@1"} <= set(value["metrics"])


def test_a_bad_line_exits_two_with_its_number(penchant, tmp_path):
    lists, truth = tmp_path / "lists.jsonl", tmp_path / "truth.jsonl"
    truth.write_text('{"user_id": "u", "items": ["b"]}\n')
    lists.write_text('{"user_id": "u", "items": ["b"]}\n{"user_id": "v", "items": 3}\n')
    code, _, err = penchant("metrics", "score", "--lists", lists, "--truth", truth)
    assert code == 2
    assert "lists.jsonl, line 2: items is a int, not a list" in err
