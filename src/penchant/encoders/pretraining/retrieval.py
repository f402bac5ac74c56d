"""What a language model's vectors are worth as they are: a user's next item looked for by its text alone."""

from collections.abc import Mapping

import numpy as np

from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel
from penchant.errors import DataError
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.seeding import numpy_rng

ASKED = 500
CANDIDATES = 1_000
"""Items among which is looked, at most."""


def next_item_retrieval(
    encoder: Encoder | LanguageModel, corpus: Corpus, *, progress: Progress = SILENT
) -> Mapping[str, float] | None:
    """For pairs of items that held-out users took one after the other: how near the second is to the first.

    All candidates but the first itself are ranked by their cosine with it, of equals half before; ``recall@10`` is the
    share of pairs whose second is among the first ten, ``mrr`` the mean of 1 / rank. None where users have no pairs.
    """
    try:
        _, held = corpus.pairs("items", at_most=10 * ASKED)
    except DataError:
        return None
    texts = list(dict.fromkeys([*held.left, *held.right]))
    others = [text for text in dict.fromkeys(corpus.items) if text and text not in set(texts)]
    more = numpy_rng(corpus.seed, "candidates").permutation(len(others))[: max(CANDIDATES - len(texts), 0)]
    texts += [others[n] for n in more]
    encode = encoder.vectors if isinstance(encoder, LanguageModel) else encoder.encode
    vectors = encode(texts, progress=progress)
    place = {text: n for n, text in enumerate(texts)}
    left, right = (np.array([place[text] for text in side]) for side in (held.left, held.right))
    cosines = vectors[left] @ vectors.T
    rows = np.arange(len(left))
    own = cosines[rows, right]
    cosines[rows, left] = -np.inf
    ranks = 1 + (cosines > own[:, None]).sum(axis=1) + ((cosines == own[:, None]).sum(axis=1) - 1) / 2
    return {
        "recall@10": float((ranks <= 10).mean()),
        "mrr": float((1 / ranks).mean()),
        "pairs": float(len(left)),
        "candidates": float(len(texts)),
    }
