"""Recommendations for words alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.interest_model import InterestModel
from penchant.pipeline.zero_shot import CONCEPT_WEIGHT, MOST_CHARACTERS
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray
from tests.pipeline.conftest import NOW
from tests.worlds import GENRES


class Words:
    """Counts of words, hashed: texts with the same words are alike."""

    folder = None
    name, licence, identity, dim = "words", "", "words", 509

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        found = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace(".", " ").split():
                found[row, int.from_bytes(word.encode()) % self.dim] += 1
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9), dtype=np.float32)


@pytest.fixture
def reader(fitted, tmp_path, monkeypatch) -> InterestModel:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path))
    learned, config = fitted
    config = config.model_copy(update={"text": True})
    return InterestModel(config=config, encoder=Words(), now=lambda: NOW).start(learned)


def test_items_of_what_the_words_name_come_first_and_scores_add_up(reader):
    slate = reader.recommend_by_text(f"something like {GENRES[2]}", 10)
    assert all(item.title.startswith(GENRES[2]) for item in slate.items)
    assert slate.user_id == ""
    assert slate.policy == "zero_shot"
    for item in slate.items:
        assert sum(reason.contribution for reason in item.reasons) + item.other == pytest.approx(item.score, abs=1e-6)
    named = [reason for reason in slate.items[0].reasons if reason.source == "concept"]
    assert [reason.text for reason in named] == [f"you asked for {GENRES[2]}"]
    assert named[0].contribution == pytest.approx(CONCEPT_WEIGHT, rel=0.5)


def test_what_is_not_wanted_sinks(reader):
    everything = len(reader.fitted.dataset.items.ids)
    slate = reader.recommend_by_text(f"some volume, no {GENRES[1]}", everything)
    of_it = [item.rank for item in slate.items if item.title.startswith(GENRES[1])]
    assert min(of_it) > everything - len(of_it) - 1
    assert any("did not want" in reason.text for reason in slate.items[-1].reasons)


def test_a_description_finds_by_the_encoder_what_no_name_says(reader):
    slate = reader.recommend_by_text("volume 7", 4)
    assert {item.title for item in slate.items} == {f"{genre} volume 7" for genre in GENRES}
    assert slate.items[0].reasons[-1].source == "text"


def test_without_an_encoder_names_are_read_and_the_slate_says_so(model):
    slate = model.recommend_by_text(GENRES[0], 3)
    assert all(item.title.startswith(GENRES[0]) for item in slate.items)
    assert "fitted without a language model. Only names were read." in slate.note
    with pytest.raises(NotFoundError, match="no language model"):
        model.recommend_by_text("qwertz", 3)


def test_rules_and_a_long_k(reader):
    slate = reader.recommend_by_text(GENRES[0], 10_000, rules={"deny": ["0-1"]})
    assert len(slate.items) == len(reader.fitted.dataset.items.ids) - 1
    assert "0-1" not in {item.item_id for item in slate.items}


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no letter"), ("  \n ", "no letter"), ("?!… 🙂", "no letter"), ("x" * (MOST_CHARACTERS + 1), "at most")],
)
def test_texts_that_cannot_be_read_are_refused(reader, text, said):
    with pytest.raises(ConfigError, match=said):
        reader.recommend_by_text(text)


def test_mixed_scripts_are_read_and_the_slate_says_what_is_lost(reader):
    slate = reader.recommend_by_text(f"喜欢 {GENRES[3]} книги", 5)
    assert all(item.title.startswith(GENRES[3]) for item in slate.items)
    assert "not Latin" in slate.note
    assert "not Latin" not in reader.recommend_by_text(GENRES[3], 5).note


def test_fewer_than_one_item_is_refused(reader):
    with pytest.raises(ConfigError, match="at least one"):
        reader.recommend_by_text(GENRES[0], 0)


def test_a_title_stands_for_what_it_is_about(reader):
    slate = reader.recommend_by_text(f"like {GENRES[0]} volume 3", 3)
    told = {reason.text for item in slate.items for reason in item.reasons if reason.source == "concept"}
    assert told == {f"{GENRES[0]}, as what you named"}
