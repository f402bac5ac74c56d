"""The autoencoder on PLANTED texts of made-up words: what comes back, and what codes are worth with few labels."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import BundleError, DataError
from penchant.interests.text.autoencoder import TextAutoencoder, TextAutoencoderConfig
from penchant.training.loop import TrainingConfig
from tests.encoders.test_subword import planted

SMALL = TextAutoencoderConfig(dim=8)


@pytest.fixture(scope="module")
def fitted() -> TextAutoencoder:
    return TextAutoencoder.fit(planted(800, seed=1)[0], SMALL)


def test_reconstruction_falls_below_what_frequencies_alone_tell(fitted: TextAutoencoder):
    texts = planted(200, seed=5)[0]
    still = TrainingConfig(learning_rate=0.0, max_epochs=1, warmup_steps=0)
    untrained = TextAutoencoder.fit(planted(800, seed=1)[0], SMALL.model_copy(update={"training": still}))
    counts = Counter(word for text in planted(800, seed=1)[0] for word in text.split())
    by_frequency = -np.mean([np.log(counts[word] / counts.total()) for text in texts for word in text.split()])
    assert fitted.reconstruction_loss(texts) < by_frequency - 0.3 < untrained.reconstruction_loss(texts) - 0.3
    assert np.isnan(fitted.reconstruction_loss(["", "never seen"]))


def test_codes_help_where_few_texts_are_labelled(fitted: TextAutoencoder):
    """One labelled text of each subject; the others belong to the nearest. The same by shared words is the control."""
    (train, y), (test, wanted) = planted(400, seed=2), planted(300, seed=3)
    few = [train[int(np.flatnonzero(y == subject)[0])] for subject in range(4)]
    by_code = (fitted.codes(test) @ fitted.codes(few).T).argmax(axis=1)
    shared = np.array([[len(set(text.split()) & set(one.split())) for one in few] for text in test])
    assert (by_code == wanted).mean() > 0.85
    assert (by_code == wanted).mean() > (shared.argmax(axis=1) == wanted).mean() + 0.15


def test_the_same_seed_gives_the_same_codes_and_they_are_kept(fitted: TextAutoencoder, tmp_path: Path):
    texts = [*planted(5, seed=8)[0], "", None, "never seen", "<b></b>"]
    codes = fitted.codes(texts)
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), [1] * 5 + [0] * 4, atol=1e-6)
    assert (TextAutoencoder.fit(planted(800, seed=1)[0], SMALL).codes(texts) == codes).all()
    fitted.save(tmp_path)
    assert (TextAutoencoder.load(tmp_path).codes(texts) == codes).all()
    (tmp_path / "text_autoencoder.safetensors").write_bytes(b"cut")
    with pytest.raises(BundleError, match="no whole text autoencoder"):
        TextAutoencoder.load(tmp_path)


def test_too_few_texts_are_refused():
    for texts in ([], ["", None], ["one"] * 5, ["all words once here"]):
        with pytest.raises(DataError, match="texts have one"):
            TextAutoencoder.fit(texts, SMALL)
