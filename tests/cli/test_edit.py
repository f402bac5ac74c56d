"""edit on the command line: what it would move, kept in a store, undone, listed."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.feedback import open_stores
from penchant.interests.editing import EditingConfig
from tests.cli.test_use import bundle  # noqa: F401

runner = CliRunner()
CHESS = "tags:chess"


def shown(*arguments: Any) -> str:
    result = runner.invoke(app, ["edit", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def told(*arguments: Any) -> Any:
    result = runner.invoke(app, ["edit", *map(str, arguments), "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store.sqlite"


def test_without_a_store_it_shows_what_it_would_move_and_keeps_nothing(bundle):  # noqa: F811
    first = told(bundle, "--user", "u-0", "--more", "Chess")
    assert (first["edit"]["action"], first["edit"]["concept_id"]) == ("more", CHESS)
    settings = EditingConfig()
    assert settings.step <= first["edit"]["strength"] <= settings.most_step * 1.02
    moved = {item["item_id"]: item for item in first["moved"]}
    assert {item_id for item_id, item in moved.items() if item["change"] and item["change"] > 1e-9} == {
        item_id for item_id in moved if item_id.startswith("3-")
    }
    text = shown(bundle, "--user", "u-0", "--more", CHESS)
    assert "u-0: more tags:chess" in text
    assert "chess volume" in text
    assert "Nothing is kept: name a store with --store." in text
    assert told(bundle, "--user", "u-0", "--more", CHESS)["moved"] == first["moved"]


def test_typed_words_tell_what_they_were_taken_for(bundle):  # noqa: F811
    found = told(bundle, "--user", "u-0", "--add", "mysteries")
    assert found["edit"]["concept_id"] == "tags:cozy-mystery"
    assert found["matches"][0]["concept"] == "cozy mystery"
    assert "“mysteries” is taken for cozy mystery" in shown(bundle, "--user", "u-0", "--add", "mysteries")


def test_kept_in_a_store_it_counts_from_then_on_until_it_is_undone(bundle, store):  # noqa: F811
    kept = ("--store", store)
    muted = told(bundle, "--user", "u-0", "--mute", "chess", *kept)["edit"]["edit_id"]
    pinned = told(bundle, "--user", "u-0", "--pin", "cookery", *kept)
    assert {
        one["concept"]: (one["pinned"], one["muted"]) for one in pinned["interests"] if one["source"] == "explicit"
    } == {
        "chess": (False, True),
        "cookery": (True, False),
    }
    assert not any(item["item_id"].startswith("3-") for item in pinned["moved"])
    assert f"Undo with --undo {pinned['edit']['edit_id']}."[:12] in shown(
        bundle, "--user", "u-0", "--less", CHESS, *kept
    )
    told(bundle, "--user", "u-0", "--undo", muted, *kept)
    log = told(bundle, "--user", "u-0", "--log", *kept)
    assert [entry["edit"]["action"] for entry in log["edits"]] == ["undo", "less", "pin", "mute"]
    assert [entry["standing"] for entry in log["edits"]] == [True, True, True, False]
    last = told(bundle, "--user", "u-0", "--undo", "last", *kept)
    assert last["edit"]["undoes"] == log["edits"][1]["edit"]["edit_id"]
    text = shown(bundle, "--user", "u-0", "--log", *kept)
    assert f"{muted} mute chess" in text
    assert "pin cookery" in text
    with open_stores(str(store)) as stores:
        assert stores.counts()["edits"] == 5


def test_forget_and_reset(bundle, store):  # noqa: F811
    history = told(bundle, "--user", "u-0", "--more", CHESS)["events"]
    assert told(bundle, "--user", "u-0", "--forget", "e0", "--store", store)["events"] == history - 1
    assert told(bundle, "--user", "u-0", "--reset", "all", "--store", store)["cold"]
    assert told(bundle, "--user", "u-0", "--undo", "last", "--store", store)["events"] == history - 1
    told(bundle, "--user", "u-0", "--mute", "chess", "--store", store)
    reset = told(bundle, "--user", "u-0", "--reset", "chess", "--store", store)
    assert not any(one["muted"] for one in reset["interests"])
    assert "No edits yet." in shown(bundle, "--user", "u-1", "--log", "--store", store)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "0 edits came"),
        (["--more", "chess", "--less", "cookery"], "2 edits came"),
        (["--log"], "Without a store"),
        (["--more", "juggling"], "juggling"),
        (["--add", "  "], "No words"),
        (["--add", "juggling"], "Nothing in this catalogue"),
        (["--forget", "nothing"], "no event 'nothing'"),
        (["--undo", "last"], "no edit that could be undone"),
    ],
)
def test_bad_input_ends_with_two_and_says_what_to_do(bundle, penchant, arguments, words):  # noqa: F811
    code, out, err = penchant("edit", bundle, "--user", "u-0", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
