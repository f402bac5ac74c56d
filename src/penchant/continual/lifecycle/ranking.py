"""The order of all items, asked for what users did later: the interest model's against other models'."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from penchant.continual.lifecycle.settings import RankConfig
from penchant.data.dataset import Dataset
from penchant.data.growth import grown
from penchant.data.histories import Cases
from penchant.data.partition import later_items
from penchant.data.polarity import consumption
from penchant.evaluation.measuring import Stopwatch
from penchant.evaluation.scoring import Scorer, ask
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ranking_metrics
from penchant.metrics.significance import bootstrap_intervals, by_user, permutation_p
from penchant.models.catalogue import RECOMMENDERS
from penchant.models.holdout import catalogue_ties
from penchant.progress import Progress
from penchant.types import DoubleArray

OWN = "interest"
"""What the interest model is called beside the others."""


def orders_compared(
    model: Scorer, past: Dataset, later: Dataset, config: RankConfig, *, seed: int, progress: Progress
) -> dict[str, Any]:
    """NDCG@k and recall@k of all that a user takes later, given his past, over the whole catalogue without his history;
    with intervals over users, and p of a paired permutation test against the interest model (two-sided, of NDCG@k).

    The other models are fitted on the past. Raises `NotFoundError` and `ConfigError` for models that do not exist or
    settings that they do not have.
    """
    others = {name: RECOMMENDERS.build(name, config.settings.get(name)) for name in config.against}
    read, cases = consumption(past), cases_of(past, later)
    ties, scorers = catalogue_ties(past, seed), dict[str, Scorer]()
    for name, other in others.items():
        scorers[name] = other.fit(read, options=FitOptions(seed=seed, progress=progress))
    scorers[OWN] = model
    found: dict[str, Mapping[str, DoubleArray]] = {}
    for name, scorer in scorers.items():
        answers = ask(
            scorer,
            cases,
            name=name,
            n_items=past.n_items,
            k=config.k,
            ties=ties,
            exclude=(True,),
            watch=Stopwatch(),
            progress=progress,
        )
        found[name] = ranking_metrics(answers[True].ranks, cases.target_indptr, (config.k,))
    users, own = cases.histories.users, found[OWN][f"ndcg@{config.k}"]
    table = {}
    for name, values in found.items():
        ndcg, recall = values[f"ndcg@{config.k}"], values[f"recall@{config.k}"]
        low, high = bootstrap_intervals(by_user(ndcg[:, None], users), seed=seed)
        p = 1.0 if name == OWN else float(permutation_p(by_user((own - ndcg)[:, None], users), seed=seed)[0])
        table[name] = {
            "ndcg": float(ndcg.mean()),
            "interval": [float(low[0]), float(high[0])],
            "recall": float(recall.mean()),
            "p": p,
        }
    return {"k": config.k, "cases": len(cases), "models": table}


def cases_of(past: Dataset, later: Dataset) -> Cases:
    """A case for each user with both: his past, and all that he takes later."""
    whole = grown(past, later, alone=True)
    kept = consumption(whole.dataset)
    new = whole.new[np.isin(whole.dataset.events.keys, kept.events.keys)][kept.events.items >= 0]
    return later_items(kept.histories(), ~new, new)[0]
