"""Words from their pieces: words never seen, spelling, what plain texts teach; on PLANTED texts of made-up words."""

from pathlib import Path

import numpy as np
import pytest

from penchant.encoders import load_encoder
from penchant.encoders.subword import SubwordConfig, SubwordEncoder, _made_of, _solved
from penchant.errors import BundleError, ConfigError, DataError
from penchant.interfaces import Encoder
from penchant.types import IntArray

SMALL = SubwordConfig(dim=24, buckets=2**13)


def made_up_words(rng: np.random.Generator, n: int) -> list[str]:
    return ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 7)) for _ in range(n)]


def planted(n: int, *, seed: int) -> tuple[list[str], IntArray]:
    """Texts on one of four subjects: four of its thirty words, and four of forty that all subjects use."""
    world, rng = np.random.default_rng(0), np.random.default_rng(seed)
    subjects, common = [made_up_words(world, 30) for _ in range(4)], made_up_words(world, 40)
    labels = rng.integers(0, 4, n)
    texts = [" ".join(rng.permutation([*rng.choice(subjects[y], 4), *rng.choice(common, 4)])) for y in labels]
    return texts, labels


@pytest.fixture(scope="module")
def encoder() -> SubwordEncoder:
    return SubwordEncoder.fit(planted(800, seed=1)[0], SMALL)


def test_it_is_an_encoder_of_unit_vectors(encoder: SubwordEncoder):
    assert isinstance(encoder, Encoder)
    vectors = encoder.encode(["one two", "", "  ...", "好看的书", "😀"])
    assert vectors.shape == (5, 24)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0, 1, 0], atol=1e-6)
    assert encoder.encode([]).shape == (0, 24)


def test_a_word_never_seen_is_near_its_misspelling(encoder: SubwordEncoder):
    for one in (encoder, SubwordEncoder.untrained(SMALL)):
        word, misspelled, other = one.encode(["moisturizer", "moisturiser", "lawnmower"])
        assert word @ misspelled > 0.5 > word @ other
    known = planted(1, seed=1)[0][0].split()[0]
    right, wrong, others = (
        encoder.encode([known])[0],
        encoder.encode([known[:-1] + "é"])[0],
        encoder.encode(made_up_words(np.random.default_rng(7), 200)),
    )
    assert right @ wrong > np.quantile(others @ right, 0.95)


def test_plain_texts_teach_what_few_labels_cannot(encoder: SubwordEncoder):
    """Two labelled texts of each subject; the subject of others is that of the nearest mean."""
    train, y = planted(400, seed=2)
    test, wanted = planted(300, seed=3)
    few = np.concatenate([np.flatnonzero(y == c)[:2] for c in range(4)])

    def accuracy(one: SubwordEncoder) -> float:
        known = one.encode([train[n] for n in few]).reshape(4, 2, -1).mean(axis=1)
        return float(((one.encode(test) @ known.T).argmax(axis=1) == wanted).mean())

    assert accuracy(encoder) > 0.85
    assert accuracy(encoder) > accuracy(SubwordEncoder.untrained(SMALL)) + 0.15


def test_ngram_vectors_are_the_ridge_regression():
    """Against the closed form with the dense (buckets, buckets) matrix."""
    rng = np.random.default_rng(4)
    made_of = _made_of(made_up_words(rng, 30), SubwordConfig(dim=3, buckets=50))
    target = rng.normal(size=(30, 3))
    dense = made_of.toarray()
    np.testing.assert_allclose(dense.sum(axis=1), 1)
    wanted = np.linalg.solve(dense.T @ dense + 0.1 * np.eye(50), dense.T @ target)
    np.testing.assert_allclose(made_of.T @ _solved(made_of, target, 0.1), wanted, atol=1e-5)


def test_the_same_texts_give_the_same_encoder_and_it_is_kept(encoder: SubwordEncoder, tmp_path: Path):
    again = SubwordEncoder.fit(planted(800, seed=1)[0], SMALL)
    assert again.identity == encoder.identity
    assert again.identity != SubwordEncoder.untrained(SMALL).identity
    encoder.save(tmp_path)
    loaded = load_encoder(tmp_path)
    assert loaded.identity == encoder.identity
    texts = planted(5, seed=9)[0]
    assert (loaded.encode(texts) == encoder.encode(texts)).all()
    with pytest.raises(ConfigError, match="no settings"):
        load_encoder(tmp_path, settings={"pooling": "mean"})
    (tmp_path / "subword.safetensors").write_bytes(b"cut")
    with pytest.raises(BundleError, match="no whole subword encoder"):
        load_encoder(tmp_path)


def test_what_cannot_be_learned_from_is_refused():
    for texts in ([], ["", "..."], ["one"] * 5, ["all words once here"]):
        with pytest.raises(DataError, match=r"words come 3 times"):
            SubwordEncoder.fit(texts, SMALL)
    with pytest.raises(ConfigError, match="the shortest come first"):
        SubwordConfig.of({"shortest": 5, "longest": 4})
    assert np.isfinite(SubwordEncoder.fit(["a", "b"] * 3, SMALL).encode(["a b"])).all()
