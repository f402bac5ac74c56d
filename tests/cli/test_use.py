"""fit, recommend, interests and similar on the command line."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from penchant.cli.app import app
from penchant.errors import ConfigError, NotFoundError, StoreError
from tests.worlds import GENRES, genre_world

runner = CliRunner()
CONFIG = """
text = false
nouns = ["volume", "volumes"]
[model.tracker]
dim = 16
[model.tracker.training]
max_epochs = 3
warmup_steps = 5
learning_rate = 0.01
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("use")
    genre_world().save(folder / "data")
    (folder / "config.toml").write_text(CONFIG)
    arguments = ["fit", str(folder / "data"), "--to", str(folder / "bundle"), "--config", str(folder / "config.toml")]
    result = runner.invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["concepts"] == 4
    return folder / "bundle"


def test_recommend_prints_titles_scores_and_reasons(bundle):
    result = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "-k", "4", "--explain"])
    assert result.exit_code == 0
    assert result.stdout.count(" volume ") >= 4
    assert "1." in result.stdout


def test_recommend_json_has_the_shape_of_the_wire(bundle):
    result = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "-k", "4", "--json"])
    slate = json.loads(result.stdout)
    assert {"user_id", "slate_id", "generated_at", "bundle", "policy", "items"} <= set(slate)
    assert len(slate["items"]) == 4
    for item in slate["items"]:
        assert {"item_id", "title", "rank", "score", "explored", "propensity", "reasons", "other", "residual"} <= set(
            item
        )
        total = sum(reason["contribution"] for reason in item["reasons"]) + item["other"] + item["residual"]
        assert total == pytest.approx(item["score"], abs=1e-6)
        keys = {"source", "concept_id", "concept", "event_id", "contribution", "evidence"}
        assert all(keys <= set(reason) for reason in item["reasons"])


def recommended(bundle, *options):
    result = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--json", *options])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_recommend_reranks_under_rules(bundle):
    plain = [item["item_id"] for item in recommended(bundle, "-k", "30")["items"]]
    pinned = next(item for item in plain[6:] if not item.startswith("3-"))
    rules = ["--deny", plain[0], "--deny", "tags:chess", "--pin", f"2={pinned}", "--quota", "tags:cookery=1..2"]
    slate = recommended(bundle, "-k", "6", "--rerank", "mmr", "--rerank-weight", "0.5", *rules)
    shown = [item["item_id"] for item in slate["items"]]
    assert slate["policy"] == "greedy+mmr"
    assert plain[0] not in shown
    assert not any(item.startswith("3-") for item in shown)
    assert shown[1] == pinned
    assert 1 <= sum(item.startswith("2-") for item in shown) <= 2
    text = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--boost", "tags:cookery=5"]).stdout
    assert "+5.00  for the list as a whole" in text
    seen = recommended(bundle, "-k", "60", "--seen")["items"]
    assert len(seen) == len(recommended(bundle, "-k", "60", "--seen-policy", "include")["items"]) == 60
    assert len(recommended(bundle, "-k", "60", "--seen-policy", "after:2")["items"]) < 60


def test_wishes_that_make_no_sense_are_refused_in_two_lines(bundle):
    for options, says in ((["--rerank", "nicest"], "No reranker"), (["--boost", "x"], "no boost")):
        result = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", *options])
        assert result.exit_code != 0
        assert says in str(result.exception) + result.output


def test_interests_json_has_the_shape_of_the_wire(bundle):
    result = runner.invoke(app, ["interests", str(bundle), "--user", "u-1", "--json"])
    profile = json.loads(result.stdout)
    assert {"user_id", "as_of", "interests"} <= set(profile)
    keys = {"concept_id", "concept", "parent", "strength", "confidence", "trend", "short_term", "long_term"}
    keys |= {"first_seen", "last_seen", "source", "evidence"}
    assert profile["interests"]
    for interest in profile["interests"]:
        assert keys <= set(interest)
        for event in interest["evidence"]:
            assert {"event_id", "item_id", "event_type", "timestamp", "effect"} <= set(event)


def test_interests_in_words(bundle):
    result = runner.invoke(app, ["interests", str(bundle), "--user", "u-0"])
    assert result.exit_code == 0
    assert "volumes" in result.stdout


def test_interests_as_they_were(bundle):
    result = runner.invoke(app, ["interests", str(bundle), "--user", "u-0", "--as-of", "7", "--json"])
    profile = json.loads(result.stdout)
    assert (profile["as_of"], profile["events"]) == (7, 7)
    assert {interest["concept"] for interest in profile["interests"]} <= {"space opera"}


def test_one_user_with_few_items_and_one_event(tmp_path):
    """The smallest data that can be fitted is served; what is left over may be nothing."""
    dataset = genre_world(users=2, per_genre=2, length=2)
    dataset.select(np.arange(len(dataset.events)) < 3).save(tmp_path / "tiny")  # u-1 has one event
    (tmp_path / "c.toml").write_text(CONFIG)
    fit = ["fit", str(tmp_path / "tiny"), "--to", str(tmp_path / "b"), "--config", str(tmp_path / "c.toml")]
    assert runner.invoke(app, fit, catch_exceptions=False).exit_code == 0
    for user in ("u-0", "u-1"):
        slate = runner.invoke(app, ["recommend", str(tmp_path / "b"), "--user", user, "-k", "100", "--json"])
        assert 6 <= len(json.loads(slate.stdout)["items"]) <= 7


def test_the_settings_file_in_configs_is_the_default():
    from pathlib import Path

    from penchant.config import read_toml
    from penchant.pipeline.fitting import InterestModelConfig

    told = read_toml(Path(__file__).resolve().parents[2] / "configs" / "interest.toml")
    assert InterestModelConfig.of(told) == InterestModelConfig()


def test_an_unknown_user_is_told_so(bundle):
    result = runner.invoke(app, ["recommend", str(bundle), "--user", "nobody", "-k", "3"])
    assert result.exit_code == 0
    assert "not known" in result.stdout
    assert "no interests yet" in runner.invoke(app, ["interests", str(bundle), "--user", "nobody"]).stdout


def test_similar_lists_neighbours_with_what_they_share(bundle):
    result = runner.invoke(app, ["similar", str(bundle), "--item", "1-3", "-k", "5", "--json"])
    told = json.loads(result.stdout)
    assert told["item_id"] == "1-3"
    assert len(told["items"]) == 5
    assert runner.invoke(app, ["similar", str(bundle), "--item", "1-3"]).exit_code == 0


def test_a_fit_keeps_the_words_of_its_config(bundle):
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["config"]["nouns"] == ["volume", "volumes"]
    assert manifest["dataset"]["users"] == 240


def test_recommend_explores_as_told(bundle):
    slate = recommended(bundle, "-k", "6", "--explore", "1", "--most-explored", "2")
    assert slate["policy"] == "dial"
    assert sum(item["explored"] for item in slate["items"]) <= 2
    assert recommended(bundle, "--surprise")["exploration_share"] == 1.0
    assert 0 < recommended(bundle, "--explore", "auto")["exploration_share"] < 1
    both = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--surprise", "--explore", "0.2"])
    assert isinstance(both.exception, ConfigError)
    text = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--surprise"]).stdout
    assert "exploring: " in text
    assert "100% of places were meant to be" in text


def test_recommend_keeps_the_budget_of_places_concepts_and_patience(bundle):
    whole = recommended(bundle, "-k", "6", "--explore", "1")
    kept = recommended(bundle, "-k", "6", "--explore", "1", "--never-explored-at", "1", "--never-explored-at", "3")
    assert [item["explored"] for item in whole["items"]][:3] == [True, True, True]
    assert [item["explored"] for item in kept["items"]][:3] == [False, True, False]
    concepts = json.loads(runner.invoke(app, ["concepts", str(bundle), "--json"]).stdout)["concepts"]
    without = [part for concept in concepts for part in ("--never-explored", concept["concept_id"])]
    other = recommended(bundle, "-k", "6", "--explore", "1", "--patience", "2", *without)
    assert not any(item["explored"] for item in other["items"])
    nothing = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--never-explored", "no-such-concept"])
    assert isinstance(nothing.exception, NotFoundError)
    text = runner.invoke(app, ["recommend", str(bundle), "--text", "tales", "--patience", "2"])
    assert "something to explore" in str(text.exception)


@pytest.mark.parametrize("wrong", ["often", "2", "-1", "nan"])
def test_recommend_refuses_what_is_no_share(bundle, wrong):
    result = runner.invoke(app, ["recommend", str(bundle), "--user", "u-1", "--explore", wrong])
    assert isinstance(result.exception, ConfigError)


def test_discover_prints_interests_or_says_that_none_is_left(bundle):
    found = json.loads(runner.invoke(app, ["discover", str(bundle), "--user", "u-1", "--json"]).stdout)
    assert found["user_id"] == "u-1"
    assert found["interests"] == []  # four genres, each on a quarter of the items: too broad to discover
    assert "no interest is left" in runner.invoke(app, ["discover", str(bundle), "--user", "u-1"]).stdout


def test_discover_finds_narrow_interests(bundle, tmp_path):
    config = tmp_path / "config.toml"
    config.write_text(CONFIG + "\n[exploration.discovery]\nmax_share = 0.5\n")
    arguments = ["fit", str(bundle.parent / "data"), "--to", str(tmp_path / "bundle"), "--config", str(config)]
    assert runner.invoke(app, arguments, catch_exceptions=False).exit_code == 0
    arguments = ["discover", str(tmp_path / "bundle"), "--user", "u-1"]
    (first, *_) = json.loads(runner.invoke(app, [*arguments, "--json"]).stdout)["interests"]
    assert {"concept_id", "concept", "chance", "strength", "uncertainty", "via", "text", "items"} <= set(first)
    text = runner.invoke(app, arguments).stdout
    assert first["concept"] in text
    assert "try " in text


def test_log_writes_what_a_server_decided(bundle, tmp_path):
    from penchant.feedback import open_stores
    from penchant.pipeline.interest_model import load
    from penchant.records import Event
    from penchant.serving.live import LiveModel

    with open_stores(tmp_path / "store.sqlite") as stores:
        live = LiveModel(load(bundle), stores)
        slate = live.recommend("u-1", 3, exclude_seen=True, explore=0.5)
        live.observe([Event(user_id="u-1", item_id=slate.items[0].item_id, slate_id=slate.slate_id)])
    out = tmp_path / "log.jsonl"
    result = runner.invoke(app, ["log", str(tmp_path / "store.sqlite"), "--to", str(out), "--json"])
    assert json.loads(result.stdout)["decisions"] == 1
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["ranking", "interaction"]
    assert (
        "1 decisions and 1 events"
        in runner.invoke(app, ["log", str(tmp_path / "store.sqlite"), "--to", str(out)]).stdout
    )
    assert isinstance(runner.invoke(app, ["log", str(tmp_path / "none"), "--to", str(out)]).exception, StoreError)
    kept = (tmp_path / "store.sqlite").read_bytes()
    for place in ("store.sqlite", "store.sqlite-wal", "."):
        refused = runner.invoke(app, ["log", str(tmp_path / "store.sqlite"), "--to", str(tmp_path / place)])
        assert isinstance(refused.exception, ConfigError), place
    assert (tmp_path / "store.sqlite").read_bytes() == kept


def test_words_instead_of_a_user(bundle):
    result = runner.invoke(app, ["recommend", str(bundle), "--text", GENRES[1], "-k", "3", "--json"])
    assert result.exit_code == 0, result.output
    slate = json.loads(result.stdout)
    assert all(item["title"].startswith(GENRES[1]) for item in slate["items"])
    assert "words alone" in slate["note"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Neither a user nor a text"),
        (["--text", "x", "--user", "u-1"], "words alone"),
        (["--text", "x", "--explore", "0.5"], "words alone"),
        (["--text", " "], "no letter"),
    ],
)
def test_words_that_cannot_be_asked(penchant, bundle, options, said):
    code, _, err = penchant("recommend", bundle, *options)
    assert code == 2
    assert said in err


def test_the_profiles_of_all_users_go_to_a_file(bundle, tmp_path):
    file = tmp_path / "all.jsonl"
    result = runner.invoke(app, ["interests", str(bundle), "--to", str(file), "--limit", "2"])
    assert result.exit_code == 0, result.output
    assert "the profiles of 240 users" in result.stdout
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    alone = runner.invoke(app, ["interests", str(bundle), "--user", "u-7", "--limit", "2", "--json"])
    assert lines[7] == json.loads(alone.stdout)
    for options in ([], ["--user", "u-1", "--to", str(file)]):
        with pytest.raises(ConfigError, match="a user"):
            runner.invoke(app, ["interests", str(bundle), *options], catch_exceptions=False)
