"""Where a fine-tuned encoder ranks, words are compared with texts as they were before it was fine-tuned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from penchant.encoders import CachedEncoder, load_encoder
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


class Tuned(Words):
    """Another vector for a genre's name than for the texts of its items: they share no number."""

    name, identity, dim = "tuned", "tuned", 2 * Words.dim

    def __init__(self) -> None:
        self.plain = Words()

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
        found = self.plain.encode(texts, progress=progress)
        item = np.array(["volume" in text for text in texts])[:, None]
        return np.concatenate([found * item, found * ~item], axis=1)


@pytest.fixture(scope="module")
def models() -> tuple[InterestModel, InterestModel]:
    tuned, words = (
        InterestModel(config=CONFIG, encoder=encoder, now=lambda: NOW).fit(genre_world(newcomers=4))
        for encoder in (Tuned(), Words())
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


def test_concepts_are_named_and_found_by_the_plain_ones(models):
    tuned, words = models
    assert [c.name for c in tuned.fitted.vocabulary.concepts] == [c.name for c in words.fitted.vocabulary.concepts]
    assert tuned.fitted.discovery.meanings.shape[1] == Words.dim
    found, expected = (model.find_concepts("a cozy thing") for model in (tuned, words))
    assert found == expected
    assert found


def test_the_first_words_asked_do_not_wait_for_the_items(tmp_path, monkeypatch):
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    read: list[str] = []

    class Told(Words):
        def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:
            read.extend(texts)
            return super().encode(texts, progress=progress)

    encoder = Tuned()
    encoder.plain = Told()
    cached = CachedEncoder(encoder, tmp_path / "embeddings")
    model = InterestModel(config=CONFIG, encoder=cached, now=lambda: NOW).fit(genre_world())
    assert any("volume" in text for text in read)
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
