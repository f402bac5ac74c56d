"""Where a fine-tuned encoder ranks, words are compared with texts as they were before it was fine-tuned."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from penchant.concepts.completion import CompletionConfig, completed
from penchant.concepts.vocabulary import Vocabulary
from penchant.encoders import CachedEncoder, load_encoder, plain, render_items
from penchant.encoders.light import fit_light
from penchant.interfaces import Encoder
from penchant.pipeline import fitting
from penchant.pipeline.encoding import known_encoder
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray
from tests.encoders.fine_tuning.test_plain import tune
from tests.models.language.tiny import save_words
from tests.pipeline.conftest import NOW, SETTINGS
from tests.pipeline.test_zero_shot import Words
from tests.worlds import GENRES, genre_world

CONFIG = InterestModelConfig.of(
    {**SETTINGS, "text": True, "model": {"tracker": {"dim": 16, "training": {"max_epochs": 2}}}}
)


class Tuned:
    """Another vector for a name than for items' texts: they share no number."""

    folder = None
    name, licence, identity = "tuned", "", "tuned"

    def __init__(self, reading: Encoder) -> None:
        self.reading, self.dim, self.asked = reading, 2 * reading.dim, list[str]()

    @property
    def plain(self) -> Encoder:
        return self.reading

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        return self.encode_both(texts, progress=progress)[0]

    def encode_both(self, texts: Sequence[str], *, progress: Progress = SILENT) -> tuple[FloatArray, FloatArray]:
        self.asked += texts
        found = self.reading.encode(texts, progress=progress)
        item = np.array([re.search(r"volume \d", text) is not None for text in texts])[:, None]
        return np.concatenate([found * item, found * ~item], axis=1), found


@pytest.fixture(scope="module")
def encoder() -> Tuned:
    return Tuned(Words())


@pytest.fixture(scope="module")
def models(encoder: Tuned) -> tuple[InterestModel, InterestModel]:
    tuned, words = (
        InterestModel(config=CONFIG, encoder=one, now=lambda: NOW).fit(genre_world(newcomers=4))
        for one in (encoder, Words())
    )
    return tuned, words


def test_items_rank_by_the_tuned_vectors_and_words_find_by_the_plain_ones(models, tmp_path, monkeypatch):
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    tuned, words = models
    assert tuned.fitted.facts["encoder"]["identity"] == "tuned"
    for text in ("volume 7", f"{GENRES[1]} volume"):
        found, expected = (model.recommend_by_text(text, 8) for model in (tuned, words))
        assert [item.item_id for item in found.items] == [item.item_id for item in expected.items]
        np.testing.assert_allclose([i.score for i in found.items], [i.score for i in expected.items], atol=1e-6)


def test_concepts_are_found_by_the_plain_ones(models, encoder):
    tuned, words = models
    assert [c.name for c in tuned.fitted.vocabulary.concepts] == [c.name for c in words.fitted.vocabulary.concepts]
    found, expected = (model.find_concepts("a cozy thing") for model in (tuned, words))
    assert found == expected
    assert found
    assert all(re.search(r"volume \d|^likes", text) for text in encoder.asked)  # items and users, and never a name


def test_kinds_are_named_and_items_completed_by_the_plain_ones(monkeypatch):
    """Half the genres bear no tag; their names are offered, and kinds of their items take them."""
    data, offered, told = genre_world(), tuple(f"{genre} volume" for genre in GENRES[2:]), []
    tags = data.items.columns["tags"].copy()
    for row, (genre,) in enumerate(tags):
        tags[row] = [genre] if genre in GENRES[:2] else []
    items = replace(data.items, columns={**data.items.columns, "tags": tags})

    def spied(vocabulary: Vocabulary, vectors: Sequence[FloatArray], config: CompletionConfig) -> Vocabulary:
        told.append(vectors[0].shape[1])
        return completed(vocabulary, vectors, config)

    monkeypatch.setattr(fitting, "completed", spied)
    concepts = {"epochs": 2, "dictionary": {"per_item": 3, "kind_share": 0.3}}
    config = InterestModelConfig.of(
        {
            "model": {"tracker": {**SETTINGS["model"]["tracker"], "concepts": concepts}},
            "naming": {"names": offered},
            "vocabulary": {"sources": ["attributes"]},
            "completion": {},
        }
    )
    encoder = Tuned(fit_light("hashed", render_items(items)))
    model = InterestModel(config=config, encoder=encoder, now=lambda: NOW).fit(replace(data, items=items))
    kinds = {concept.name for concept in model.fitted.vocabulary.concepts if concept.kind == "kind"}
    assert set(offered) <= kinds
    assert told == [encoder.plain.dim]
    assert model.fitted.discovery.meanings.shape[1] == encoder.plain.dim


def test_the_first_words_asked_do_not_wait_for_the_items(tmp_path, monkeypatch):
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    read: list[str] = []

    class Told(Words):
        def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
            read.extend(texts)
            return super().encode(texts, progress=progress)

    cached = CachedEncoder(Tuned(Told()), tmp_path / "embeddings")
    model = InterestModel(config=CONFIG, encoder=cached, now=lambda: NOW).fit(genre_world())
    assert sum("volume" in text for text in read) == model.fitted.dataset.n_items  # one pass for both readings
    read.clear()
    model.recommend_by_text("volume 7", 3)
    assert read == ["volume 7"]


def test_a_bundle_finds_its_encoders_plain_reading_again(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    base = save_words(tmp_path / "base", sorted({word for genre in GENRES for word in genre.split()} | {"volume"}))
    folder = tune(base, tmp_path / "tuned", dim=7)
    model = InterestModel(config=CONFIG, encoder=load_encoder(folder), now=lambda: NOW).fit(genre_world())
    model.save(tmp_path / "bundle")
    found = load(tmp_path / "bundle", now=lambda: NOW).recommend_by_text("cozy opera", 5)
    expected = InterestModel(config=CONFIG, encoder=load_encoder(base), now=lambda: NOW).start(model.fitted)
    slate = expected.recommend_by_text("cozy opera", 5)
    assert [item.item_id for item in found.items] == [item.item_id for item in slate.items]
    np.testing.assert_allclose([i.score for i in found.items], [i.score for i in slate.items], atol=1e-3)


def test_a_bundle_that_was_fitted_with_the_plain_reading_finds_it_again(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    encoder = plain(load_encoder(tune(save_words(tmp_path / "base", ["volume", "chess"]), tmp_path / "tuned", dim=7)))
    model = InterestModel(config=CONFIG, encoder=encoder, now=lambda: NOW).fit(genre_world())
    found = known_encoder(model.fitted.facts, model.fitted.dataset.items)
    assert found is not None
    assert found.identity == encoder.identity
