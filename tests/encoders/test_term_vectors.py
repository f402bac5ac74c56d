"""TF-IDF and topics as encoders: against scikit-learn, on PLANTED texts, kept, and by name."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import nnls
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from penchant.encoders import load_encoder
from penchant.encoders.light import LIGHT, fit_light, is_light
from penchant.encoders.term_vectors import TermConfig, TermEncoder, _terms
from penchant.errors import BundleError, ConfigError, DataError
from tests.encoders.test_subword import planted


def test_weights_and_directions_are_scikit_learns():
    texts = planted(120, seed=1)[0]
    config = TermConfig(dim=6, min_texts=2)
    encoder = TermEncoder.fit(texts, config)
    reference = TfidfVectorizer(analyzer=lambda text: _terms(text, config), min_df=2, sublinear_tf=True)
    weights = reference.fit_transform(texts)
    expected = TruncatedSVD(6, random_state=0).fit(weights).transform(weights)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    found = encoder.encode(texts)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


def test_a_text_in_topics_is_the_nearest_mixture_of_them():
    texts = planted(120, seed=1)[0]
    config = TermConfig(factors="nmf", dim=4)
    encoder = TermEncoder.fit(texts, config)
    reference = TfidfVectorizer(analyzer=lambda text: _terms(text, config), min_df=2, sublinear_tf=True)
    row = reference.fit(texts).transform(texts[:1]).toarray()[0]
    mixture, _ = nnls(encoder._directions.T, row)
    np.testing.assert_allclose(encoder.encode(texts[:1])[0], mixture / np.linalg.norm(mixture), atol=1e-4)
    assert (encoder.encode(texts) >= 0).all()


def test_topics_are_the_subjects_that_were_planted():
    texts, labels = planted(400, seed=2)
    vectors = TermEncoder.fit(texts, TermConfig(factors="nmf", dim=4, phrases=False)).encode(texts)
    means = np.stack([vectors[labels == y].mean(axis=0) for y in range(4)])
    assert ((vectors @ means.T).argmax(axis=1) == labels).mean() > 0.9


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_by_name_kept_and_loaded_the_same(name: str, tmp_path: Path):
    texts = planted(100, seed=3)[0]
    encoder = fit_light(name, texts)
    assert encoder.name == name
    encoder.save(tmp_path)
    loaded = load_encoder(tmp_path)
    assert loaded.identity == encoder.identity == fit_light(name, texts).identity
    np.testing.assert_array_equal(loaded.encode(texts[:5]), encoder.encode(texts[:5]))
    with pytest.raises(ConfigError, match="no settings"):
        load_encoder(tmp_path, settings={"pooling": "mean"})
    next(iter(tmp_path.glob("*.safetensors"))).write_bytes(b"cut")
    with pytest.raises(BundleError, match="no whole"):
        load_encoder(tmp_path)


def test_by_name_alone_there_are_no_texts_to_learn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match="learned from texts") as caught:
        load_encoder("tfidf")
    assert "penchant pretrain" in caught.value.hint
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tfidf").mkdir()  # a folder called so is a folder
    assert not is_light("tfidf")


def test_stop_words_say_nothing_and_nothing_to_learn_is_refused():
    encoder = TermEncoder.fit(["the red book", "a red 红 pen", "红 ink"])
    assert not encoder.encode(["the", "never seen", ""]).any()
    assert encoder.encode(["red", "红"]).any(axis=1).all()
    for texts in ([], ["", "..."], ["the of"] * 5, ["all once here"]):
        with pytest.raises(DataError, match="No term is in 2"):
            TermEncoder.fit(texts)
