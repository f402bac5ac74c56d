"""From a dataset to an encoder's folder."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from penchant.encoders import load_encoder
from penchant.encoders.licence import licence_of
from penchant.encoders.pretraining.language_model import LanguageModel
from penchant.errors import BundleError, ConfigError, DataError, NotFoundError, PenchantError
from penchant.pipeline import pretraining
from penchant.pipeline.encoding import cached_encoder, known_encoder
from penchant.pipeline.pretraining import MANIFEST, PretrainingConfig, pretrain_encoder
from penchant.training.model_card import keep_card, read_card
from tests.full_disk import files_up_to, room_again
from tests.worlds import genre_world

WORLD = genre_world(users=24)
SETTINGS = {
    "start": "scratch",
    "architecture": {"max_length": 24},
    "tokenizer": {"vocabulary": 300},
    "training": {"max_epochs": 2, "warmup_steps": 2},
}


def test_from_scratch_and_then_further_from_its_folder(tmp_path: Path):
    first = pretrain_encoder(WORLD, tmp_path / "one", PretrainingConfig.of(SETTINGS))
    assert [one["name"] for one in first.objectives] == ["mlm"]
    assert first.objectives[0]["after"]["loss"] < first.objectives[0]["before"]["loss"]
    assert first.texts["learned"] + first.texts["held_out"] == WORLD.n_items
    assert first.retrieval["after"] is not None
    assert first.training["trained"] == first.training["total"]
    further = PretrainingConfig.of(
        {
            "start": str(tmp_path / "one"),
            "method": {"name": "lora", "rank": 2},
            "objectives": {"item_item": {"max_examples": 64}},
            "training": {"max_epochs": 1},
        }
    )
    second = pretrain_encoder(WORLD, tmp_path / "two", further)
    assert second.training["trained"] < first.training["trained"] / 4
    assert second.retrieval["before"] == first.retrieval["after"]  # it begins where the other ended
    assert load_encoder(tmp_path / "two").encode(["space opera"]).any()
    again = pretrain_encoder(WORLD, tmp_path / "one", PretrainingConfig.of(SETTINGS))  # takes the old one's place
    assert again.objectives == first.objectives


def test_a_bundles_encoder_is_found_where_it_lay_and_no_other_is_taken_for_it(tmp_path: Path):
    place = tmp_path / "one"
    pretrain_encoder(WORLD, place, PretrainingConfig.of(SETTINGS))
    encoder = cached_encoder(str(place))
    assert encoder.folder == place.resolve()
    facts = {"encoder": {"name": encoder.name, "identity": encoder.identity, "folder": str(encoder.folder)}}
    known = known_encoder(facts, WORLD.items)
    assert known is not None
    assert known.identity == encoder.identity
    precise = load_encoder(place, settings={"precision": "float32"}).identity
    elsewhere = {"encoder": {**facts["encoder"], "identity": precise.replace("-float32-", "-bfloat16-")}}
    assert known_encoder(elsewhere, WORLD.items) is not None  # made where another format is the faster
    place.rename(tmp_path / "moved")
    assert known_encoder(facts, WORLD.items) is None
    pretrain_encoder(WORLD, place, PretrainingConfig(start="tfidf"))
    assert known_encoder(facts, WORLD.items) is None
    (place / "terms.json").write_text("{")
    assert known_encoder(facts, WORLD.items) is None
    light = load_encoder(tmp_path / "moved")
    assert cached_encoder(None).folder is None
    assert light.folder == tmp_path.resolve() / "moved"


def test_light_encoders_are_made_too_and_learned_again_from_a_bundles_items(tmp_path: Path):
    report = pretrain_encoder(WORLD, tmp_path / "light", PretrainingConfig(start="tfidf"))
    assert report.objectives == ()
    assert report.retrieval["after"] is not None
    assert load_encoder(tmp_path / "light").name == "tfidf"
    encoder = cached_encoder("nmf", WORLD.items)
    facts = {"encoder": {"name": encoder.name, "identity": encoder.identity}}
    known = known_encoder(facts, WORLD.items)
    assert known is not None
    assert known.identity == encoder.identity
    assert known_encoder({"encoder": {"name": "nmf", "identity": "nmf-of-others"}}, WORLD.items) is None


def test_the_card_says_when_it_was_made_and_whose_the_weights_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    pretrain_encoder(WORLD, tmp_path / "one", PretrainingConfig.of(SETTINGS), now=lambda: now)
    card = read_card(tmp_path / "one")
    assert card.made == "2026-01-02T03:04:05+00:00"
    assert (card.base["name"], card.licence) == ("scratch", "")
    assert card.costs["device"] == "cpu" or card.costs["device"].startswith("cuda")
    assert licence_of(None) == "Apache-2.0"
    keep_card(tmp_path / "one", replace(card, licence="MIT"), manifest=MANIFEST)  # as of a base that has one
    further = PretrainingConfig.of({"start": str(tmp_path / "one"), "training": {"max_epochs": 1}})
    pretrain_encoder(WORLD, tmp_path / "two", further, now=lambda: now)
    assert read_card(tmp_path / "two").licence == read_card(tmp_path / "two").base["licence"] == "MIT"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert licence_of("~/two") == "MIT"
    assert licence_of(str(tmp_path)) == ""


def test_settings_that_nothing_has_are_refused_before_anything_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def work(*_: object) -> None:
        raise AssertionError("work was done")

    monkeypatch.setattr(pretraining, "train_tokenizer", work)
    with pytest.raises(ConfigError, match="epochs: no such setting"):
        PretrainingConfig.of({**SETTINGS, "training": {"epochs": 3}})
    for objectives, said in (({"nsp": {}}, "'nsp'"), ({"mlm": {"share": 2}}, "share")):
        with pytest.raises(PenchantError, match=said):
            pretrain_encoder(WORLD, tmp_path / "out", PretrainingConfig.of({**SETTINGS, "objectives": objectives}))
    asked: list[dict[str, object]] = [{"objectives": {"mlm": {}}}, {"training": {"max_epochs": 1}}]
    for told in asked:
        with pytest.raises(ConfigError, match="tfidf has no neural network"):
            pretrain_encoder(WORLD, tmp_path / "out", PretrainingConfig.of({"start": "tfidf", **told}))
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_done_is_refused_before_the_training(tmp_path: Path):
    def run(world=WORLD, **settings: object) -> None:
        pretrain_encoder(world, tmp_path / "out", PretrainingConfig.of({**SETTINGS, **settings}))

    with pytest.raises(DataError, match="has no texts"):
        run(replace(WORLD, items=replace(WORLD.items, columns={})))
    with pytest.raises(NotFoundError, match="No objective is called 'nsp'") as unknown:
        run(objectives={"nsp": {}})
    assert "next_sentence" in unknown.value.hint
    with pytest.raises(ConfigError, match="share"):
        run(objectives={"mlm": {"share": 2}})
    with pytest.raises(ConfigError, match="epochs: no such setting"):
        run(training={"epochs": 3})
    with pytest.raises(ConfigError, match="clm needs"):
        run(objectives={"clm": {}})
    with pytest.raises(NotFoundError, match="No encoder at"):
        run(start="./nowhere")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(BundleError, match=r"holds mine\.txt"):
        run()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = PretrainingConfig.of({**SETTINGS, "training": {"max_epochs": 1}})
    pretrain_encoder(WORLD, tmp_path / "out", config)
    before = load_encoder(tmp_path / "out").identity

    save = LanguageModel.save

    def full(self: LanguageModel, folder: Path) -> None:
        files_up_to(2_000)
        save(self, folder)

    monkeypatch.setattr(LanguageModel, "save", full)
    with room_again(), pytest.raises(BundleError, match=r"cannot be written.*too large"):
        pretrain_encoder(WORLD, tmp_path / "out", config)
    assert load_encoder(tmp_path / "out").identity == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
