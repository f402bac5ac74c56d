"""explain, concepts, replay and plots on the command line."""

import json
from itertools import pairwise
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.interests.explained import Explanation, ScorePart
from penchant.plots.explanation import MOST_BARS, waterfall
from tests.cli.test_use import bundle  # noqa: F401

runner = CliRunner()


def told(*arguments) -> Any:
    result = runner.invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_explain_in_words_as_json_and_as_a_picture(bundle, tmp_path):  # noqa: F811
    item = told("recommend", bundle, "--user", "u-1")["items"][0]
    found = told("explain", bundle, "--user", "u-1", "--item", item["item_id"], "--plot", tmp_path / "why.svg")
    assert sum(part["contribution"] for part in found["parts"]) == pytest.approx(found["score"], abs=1e-6)
    assert (found["rank"], found["score"]) == (1, pytest.approx(item["score"]))
    assert item["title"] in (tmp_path / "why.svg").read_text()
    shown = runner.invoke(app, ["explain", str(bundle), "--user", "u-1", "--item", item["item_id"]]).stdout
    for words in ("is number 1 for you", "the sum of", "If it were otherwise", "What the tracker looked at"):
        assert words in shown
    stranger = runner.invoke(app, ["explain", str(bundle), "--user", "nobody", "--item", item["item_id"]])
    assert "not known to this model" in " ".join(stranger.stdout.split())


def test_concepts_of_a_catalogue_and_of_a_user(bundle):  # noqa: F811
    assert len(told("concepts", bundle)["concepts"]) == 4
    [chess] = told("concepts", bundle, "--search", "chess")["concepts"]
    assert (chess["concept"], chess["size"]) == ("chess", 15)
    mine = told("concepts", bundle, "--user", "u-1", "--level", "fine")
    assert {"sparsity", "axes", "nearest"} <= set(mine["vector"])
    assert mine["lists"]
    assert "chess" in runner.invoke(app, ["concepts", str(bundle)]).stdout
    assert "No concept matches" in runner.invoke(app, ["concepts", str(bundle), "--search", "zzz"]).stdout
    assert "axes are not 0" in runner.invoke(app, ["concepts", str(bundle), "--user", "u-1"]).stdout


def test_replay_in_words_as_json_and_as_a_picture(bundle, tmp_path):  # noqa: F811
    found = told("replay", bundle, "--user", "u-1", "--every", "4", "--to", tmp_path / "replay.png")
    assert [moment["as_of"] for moment in found["moments"]] == [4, 8, 12, 14]
    assert (tmp_path / "replay.png").read_bytes().startswith(b"\x89PNG")
    runner.invoke(app, ["replay", str(bundle), "--user", "u-1", "--every", "4", "--to", str(tmp_path / "r.json")])
    assert json.loads((tmp_path / "r.json").read_text()) == found
    assert "leads" in runner.invoke(app, ["replay", str(bundle), "--user", "u-1"]).stdout


def test_plots_are_saved_as_files(bundle, tmp_path):  # noqa: F811
    result = runner.invoke(app, ["plots", str(bundle), "--to", str(tmp_path / "pictures"), "--user", "u-1"])
    assert result.exit_code == 0, result.output
    for name in ("items", "attention", "training"):
        assert (tmp_path / "pictures" / f"{name}.svg").read_text().lstrip().startswith("<?xml")
    assert "chess" in (tmp_path / "pictures" / "items.svg").read_text()
    again = tmp_path / "again"
    runner.invoke(app, ["plots", str(bundle), "--to", str(again), "--user", "u-1"])
    assert (again / "items.svg").read_bytes() == (tmp_path / "pictures" / "items.svg").read_bytes()


def test_bad_input_ends_with_two(bundle, tmp_path, penchant):  # noqa: F811
    for arguments, words in (
        (["explain", bundle, "--user", "u-1", "--item", "nothing"], "No item 'nothing'"),
        (["explain", bundle, "--user", "u-1", "--item", "0-1", "--plot", tmp_path / "x.bmp"], "no ending of a picture"),
        (["concepts", bundle, "--user", "u-1", "--search", "x"], "given together"),
        (["replay", bundle, "--user", "u-1", "--to", tmp_path / "x.bmp"], "no ending of a picture"),
        (["plots", bundle, "--to", tmp_path, "--user", "nobody"], "No user 'nobody'"),
    ):
        code, _, err = penchant(*arguments)
        assert code == 2
        assert words in err


def test_a_waterfall_ends_at_the_score():
    parts = tuple(ScorePart(source="event", contribution=(-1.0) ** n * n, text=f"$e_{n}$") for n in range(1, 31))
    score = sum(part.contribution for part in parts)
    explanation = Explanation(
        user_id="u",
        item_id="i",
        title="t",
        rank=1,
        candidates=2,
        score=score,
        standing="recommendable",
        parts=parts,
        sentence="",
    )
    bars = waterfall(explanation)
    assert len(bars) == MOST_BARS + 1
    assert bars[-1][3] == pytest.approx(score)
    assert all(after[2] == before[3] for before, after in pairwise(bars))
