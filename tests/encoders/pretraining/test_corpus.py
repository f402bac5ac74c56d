"""What is learned from and what is held out."""

from dataclasses import replace

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.encoders.pretraining.corpus import Corpus, sentences
from penchant.errors import DataError
from tests.worlds import genre_world

WORLD = genre_world(users=30)


def test_texts_and_users_held_out_are_never_learned_from():
    corpus = Corpus.of(WORLD, held_out=0.25)
    learned, held = corpus.divided
    assert len(learned) + len(held) == WORLD.n_items
    assert not set(learned) & set(held)
    assert 0.05 < len(held) / WORLD.n_items < 0.5
    of = dict(zip(corpus.users, corpus.sequences, strict=True))
    pairs, aside = corpus.pairs("users", at_most=10_000, history=2)
    told = {"\n".join(corpus.items[i] for i in walk[1::-1]) for walk in of.values()}
    assert told <= {*pairs.left, *aside.left}
    assert len(pairs) + len(aside) == sum(len(walk) - 1 for walk in corpus.sequences)


def test_who_is_held_out_stays_so_when_others_come():
    corpus = Corpus.of(WORLD, held_out=0.25)
    more = replace(corpus, texts=(*corpus.texts, *(f"another {n}" for n in range(20))))
    aside = set(corpus.divided[1])
    assert len(aside - set(more.divided[1])) <= 1  # but the one that has to be: the least of all hashes


def test_pairs_are_what_a_user_took_within_the_window():
    corpus = Corpus(texts=("a b", "c d"), items=("i 0", "i 1", "i 2", "i 3"), sequences=((0, 1, 2, 3),) * 9, users=())
    corpus = replace(corpus, users=tuple(map(str, range(9))))
    one, _ = corpus.pairs("items", at_most=1_000)
    two, _ = corpus.pairs("items", at_most=1_000, window=2)
    assert set(zip(one.left, one.right, strict=True)) == {("i 0", "i 1"), ("i 1", "i 2"), ("i 2", "i 3")}
    assert set(zip(two.left, two.right, strict=True)) - set(zip(one.left, one.right, strict=True)) == {
        ("i 0", "i 2"),
        ("i 1", "i 3"),
    }
    assert len(corpus.pairs("items", at_most=5)[0]) == 5
    equal = np.array(one.left)[:, None] == np.array(one.left)[None, :]
    np.testing.assert_array_equal(one.left_keys[:, None] == one.left_keys[None, :], equal)


def test_sentences_end_in_both_languages():
    found = sentences("One. Two!  Three\nfour 3.5 st. 五。六？")
    assert found == ["One.", "Two!", "Three", "four 3.5 st.", "五。", "六？"]
    assert sentences("...") == []


def test_too_little_is_refused_by_name():
    bare = Dataset.of_rows(
        name="bare", users=Table(("u",)), items=Table(("i",)), user_rows=np.zeros(1, int), item_rows=np.zeros(1, int)
    )
    with pytest.raises(DataError, match="'bare' has no texts"):
        Corpus.of(bare)
    with pytest.raises(DataError, match="There is 1 text"):
        _ = Corpus(texts=("alone",)).divided
    with pytest.raises(DataError, match="0 pairs of sentences"):
        Corpus(texts=("one", "two")).pairs("sentences", at_most=10)
    with pytest.raises(DataError, match="0 pairs of items"):
        Corpus(texts=("one", "two")).pairs("items", at_most=10)


def test_what_users_wrote_and_typed_is_read_too():
    texts = np.array([None] * len(WORLD.events), dtype=object)
    texts[0], texts[1], texts[2] = "a fine book", "...", "a fine book"
    corpus = Corpus.of(replace(WORLD, events=replace(WORLD.events, texts=texts)))
    assert corpus.texts.count("a fine book") == 1
    assert "..." not in corpus.texts
