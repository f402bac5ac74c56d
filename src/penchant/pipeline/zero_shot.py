"""Items for a text alone: nobody's history is read, and nothing was trained for it."""

import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from penchant.encoders import CachedEncoder
from penchant.errors import ConfigError, NotFoundError
from penchant.interests.text.reading import TextReading
from penchant.interfaces import Candidates, Encoder
from penchant.pipeline.encoding import item_vectors, keeping
from penchant.pipeline.live import Live
from penchant.progress import SILENT, Progress
from penchant.records import Reason, RecommendedItem, Slate
from penchant.reranking.choosing import rerank, shortlist
from penchant.reranking.rules import constraints
from penchant.reranking.settings import Reranking
from penchant.types import DoubleArray, FloatArray

MOST_CHARACTERS = 20_000
"""Of a text; the language model reads the first few hundred words of it in any case."""
CONCEPT_WEIGHT = 0.3
"""λ, in cosines: what an item gains that fully is of a concept which the text names."""
POLICY = "zero_shot"


@dataclass(frozen=True)
class DescriptionRanker:
    """``score_i = cos(text, text of i) + λ Σ_c p_c b_c a_ic``: what the text is about as a whole, by the language
    model, and the concepts c that it names, with the activation b_c and the sign p_c in which it names them ("no
    romance": −1).

    The first part is 0 without an encoder, or for an item without a text; the second where nothing is named.
    """

    live: Live
    encoder: Callable[[], Encoder | None]
    """What read the items' texts, where it is at hand"""
    progress: Progress = SILENT

    def recommend(self, text: str, k: int, *, reranking: Reranking, explain: bool, bundle: str) -> Slate:
        """The K items for a text, each with its reasons.

        Raises `ConfigError` for a text that is empty, without a letter or digit, or too long, and for k < 1;
        `NotFoundError` where no encoder is at hand and the text names nothing that the catalogue has.
        """
        if k < 1:
            raise ConfigError(f"k is {k}; a slate has at least one item.", hint="Ask for k ≥ 1.")
        told = checked(text)
        live, dataset = self.live, self.live.fitted.dataset
        reading = live.text_reader.read([told], searches=True)[0]
        cosines = self._cosines(_wanted(told, reading))
        if cosines is None and not len(reading):
            raise NotFoundError(
                f"{dataset.name} has nothing that these words name, and no language model is at hand to read them.",
                hint="Use words of the catalogue: a category, a maker, a title.",
            )
        parts = self._named(reading)
        described = np.zeros(dataset.n_items) if cosines is None else cosines
        scores = described + parts.sum(axis=1)
        rules = constraints(
            reranking.rules, live.selectors, dataset.n_items, k=k, history_L=np.zeros(0, dtype=np.int32)
        )
        rows = shortlist(np.arange(dataset.n_items), scores, rules, max(4 * k, k + 20, reranking.pool), ties=live.ties)
        listed = Candidates(items=rows, scores=scores[rows], ties=live.ties[rows])
        chosen = rerank(listed, k, rules, facts=live.item_facts, reranker=reranking.build())
        items = tuple(
            RecommendedItem(
                item_id=dataset.items.ids[row],
                title=dataset.title(int(row)),
                rank=rank,
                score=float(scores[row]),
                reasons=self._reasons(reading, float(described[row]), parts[row]) if explain else (),
                other=0.0 if explain else float(scores[row]),
                rerank_adjustment=float(adjustment),
            )
            for rank, (row, adjustment) in enumerate(zip(rows[chosen.order], chosen.adjustments, strict=True), start=1)
        )
        return Slate(
            user_id="",
            slate_id=uuid.uuid4().hex,
            generated_at=live.now().isoformat(),
            bundle=bundle,
            policy=POLICY if reranking.name is None else f"{POLICY}+{reranking.name}",
            items=items,
            note=" ".join([*self._notes(told, reading, encoded=cosines is not None), *chosen.notes]),
        )

    @property
    def _missing(self) -> str:
        told = dict(self.live.fitted.facts.get("encoder") or {})
        if not told:
            return "The model was fitted without a language model."
        place = f" from {told['folder']}" if told.get("folder") else ""
        return f"The model's encoder, {told['name']}, is not to be had{place} as it was at the fit."

    def _cosines(self, text: str) -> DoubleArray | None:
        if self._vectors is None or self._cached is None:
            return None
        if not _says_something(text):
            return np.zeros(len(self._vectors))
        return np.asarray(self._vectors @ self._cached.encoder.encode([text])[0], dtype=np.float64)

    @cached_property
    def _cached(self) -> CachedEncoder | None:
        encoder = self.encoder()
        return None if encoder is None else keeping(encoder)

    @cached_property
    def _vectors(self) -> FloatArray | None:
        """Of the items' texts, (I, D): kept on disk since the fit, else encoded now."""
        if self._cached is None or not self.live.config.text:
            return None
        return item_vectors(self.live.fitted.dataset.items, self._cached, progress=self.progress)

    def _named(self, reading: TextReading) -> DoubleArray:
        """(I, K) what each concept of the reading adds to each item."""
        signs = np.where(reading.polarities < 0, -1.0, 1.0)
        columns = self.live.fitted.vocabulary.activations[:, reading.concepts].toarray()
        return np.asarray(CONCEPT_WEIGHT * columns * (signs * reading.activations), dtype=np.float64)

    def _reasons(self, reading: TextReading, described: float, parts: DoubleArray) -> tuple[Reason, ...]:
        """All that the score is made of, the largest part first."""
        concepts = self.live.fitted.vocabulary.concepts
        said = {row for mention in reading.mentions if mention.kind == "concept" for row in mention.rows}
        found = [
            Reason(
                source="concept",
                contribution=float(part),
                concept_id=concepts[c].id,
                concept=concepts[c].name,
                text=_wording(concepts[c].name, wanted=part > 0, said=c in said),
            )
            for c, part in zip(reading.concepts.tolist(), parts.tolist(), strict=True)
            if part
        ]
        if described:
            found.append(Reason(source="text", contribution=described, text="its description is like your words"))
        return tuple(sorted(found, key=lambda reason: -abs(reason.contribution)))

    def _notes(self, text: str, reading: TextReading, *, encoded: bool) -> list[str]:
        notes = [f"From the words alone: {self.live.config.nouns[1]} by what they are about."]
        if not encoded:
            notes.append(f"{self._missing} Only names were read.")
        elif (share := foreign(text)) > 0:
            notes.append(
                f"{share:.0%} of its letters are not Latin: a language model of English reads little of those."
            )
        if encoded and not len(reading):
            notes.append("The words name nothing of the catalogue; they were taken as a whole.")
        return notes


def checked(text: str) -> str:
    """The text with its spaces tidied; `ConfigError` where there is nothing to read in it, or too much."""
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"The text has {len(text):,} characters; at most {MOST_CHARACTERS:,} are taken.",
            hint="Say it shorter: a few sentences do best.",
        )
    tidy = " ".join(text.split())
    if not _says_something(tidy):
        raise ConfigError(
            f"The text {tidy[:40]!r} has no letter or digit.", hint="Say what is wanted, such as 'space opera, no war'."
        )
    return tidy


def _wording(concept: str, *, wanted: bool, said: bool) -> str:
    if said:
        return f"you asked for {concept}" if wanted else f"you did not want {concept}"
    return f"{concept}, as what you named" if wanted else f"{concept}, as what you did not want"


def _says_something(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _wanted(text: str, reading: TextReading) -> str:
    """The text without the names of what it leaves out: to a language model "no war" is about war all the same."""
    left_out = [span for spans, p in zip(reading.spans, reading.polarities, strict=True) if p < 0 for span in spans]
    cut = {place for start, end in left_out for place in range(start, end)}  # names may lie within one another
    return "".join(character for place, character in enumerate(text) if place not in cut)


def foreign(text: str) -> float:
    """The share of a text's letters that are not Latin."""
    letters = [character for character in text if character.isalpha()]
    other = sum("LATIN" not in unicodedata.name(character, "") for character in letters)
    return other / len(letters) if letters else 0.0
