"""Makes result.json: can what was hidden from the vocabulary be told back?

Of the tags on 20 to half of all items a fifth is hidden from the catalogue altogether, and of the pairs of an item and
one of the other tags a fifth, drawn by a seed, *before* anything is read: the texts that the language model reads, the
vocabulary and the dictionary know nothing of them. Behaviour comes as item factors of ALS, which never saw a word.

**Pairs.** For each tag that is still there, the items it was hidden from (they bear it in truth) against the items that
never had it; those that bear it openly are left out. A score orders them, and the area under the ROC curve is averaged
over tags with at least 5 hidden pairs. Scores: how popular the item is; cosine of the item's text and the tag's name;
of its text and the mean text of those that bear the tag; `penchant.concepts.completion` by behaviour, by texts, and by
both. What an item literally bears cannot tell these apart (0.5). `recovered` is the share of hidden pairs among the
activations that completion adds to an item (at most eight in all, share of bearers at least one half), `right` the
share of those added that are true.

**Bare items.** The same for a fifth of the items from which *all* tags are taken, as of a new or ill-kept item: of two
tags that say nearly the same one may still be open in the first trial, here none is.

**Names** (`told_names.py`). Here texts are read without any tag. The concept of a hidden tag is its items. Its name is
sought among names placed by the language model: as they are; moved to where the items of names that read alike lie
(learned from the open tags alone); and by `penchant.concepts.naming`, also without each of its steps. Told: how often
its own name is among the nearest three, of all names, or of those that no concept has yet. Chance is 3 over their
number. First for the tags hidden above, then for every tag, a fifth or half of them hidden at a time, in ten draws of
which together. `given a name`, `right of those`: what `penchant.concepts.naming.with_names` would call the concepts.
The settings of `penchant.concepts.naming` were chosen on tags that are open above, of books and Amazon Beauty; the tags
hidden above were asked once, at the end.

**Purity** is that of `TextSpace` (0: no more alike than at random); NMI is between the heaviest direction of an item
and its rarest true tag, beside that of shuffled items, for NMI grows with the number of groups.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from told_names import Names, naming

from penchant import __version__
from penchant.concepts.completion import CompletionConfig, completed, judged, side_by_side
from penchant.concepts.dictionary import Dictionary, DictionaryConfig, fit_dictionary
from penchant.concepts.kinship import ItemTexts
from penchant.concepts.vocabulary import Vocabulary, VocabularyConfig, build_vocabulary
from penchant.concepts.words import key
from penchant.config import read_toml
from penchant.data.dataset import Dataset, Table
from penchant.data.folder import load_dataset
from penchant.data.polarity import consumption
from penchant.interfaces import Encoder, FitOptions
from penchant.metrics.roc import roc_auc
from penchant.models.matrix_factorization.als import ALS
from penchant.pipeline.encoding import cached_encoder, item_vectors

LEAST_ITEMS, LARGEST_SHARE, LEAST_PAIRS = 20, 0.5, 5


class Hiding:
    """Which tags items have in truth, and which of them are shown."""

    def __init__(self, data: Dataset, column: str, *, seed: int, share: float) -> None:
        self.data, self.column = data, column
        lists = [[] if tags is None else sorted(set(tags)) for tags in data.items.columns[column]]
        counts = Counter(tag for tags in lists for tag in tags)
        self.tags = sorted(t for t, n in counts.items() if LEAST_ITEMS <= n <= LARGEST_SHARE * len(lists))
        self.others = [[t for t in tags if t not in set(self.tags)] for tags in lists]
        place = {tag: t for t, tag in enumerate(self.tags)}
        self.true = np.zeros((len(lists), len(self.tags)), dtype=bool)
        for row, tags in enumerate(lists):
            self.true[row, [place[tag] for tag in tags if tag in place]] = True
        rng = np.random.default_rng(seed)
        self.hidden = np.zeros(len(self.tags), dtype=bool)
        self.hidden[rng.choice(len(self.tags), max(1, round(share * len(self.tags))), replace=False)] = True
        self.pairs = self.true & ~self.hidden & (rng.random(self.true.shape) < share)
        self.bare = rng.random(len(lists)) < share

    def items(self, shown: np.ndarray, *, rest: np.ndarray) -> Table:
        """The catalogue with the tags `shown` (I, T), and tags too rare or common to be asked for where `rest`."""
        lists = np.empty(len(shown), dtype=object)
        for row, on in enumerate(shown):
            lists[row] = [self.tags[t] for t in np.flatnonzero(on)] + (self.others[row] if rest[row] else [])
        return Table(self.data.items.ids, {**self.shown_columns(), self.column: lists})

    def shown_columns(self) -> dict[str, np.ndarray]:
        """What else is read of an item."""
        names = ("title", "text", "description", "authors", "brand")
        return {name: self.data.items.columns[name] for name in names if name in self.data.items.columns}


def place_of(vocabulary: Vocabulary) -> dict[str, int]:
    """Every name and alias, and its concept."""
    told = {key(alias): c for c, concept in enumerate(vocabulary.concepts) for alias in concept.aliases}
    return told | {key(concept.name): c for c, concept in enumerate(vocabulary.concepts)}


def areas(scores: np.ndarray, asked: np.ndarray, negative: np.ndarray, tags: Sequence[int]) -> float:
    """Macro ROC AUC of scores (I, T): the items asked of each tag against those that never had it."""
    found = []
    for t in tags:
        rows = np.flatnonzero(asked[:, t] | negative[:, t])
        found.append(roc_auc(asked[rows, t], scores[rows, t]))
    return float(np.mean(found))


def pairs(
    hiding: Hiding,
    texts: np.ndarray,
    behaviour: np.ndarray,
    names: np.ndarray,
    asked: np.ndarray,
    vocabulary: Vocabulary,
    config: CompletionConfig,
    among: np.ndarray,
) -> dict[str, Any]:
    """How well each score tells the pairs `asked` from those that are not true, among some items."""
    places = place_of(vocabulary)
    column = np.array([places.get(key(tag), -1) for tag in hiding.tags])
    there = ~hiding.hidden & (column >= 0)
    asked, negative = asked & among[:, None], ~hiding.true & among[:, None]
    tags = [t for t in np.flatnonzero(there) if asked[:, t].sum() >= LEAST_PAIRS and negative[:, t].any()]
    centred = ItemTexts(texts)
    bears = vocabulary.bears
    means = centred.centroids(sp.csr_array((bears > 0).astype(np.float64)))
    events = hiding.data.item_counts()
    scores = {
        "popularity": np.repeat(events[:, None].astype(float), len(hiding.tags), axis=1),
        "text and name": texts @ names.T,
        "text and mean text": (centred.vectors @ means.T)[:, column],
    }
    for label, blocks in {
        "completion, behaviour": [behaviour],
        "completion, texts": [texts],
        "completion, both": [texts, behaviour],
    }.items():
        scores[label] = judged(side_by_side(blocks), bears, ridge=config.ridge).scores[:, column]
    more = completed(vocabulary, [texts, behaviour], config)
    added = (more.activations.toarray() > 0) & (vocabulary.activations.toarray() == 0) & among[:, None]
    own = np.flatnonzero(there)
    added_T = added[:, column[own]]
    return {
        "tags": len(tags),
        "tags not in the vocabulary": int((~hiding.hidden & (column < 0)).sum()),
        "pairs": int(asked[:, tags].sum()),
        "macro ROC AUC": {"chance": 0.5} | {label: areas(s, asked, negative, tags) for label, s in scores.items()},
        "added": int(added_T.sum()),
        "recovered": float((added_T & asked[:, own]).sum() / max(asked[:, own].sum(), 1)),
        "right": float(hiding.true[:, own][added_T].mean()) if added_T.any() else None,
        "items without a concept": [
            float((np.diff(v.activations.indptr) == 0)[among].mean()) for v in (vocabulary, more)
        ],
    }


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """I(a; b) over the mean of the entropies of two labellings."""
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1.0)
    p = table / table.sum()
    pa, pb = p.sum(axis=1), p.sum(axis=0)
    there = p > 0
    shared = (p[there] * np.log(p[there] / np.outer(pa, pb)[there])).sum()
    entropy = [-(q[q > 0] * np.log(q[q > 0])).sum() for q in (pa, pb)]
    return float(shared / max(np.mean(entropy), 1e-12))


def groups(hiding: Hiding, vocabulary: Vocabulary, dictionary: Dictionary, texts: np.ndarray) -> dict[str, Any]:
    """Purity of concepts and kinds; NMI of the heaviest direction with the rarest true tag."""
    rare = np.where(hiding.true, hiding.true.sum(axis=0), np.inf)
    rows = np.flatnonzero(hiding.true.any(axis=1) & (np.diff(dictionary.activations.indptr) > 0))
    tag = rare[rows].argmin(axis=1)
    lengths = np.linalg.norm(dictionary.directions, axis=1)
    heaviest = (dictionary.activations[rows] @ sp.diags_array(lengths)).toarray().argmax(axis=1)
    rng = np.random.default_rng(0)
    coherence = ItemTexts(texts).coherence(dictionary.activations[:, np.flatnonzero(dictionary.kinds)])
    purity = [c.purity for c in vocabulary.concepts if c.purity is not None]
    return {
        "concepts": len(vocabulary.concepts),
        "mean purity of concepts": float(np.mean(purity)),
        "mean text coherence of kinds": float(coherence.mean()) if len(coherence) else None,
        "NMI": mutual_information(heaviest, tag),
        "NMI of shuffled items": mutual_information(rng.permutation(heaviest), tag),
    }


def measure(name: str, folder: Path, column: str, settings: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
    """All of one catalogue."""
    data = load_dataset(folder)
    seed, share = settings["seed"], settings["share"]
    hiding = Hiding(data, column, seed=seed, share=share)
    model = ALS().fit(consumption(data), options=FitOptions(seed=seed))
    behaviour = np.asarray(model.item_vectors, dtype=np.float32)
    names = encoder.encode([tag.replace("-", " ") for tag in hiding.tags])
    completion = CompletionConfig(**settings["completion"])
    everyone = np.ones(len(data.items), dtype=bool)
    told: dict[str, Any] = {"items": len(data.items), "tags": len(hiding.tags), "fingerprint": data.fingerprint}

    def read(shown: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, Vocabulary]:
        items = hiding.items(shown, rest=rest)
        texts = item_vectors(items, encoder)
        if texts is None:
            raise SystemExit("No item has a text.")
        vocabulary = build_vocabulary(
            items, VocabularyConfig(**settings["vocabulary"]), encoder=encoder, item_vectors=texts, seed=seed
        )
        return texts, vocabulary

    texts, vocabulary = read(hiding.true & ~hiding.pairs & ~hiding.hidden, everyone)
    told["pairs"] = pairs(hiding, texts, behaviour, names, hiding.pairs, vocabulary, completion, everyone)
    both = side_by_side([texts, behaviour]).astype(np.float32)
    dictionary = fit_dictionary(
        both,
        vocabulary.activations,
        DictionaryConfig(**settings["dictionary"]),
        texts_ID=texts,
        rng=np.random.default_rng(seed),
    )
    told["groups"] = groups(hiding, vocabulary, dictionary, texts)
    shown = hiding.true & ~hiding.hidden
    untold = Table(data.items.ids, {k: v for k, v in hiding.shown_columns().items() if k != column})
    plain = item_vectors(untold, encoder)
    if plain is not None:
        told["names"] = naming(Names(hiding.true, plain, behaviour, names), hiding.hidden)
    texts, vocabulary = read(shown & ~hiding.bare[:, None], ~hiding.bare)
    told["bare items"] = pairs(hiding, texts, behaviour, names, shown, vocabulary, completion, hiding.bare)
    print(name, json.dumps(told, indent=1), flush=True)
    return told


def main() -> None:
    """Measure every catalogue named, and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("catalogues", nargs="+", help="NAME=FOLDER:COLUMN of an imported dataset and its tags")
    here = Path(__file__).parent
    parser.add_argument("--config", type=Path, default=here / "config.toml")
    parser.add_argument("--json", type=Path, default=here / "result.json")
    given = parser.parse_args()
    settings, encoder = read_toml(given.config), cached_encoder(None)
    result: dict[str, Any] = {"penchant": __version__, "encoder": encoder.identity, "settings": settings}
    result["catalogues"] = json.loads(given.json.read_text())["catalogues"] if given.json.exists() else {}
    for one in given.catalogues:
        name, place = one.split("=", 1)
        folder, column = place.rsplit(":", 1)
        result["catalogues"][name] = measure(name, Path(folder), column, settings, encoder)
        given.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
