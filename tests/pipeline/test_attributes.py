"""A user with attributes and no events is served from what is known of him."""

import numpy as np
import pytest

from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel
from penchant.progress import SILENT
from penchant.seeding import stable_hash
from tests.pipeline.conftest import SETTINGS
from tests.worlds import GENRES, genre_world


class WordCounts:
    """An encoder that counts words in hashed places: texts with the same words are near."""

    name = "word counts"
    licence = "CC0"
    folder = None
    identity = "word counts, 24"
    dim = 24

    def encode(self, texts, *, progress=SILENT):  # noqa: ARG002
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.replace(".", " ").split():
                vectors[row, stable_hash(word) % self.dim] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.divide(vectors, lengths, out=vectors, where=lengths > 0)


@pytest.fixture(scope="module")
def model() -> InterestModel:
    tracker = SETTINGS["model"]["tracker"]
    longer = {"tracker": tracker | {"training": tracker["training"] | {"max_epochs": 40, "patience": 40}}}
    config = InterestModelConfig.of(SETTINGS | {"text": True, "model": longer})
    return InterestModel(config=config, encoder=WordCounts(), seed=1).fit(genre_world(users=480, newcomers=4))


def test_newcomers_get_the_genre_they_say_they_like(model):
    fitting = 0
    for user in range(480, 484):
        slate = model.recommend(f"u-{user}", 5)
        assert not slate.cold
        assert "no events yet" in slate.note
        fitting += sum(model.item(item.item_id).concepts == (GENRES[user % 4],) for item in slate.items)
        for item in slate.items:
            total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
            assert total == pytest.approx(item.score, abs=1e-6)
    assert fitting >= 12  # of 20; by chance 5


def test_a_stranger_still_gets_the_popular_items(model):
    assert model.recommend("nobody", 3).cold


def test_the_encoder_is_named_in_what_was_learned(model):
    assert model.fitted.facts["encoder"] == {
        "name": "word counts",
        "identity": "word counts, 24",
        "licence": "CC0",
        "folder": None,
    }
    assert model.card().encoder == "word counts"
