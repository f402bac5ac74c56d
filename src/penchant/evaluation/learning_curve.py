"""How a metric grows with the number of records: is more data worth collecting?

Users are put in a seeded random order; a share s of the records is the whole history of the first s of them, so each
part holds the one before. All parts are asked the same cases: those of the users who are in the smallest part.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from penchant.data.histories import Cases
from penchant.data.partition import Split
from penchant.errors import ConfigError, ProtocolError
from penchant.evaluation.bench import Bench
from penchant.evaluation.case_values import case_values, means_and_intervals
from penchant.evaluation.results import CurvePoint
from penchant.metrics.diversity import ItemSimilarity
from penchant.seeding import numpy_rng
from penchant.types import BoolArray, IntArray


def check_shares(shares: Sequence[float]) -> tuple[float, ...]:
    """The shares in ascending order without repeats; `ConfigError` where one is not above 0 and at most 1."""
    if not all(0 < share <= 1 for share in shares):
        raise ConfigError(f"Shares of the records are above 0 and at most 1; {list(shares)} came.", hint="0.25,0.5,1")
    return tuple(sorted(set(shares)))


def learning_curve(
    bench: Bench,
    models: Sequence[str],
    split: Split,
    shares: Sequence[float],
    *,
    similarity: ItemSimilarity,
    seed: int,
) -> tuple[CurvePoint, ...]:
    """A point for each share, model and variant."""
    order = numpy_rng(seed, "learning curve").permutation(split.train.n_users)
    first = _among(order, shares[0])
    asked = split.test.take(np.flatnonzero(first[split.test.histories.users]))
    if not len(asked):
        raise ProtocolError(
            f"No case is left for a learning curve that starts at {shares[0]:.0%} of the users.",
            hint="Start with a larger share.",
        )
    points = []
    for share in shares:
        part = _part(split, _among(order, share), asked)
        for name in models:
            run = bench.run(name, part, seed=seed)
            for exclude, answers in run.answers.items():
                found = case_values(answers, part, ks=bench.ks, similarity=similarity)
                metrics, intervals = means_and_intervals(found)
                points.append(
                    CurvePoint(
                        model=name,
                        exclude_history=exclude,
                        share=share,
                        train_users=int((part.train.histories().lengths > 0).sum()),
                        train_events=len(part.train.events),
                        metrics=metrics,
                        intervals=intervals,
                        fit_seconds=run.costs.fit_seconds,
                    )
                )
    return tuple(points)


def _among(order: IntArray, share: float) -> BoolArray:
    """(U,) whether a user is among the first `share` of the order."""
    chosen = np.zeros(len(order), dtype=np.bool_)
    chosen[order[: max(1, round(share * len(order)))]] = True
    return chosen


def _part(split: Split, users: BoolArray, asked: Cases) -> Split:
    """The split with only the records of the users where `users` (U,) holds, asked the given cases."""
    kept = np.flatnonzero(users[split.validation.histories.users])
    return replace(
        split,
        train=split.train.select(users[split.train.events.users]),
        validation=split.validation.take(kept),
        test=asked,
    )
