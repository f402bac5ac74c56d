"""From a dataset to an encoder's folder."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from penchant.encoders import load_encoder
from penchant.encoders.pretraining.language_model import LanguageModel
from penchant.errors import BundleError, ConfigError, DataError, NotFoundError
from penchant.pipeline.encoding import cached_encoder, known_encoder
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder
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

    def full(self: LanguageModel, folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LanguageModel, "save", full)
    with pytest.raises(BundleError, match="No space left") as caught:
        pretrain_encoder(WORLD, tmp_path / "out", config)
    assert "--resume" in caught.value.hint
    assert load_encoder(tmp_path / "out").identity == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
