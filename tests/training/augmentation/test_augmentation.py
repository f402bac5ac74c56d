"""Changed examples: more of them, with the labels of those they came from."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.encoders.subword import SubwordEncoder
from penchant.errors import ConfigError, DataError
from penchant.training.augmentation.mixing import mixed
from penchant.training.augmentation.sequences import (
    SequenceAugmentationConfig,
    augmented_sequences,
    crop,
    mask,
    reorder,
    substitute,
)
from penchant.training.augmentation.text import SynonymSource, TextAugmentationConfig, augmented_texts

TEXTS = (
    "a gentle moisturizer for dry skin in winter",
    "the moisturiser that sensitive skins love",
    "an epic fantasy of dragons and dragon riders",
    "dragons",
)
SPELLED = SubwordEncoder.untrained()
"""Words are alike where they are spelled alike."""


def test_replacements_come_from_the_source_and_nothing_else_changes():
    source = SynonymSource.fit(TEXTS, SPELLED.encode, TextAugmentationConfig(least_alike=0.3))
    assert source.of("moisturizer")[0] == "moisturiser"
    assert source.of("Dragon")[0] == "Dragons"
    config = TextAugmentationConfig(changes=("synonyms",), copies=4, same_sense=0.0)
    found = augmented_texts(TEXTS, SPELLED.encode, synonyms=source, config=config, seed=1)
    made = [(found.texts[n], TEXTS[found.sources[n]]) for n in range(len(found)) if found.synthetic[n]]
    assert len(made) >= 4
    for new, old in made:
        pairs = list(zip(re.findall(r"\w+", new), re.findall(r"\w+", old), strict=True))
        changed = [(a, b) for a, b in pairs if a != b]
        assert changed
        assert all(a in source.of(b) for a, b in changed)


def test_what_came_is_kept_in_front_and_what_is_made_is_marked():
    config = TextAugmentationConfig(changes=("word_drop",), copies=2, same_sense=0.0)
    found = augmented_texts(TEXTS, SPELLED.encode, config=config, seed=3)
    assert found.texts[: len(TEXTS)] == TEXTS
    assert found.sources[: len(TEXTS)] == (0, 1, 2, 3)
    assert not any(found.synthetic[: len(TEXTS)])
    assert all(found.synthetic[len(TEXTS) :])
    assert len(found) > len(TEXTS)
    for text, source in zip(found.texts[len(TEXTS) :], found.sources[len(TEXTS) :], strict=True):
        left = iter(TEXTS[source].split())
        assert all(word in left for word in text.split())  # the same words in the same order, some left out
        assert len(text.split()) < len(TEXTS[source].split())
    assert 3 not in found.sources[len(TEXTS) :]  # a text of one word has none to spare
    assert augmented_texts(TEXTS, SPELLED.encode, config=config, seed=3) == found
    assert augmented_texts(TEXTS, SPELLED.encode, config=config, seed=4) != found


def test_a_text_whose_sense_moved_is_left_out():
    def one_word_matters(texts):
        return np.array([[1.0, 0.0] if "dry" in text else [0.0, 1.0] for text in texts])

    config = TextAugmentationConfig(changes=("word_drop",), copies=30, share=0.3)
    found = augmented_texts(TEXTS[:1], one_word_matters, config=config)
    assert len(found) > 5
    assert all("dry" in text for text in found.texts)
    free = augmented_texts(TEXTS[:1], one_word_matters, config=config.model_copy(update={"same_sense": -1.0}))
    assert any("dry" not in text for text in free.texts)


ITEMS = st.lists(st.integers(0, 50), min_size=2, max_size=30).map(lambda rows: np.array(rows, dtype=np.int32))
SHARE = st.floats(0.05, 0.95)


@given(ITEMS, SHARE, st.integers(0, 9))
def test_each_change_of_a_sequence_is_what_it_says(items, share, seed):
    rng = np.random.default_rng(seed)
    cut, n = crop(items, share, rng), max(round(share * len(items)), 1)
    assert len(cut) == n
    assert any(np.array_equal(cut, items[k : k + n]) for k in range(len(items)))
    masked = mask(items, share, rng, token=-1)
    assert (masked == -1).sum() == min(round(share * len(items)), len(items) - 1)
    assert np.array_equal(masked[masked != -1], items[masked != -1])
    moved = reorder(items, share, rng)
    assert sorted(moved) == sorted(items)
    places = np.flatnonzero(moved != items)
    assert not len(places) or places[-1] - places[0] < round(share * len(items))
    alike = {item: item + 100 for item in range(0, 50, 2)}
    changed = substitute(items, share, rng, alike=alike)
    there = changed != items
    assert np.array_equal(changed[there], items[there] + 100)
    assert there.sum() == min(round(share * len(items)), int((items % 2 == 0).sum() - (items == 50).sum()))


def test_sequences_keep_what_they_are_examples_of():
    sequences = [np.arange(k, k + 8, dtype=np.int32) for k in range(5)] + [np.array([3], dtype=np.int32)]
    config = SequenceAugmentationConfig(changes=("crop", "mask", "reorder", "substitute"), copies=4)
    alike = {k: k + 1 for k in range(20)}
    found = augmented_sequences(sequences, config=config, alike=alike, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(found.sequences, sequences, strict=False))
    assert sum(found.synthetic) == len(found) - 6 >= 15
    assert set(found.sources[6:]) == set(range(5))  # one item alone cannot be changed
    labels = np.array([0, 1, 0, 1, 1, 0])
    assert np.array_equal(labels[list(found.sources)][:6], labels)
    again = augmented_sequences(sequences, config=config, alike=alike, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(found.sequences, again.sequences, strict=True))
    with pytest.raises(ConfigError, match="which are alike"):
        augmented_sequences(sequences, config=config)


def test_mixed_examples_lie_between_those_they_are_of_and_their_labels_with_them():
    inputs = torch.eye(6, dtype=torch.float64)
    targets = torch.eye(6, dtype=torch.float64)
    found, wanted = mixed(inputs, targets, alpha=0.7, generator=torch.Generator().manual_seed(2))
    assert torch.equal(found, wanted)  # what is done to the one is done to the other
    torch.testing.assert_close(wanted.sum(dim=1), torch.ones(6, dtype=torch.float64))
    assert len({round(float(v), 9) for v in found.flatten()} - {0.0, 1.0}) <= 2  # λ and 1 − λ
    again = mixed(inputs, targets, alpha=0.7, generator=torch.Generator().manual_seed(2))
    assert torch.equal(again[0], found)
    shares = [float(mixed(inputs, targets, alpha=a, generator=torch.Generator().manual_seed(s))[0].max())
              for a in (0.01, 50.0) for s in range(12)]  # fmt: skip
    assert np.mean(shares[:12]) > 0.9
    with pytest.raises(ConfigError, match="alpha"):
        mixed(inputs, targets, alpha=0.0)
    with pytest.raises(DataError, match="cannot be mixed"):
        mixed(inputs, torch.arange(6), alpha=1.0)
