"""The trained head on PLANTED reviews: it takes the lexicon's place where that is right, and only there."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from penchant.errors import BundleError, DataError
from penchant.interests.text import Gazetteer, TextReader
from penchant.interests.text.logistic import fit_logistic, sigmoid
from penchant.interests.text.sentiment_head import SentimentChoice, SentimentHead, choose_sentiment, labels_of
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng, stable_hash
from penchant.training.active_learning import by_uncertainty
from penchant.types import DoubleArray, FloatArray
from tests.interests.text.planted import Review, aliases, reviews, vocabulary
from tests.interests.text.test_reading import scores


class Bag:
    """An encoder of hashed words and pairs of them, so that a head is trained in a second."""

    name = identity = "bag of words"
    licence, folder, dim = "", None, 512

    def encode(self, texts: Sequence[str], *, progress: Progress = SILENT) -> FloatArray:  # noqa: ARG002
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            words = text.lower().replace(".", " ").replace(",", " ").split()
            for part in [*words, *(f"{a} {b}" for a, b in pairwise(words))]:
                vectors[row, stable_hash(part) % self.dim] += 1
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return vectors


@pytest.fixture(scope="module")
def reader() -> TextReader:
    return TextReader(Gazetteer.of(vocabulary(), aliases=aliases()))


def chosen(reader: TextReader, train: list[Review], validation: list[Review]) -> SentimentChoice:
    parts = [
        (reader.passages([review.text for review in part]), labels_of([review.rating for review in part], (1, 5)))
        for part in (train, validation)
    ]
    return choose_sentiment(*parts[0], *parts[1], encoder=Bag(), lexicon=reader.sentiment)


@pytest.fixture(scope="module")
def choice(reader: TextReader) -> SentimentChoice:
    return chosen(reader, reviews(400, seed=1), reviews(200, seed=2))


def test_the_head_wins_where_reviews_have_idioms(reader: TextReader, choice: SentimentChoice):
    assert choice.head_wins
    assert choice.sentiment is choice.head
    assert choice.head_score.log_loss < choice.lexicon_score.log_loss
    assert choice.head_score.accuracy > choice.lexicon_score.accuracy + 0.1
    made = reviews(150, seed=3)
    texts = [review.text for review in made]
    by_head = scores(made, TextReader(reader.gazetteer, sentiment=choice.sentiment).read(texts))[1]
    by_lexicon = scores(made, reader.read(texts))[1]
    assert by_head["idiom"] > 0.9 > by_lexicon["idiom"]
    assert by_head["plain"] > 0.95


def test_the_lexicon_stays_where_ratings_say_nothing_of_the_words(reader: TextReader):
    train, validation = reviews(200, seed=4), reviews(100, seed=5)
    mixed = numpy_rng(0, "ratings").permutation([review.rating for review in train])
    shuffled = [Review(r.text, r.polarity, int(m), r.kinds) for r, m in zip(train, mixed, strict=True)]
    choice = chosen(reader, shuffled, validation)
    assert not choice.head_wins
    assert choice.sentiment is reader.sentiment


def test_probabilities_are_calibrated(reader: TextReader, choice: SentimentChoice):
    made = reviews(400, seed=6)
    p = choice.head.probabilities(reader.passages([review.text for review in made]))
    y = labels_of([review.rating for review in made], (1, 5))
    for low in (0.0, 0.25, 0.5, 0.75):
        inside = (p >= low) & (p <= low + 0.25)
        if inside.sum() >= 30:
            assert abs(p[inside].mean() - y[inside].mean()) < 0.12
    assert abs(p.mean() - y.mean()) < 0.05


def test_an_opinion_is_not_learned_of_a_name(reader: TextReader):
    """All horror is rated badly: the head must not take the word for an opinion, since names are read as "it"."""
    words = {"horror": 1, "travel": 5}
    rated = [
        Review(f"a {word} story, number {n}", {}, rating, frozenset())
        for n in range(40)
        for word, rating in words.items()
    ]
    head = chosen(reader, rated[:60], rated[60:]).head
    horror, travel = head.polarities(reader.passages(["horror", "travel"]))
    assert horror == pytest.approx(travel)


def test_no_words_no_opinion_and_bad_input(reader: TextReader, choice: SentimentChoice, tmp_path: Path):
    assert (choice.head.polarities(reader.passages(["", "...", None])) == 0).all()
    with pytest.raises(DataError, match="too few for a head"):
        chosen(reader, reviews(5, seed=0), reviews(50, seed=0))
    for ratings in ([0.0], [np.nan], [6.0]):
        with pytest.raises(DataError, match="not on the scale from 1 to 5"):
            labels_of(ratings, (1, 5))
    choice.head.save(tmp_path)
    again = SentimentHead.load(tmp_path, Bag(), reader.sentiment)
    passages = reader.passages(["I gave up on the romance halfway", "great travel"])
    assert (again.polarities(passages) == choice.head.polarities(passages)).all()
    other = Bag()
    other.identity = "another"
    with pytest.raises(BundleError, match="not of another"):
        SentimentHead.load(tmp_path, other, reader.sentiment)
    (tmp_path / "sentiment.safetensors").write_bytes(b"cut")
    with pytest.raises(BundleError, match="no whole sentiment head"):
        SentimentHead.load(tmp_path, Bag(), reader.sentiment)


def labels_needed(seed: int, *, uncertain: bool, target: float = 0.97) -> int:
    """Labels until a logistic regression tells test texts apart: PLANTED, most of them easy, some near the border."""
    rng = np.random.default_rng(seed)

    def texts(n: int) -> tuple[DoubleArray, DoubleArray]:
        x = rng.normal(size=(n, 8))
        easy = rng.random(n) < 0.7
        x[:, 0] = np.where(easy, 3.0, 0.6) * rng.choice([-1, 1], n) + 0.2 * rng.normal(size=n)
        x[:, 1] = np.where(easy, 0.0, 2.0 * x[:, 1])
        return x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype(np.float64)

    (pool, answers), (test, truth) = texts(1500), texts(1500)
    asked = [int(n) for n in rng.choice(1500, 10, replace=False)]
    while True:
        w, b = fit_logistic(pool[asked], answers[asked], penalty=1e-3)
        if ((test @ w + b > 0) == (truth > 0.5)).mean() >= target or len(asked) >= 400:
            return len(asked)
        rest = np.setdiff1d(np.arange(1500), asked)
        picked = by_uncertainty(sigmoid(pool[rest] @ w + b), at_most=5) if uncertain else rng.permutation(len(rest))[:5]
        asked += rest[picked].tolist()


def test_uncertain_texts_need_fewer_labels_than_random_ones():
    uncertain = [labels_needed(seed, uncertain=True) for seed in range(8)]
    at_random = [labels_needed(seed, uncertain=False) for seed in range(8)]
    assert np.mean(uncertain) < 0.7 * np.mean(at_random), (uncertain, at_random)
    assert by_uncertainty(np.array([0.9, 0.5, 0.1, 0.4])).tolist() == [1, 3, 0, 2]
    with pytest.raises(DataError, match="not in"):
        by_uncertainty(np.array([0.5, np.nan]))
