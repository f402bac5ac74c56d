"""Makes result.json: what is read in PLANTED texts. They were made up for the tests (`tests/interests/text/planted.py`,
`sentences.py`); the numbers say what the code finds of what was put in, not how well it reads what people write.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tests.interests.text.planted import CONCEPTS, FOR, MEANT, PLAIN, Review, aliases, named, reviews, vocabulary
from tests.interests.text.sentences import NAMES, SENTENCES

from penchant.encoders import load_encoder
from penchant.encoders.subword import SubwordEncoder
from penchant.interests.text import Gazetteer, Meaning, TextReader, best_threshold
from penchant.interests.text.sentiment_head import choose_sentiment, labels_of
from penchant.interfaces import Encoder


def by_hand() -> dict[str, float]:
    """The sentences written by hand, by the lexicon."""
    reader = TextReader(Gazetteer.of(named(NAMES)))
    right = []
    for (_, wanted), one in zip(SENTENCES, reader.read([text for text, _ in SENTENCES]), strict=True):
        found = {NAMES[c]: p for c, p in zip(one.concepts, one.polarities, strict=True)}
        right += [np.sign(found.get(name, 0)) == sign for name, sign in wanted.items()]
    return {"concepts": len(right), "polarity_accuracy": float(np.mean(right)), "before_any_change": 52 / 62}


def scores(made: Sequence[Review], reader: TextReader) -> dict[str, float]:
    """F1 of concepts, share of polarities right: all, and in reviews of one kind of wording."""
    hits = found_in_all = wanted_in_all = 0
    right: dict[str, list[bool]] = {kind: [] for kind in ("all", *FOR)}
    for review, one in zip(made, reader.read([review.text for review in made]), strict=True):
        found = {CONCEPTS[c]: p for c, p in zip(one.concepts, one.polarities, strict=True)}
        hits += len(set(found) & set(review.polarity))
        found_in_all, wanted_in_all = found_in_all + len(found), wanted_in_all + len(review.polarity)
        told = [bool(np.sign(found.get(name, 0)) == sign) for name, sign in review.polarity.items()]
        right["all"] += told
        if len(review.kinds) == 1:
            right[next(iter(review.kinds))] += told
    return {
        "entity_f1": 2 * hits / (found_in_all + wanted_in_all),
        **{f"polarity_accuracy_{kind}": float(np.mean(told)) for kind, told in right.items()},
    }


def heads(encoders: dict[str, Encoder]) -> dict[str, object]:
    """The lexicon beside heads that learned from 600 rated reviews and were chosen on 300."""
    reader = TextReader(Gazetteer.of(vocabulary(), aliases=aliases()))
    parts = [reviews(600, seed=1), reviews(300, seed=2)]
    passages = [reader.passages([review.text for review in part]) for part in parts]
    labels = [labels_of([review.rating for review in part], (1, 5)) for part in parts]
    readers, found = {"lexicon": reader}, {}
    for name, encoder in encoders.items():
        choice = choose_sentiment(
            passages[0], labels[0], passages[1], labels[1], encoder=encoder, lexicon=reader.sentiment
        )
        readers[f"head on {name}"] = TextReader(reader.gazetteer, sentiment=choice.head)
        found[f"validation, head on {name}"] = {
            "head_wins": choice.head_wins,
            "head_log_loss": choice.head_score.log_loss,
            "lexicon_log_loss": choice.lexicon_score.log_loss,
        }
    tests = {
        "wordings seen in training": reviews(500, seed=9),
        "wordings never seen": reviews(500, seed=9, unseen=True),
    }
    for words, made in tests.items():
        found[words] = {name: scores(made, one) for name, one in readers.items()}
    return found


def meanings(encoder: Encoder) -> dict[str, float]:
    """Sentences that name no concept: the threshold of the best F1 on one half, and both on the other."""
    plain = [text for text in PLAIN if text]
    meant = np.vstack(
        [np.repeat(np.eye(len(CONCEPTS), dtype=bool), 3, axis=0), np.zeros((len(plain), len(CONCEPTS)), bool)]
    )
    meaning = Meaning(encoder, CONCEPTS)
    cosines = [
        meaning.cosines([text for c in CONCEPTS for text in MEANT[c][part]] + plain) for part in (slice(3), slice(3, 6))
    ]
    best = best_threshold(cosines[0], meant)
    found = {"best_threshold": best.cosine, "f1_where_chosen": best.f1}
    for name, threshold in (("best", best.cosine), ("default", meaning.threshold)):
        hit = cosines[1] >= threshold
        found[f"held_out_precision_at_{name}"] = float((hit & meant).sum() / hit.sum())
        found[f"held_out_recall_at_{name}"] = float((hit & meant).sum() / meant.sum())
    return found


def main() -> None:
    """Measure and write."""
    minilm = load_encoder()
    texts = [review.text for review in reviews(2000, seed=20)]
    result = {
        "data": "planted: made up for the tests, written by nobody",
        "sentences written by hand": by_hand(),
        "reviews": heads({"minilm": minilm, "subword": SubwordEncoder.fit(texts)}),
        "meaning": meanings(minilm),
    }
    Path(__file__).with_name("result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
