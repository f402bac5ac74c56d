"""A model over time: how good it is in each window after it was fitted, and how good where it is fitted again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.partition import Split
from penchant.data.polarity import consumption
from penchant.data.splitting import SplitConfig, splits
from penchant.errors import ConfigError
from penchant.evaluation.measuring import Stopwatch
from penchant.evaluation.scoring import ask
from penchant.interfaces import FitOptions, Recommender
from penchant.metrics.ranking import check_ks, ndcg_at
from penchant.progress import SILENT, Progress
from penchant.seeding import tie_breaks
from penchant.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A model in one window."""

    model: str
    window: int
    """From 0, in time"""
    begins: int
    """Microseconds"""
    cases: int
    kept: float
    """NDCG@k of the model as it was fitted before window 0"""
    refitted: float
    """NDCG@k of the model fitted on all that came before this window"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """How even a model is over its windows."""

    mean: float
    """Of `refitted`"""
    spread: float
    """Standard deviation of `refitted` over the windows, as a share of the mean; 0 where the mean is"""
    worst: float
    """The lowest of `refitted`"""
    fading: float
    """What the kept model has of the refitted one in the last window; 1: nothing was lost by not fitting again"""


def over_windows(
    dataset: Dataset,
    models: Mapping[str, Callable[[], Recommender]],
    *,
    windows: int = 5,
    k: int = 10,
    item_vectors: FloatArray | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> list[Window]:
    """Ask each model about `windows` stretches of time of like many events, each after what is learned from.

    The stretches are the tests of the protocol ``k-fold-time``, a rolling origin (Tashman 2000): of ``windows + 1``
    blocks the first is learned from before window 0. A user is asked for all his items of a window from his history
    before it, whether the model was fitted again or not: models read histories, so even one that is kept hears of new
    events. `models` makes each model anew. Raises `ConfigError` for fewer than two windows or no model, and
    `ProtocolError` where events have no times.
    """
    if windows < 2 or not models:
        raise ConfigError(
            f"{windows} windows and {len(models)} models came.", hint="Give two windows or more, and a model."
        )
    check_ks((k,))
    parts = list(splits(consumption(dataset), "k-fold-time", config=SplitConfig(folds=windows)))
    rows = []
    for name, make in models.items():
        kept: Recommender | None = None
        for place, part in enumerate(parts):
            options = FitOptions(
                validation=part.validation if len(part.validation) else None,
                item_vectors=item_vectors,
                seed=seed,
                progress=progress,
            )
            fresh = make().fit(part.train, options=options)
            kept = kept or fresh
            again = _ndcg(fresh, part, name, k, seed)
            rows.append(
                Window(
                    model=name,
                    window=place,
                    begins=int(part.facts["test_from"]),
                    cases=len(part.test),
                    kept=again if kept is fresh else _ndcg(kept, part, name, k, seed),
                    refitted=again,
                )
            )
    return rows


def stability(rows: list[Window]) -> Stability:
    """Of the windows of one model. `ConfigError` for none, or for several models'."""
    if len({row.model for row in rows}) != 1:
        raise ConfigError(f"Windows of {len({row.model for row in rows})} models came.", hint="Give those of one.")
    values, last = np.array([row.refitted for row in rows]), max(rows, key=lambda row: row.window)
    mean = float(values.mean())
    return Stability(
        mean=mean,
        spread=float(values.std()) / mean if mean else 0.0,
        worst=float(values.min()),
        fading=last.kept / last.refitted if last.refitted else 1.0,
    )


def _ndcg(model: Recommender, part: Split, name: str, k: int, seed: int) -> float:
    answers = ask(
        model,
        part.test,
        name=name,
        n_items=part.train.n_items,
        k=k,
        ties=tie_breaks(part.train.items.ids, seed=seed),
        exclude=(True,),
        watch=Stopwatch(),
    )[True]
    return float(ndcg_at(answers.ranks, part.test.target_indptr, k).mean())
