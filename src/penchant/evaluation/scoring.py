"""Asking a fitted model all cases, in batches of bounded memory, and keeping ranks and lists instead of scores."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from penchant.data.histories import Cases, Histories
from penchant.errors import TrainingError
from penchant.evaluation.measuring import Stopwatch
from penchant.interfaces import top_k
from penchant.metrics.ranking import candidate_counts, mask_history, ranks_among
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray, IntArray, RowArray

BATCH_BYTES = 64 * 2**20
"""Scores of one batch; masked copies and comparisons hold about three times as much."""
LARGEST_BATCH = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model answered to B cases with T targets in all, history excluded or not."""

    ranks: IntArray
    """(T,) of each packed target"""
    candidates: IntArray
    """(B,) items ranked"""
    lists: RowArray
    """(B, K) best items; −1 pads"""
    scores: FloatArray
    """(B, K) of the lists"""


class Scorer(Protocol):
    """What can be asked: a recommender, or one whose lists are reranked."""

    def score(self, histories: Histories) -> FloatArray:
        """(B, I)"""


def ask(
    model: Scorer,
    cases: Cases,
    *,
    name: str,
    n_items: int,
    k: int,
    ties: RowArray,
    exclude: tuple[bool, ...],
    watch: Stopwatch,
    progress: Progress = SILENT,
) -> dict[bool, Answers]:
    """Rank all items for every case: one answer for each variant of `exclude`, from the same scores.

    `watch` counts the seconds the model takes to score; ranking is not the model's time. Raises `TrainingError` where
    the scores are not finite or not (B, I).
    """
    size = max(1, min(LARGEST_BATCH, BATCH_BYTES // (4 * n_items)))
    parts: dict[bool, list[Answers]] = {variant: [] for variant in exclude}
    with progress.task(f"Asking {name}", total=len(cases)) as advance:
        for place, histories in cases.histories.batches(size):
            part = cases.take(place)
            with watch.running():
                scores = model.score(histories)
            _check(scores, (len(part), n_items), name)
            for variant in exclude:
                candidates = mask_history(scores, part) if variant else scores
                best = top_k(candidates, k, ties=ties)
                answers = Answers(
                    ranks=ranks_among(candidates, part, ties=ties),
                    candidates=candidate_counts(part, n_items, exclude_history=variant),
                    lists=best.items,
                    scores=best.scores,
                )
                parts[variant].append(answers)
            advance(len(part))
    return {variant: _joined(answers) for variant, answers in parts.items()}


def _joined(parts: list[Answers]) -> Answers:
    return Answers(
        ranks=np.concatenate([part.ranks for part in parts]),
        candidates=np.concatenate([part.candidates for part in parts]),
        lists=np.concatenate([part.lists for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
    )


def _check(scores: FloatArray, shape: tuple[int, int], name: str) -> None:
    if scores.shape != shape:
        raise TrainingError(
            f"{name} gave scores of shape {scores.shape} for {shape[0]} users and {shape[1]} items.",
            hint="`score` answers with one row a history and one column an item.",
        )
    if not np.isfinite(scores).all():
        raise TrainingError(
            f"{name} gave scores that are not finite.", hint="Lower its learning rate, or look for NaN in its inputs."
        )
