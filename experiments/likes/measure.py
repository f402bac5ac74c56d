"""Makes result.json: how far the probabilities of a like can be believed.

    python measure.py FILMS.dataset

Asked is P(rating ≥ three quarters of the scale) of each test rating: of `rating_network` with the head ``liked``, as it
is and after Platt's scaling fitted on the validation ratings, of each item's damped share of likes in training, and of
the share of all. Intervals are over users.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logit

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import Split
from penchant.data.rating_targets import RatingTargets
from penchant.data.splitting import SplitConfig, splits
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.metrics.probabilities import TINY, yes_no_report
from penchant.metrics.significance import bootstrap_intervals, by_user
from penchant.models.language.platt_scaling import PlattScaling
from penchant.models.rating.rating_network import RatingNetwork, RatingNetworkConfig
from penchant.types import DoubleArray, IntArray, RowArray

HERE = Path(__file__).parent


def asked(cases: Cases, targets: RatingTargets) -> tuple[IntArray, RowArray, DoubleArray]:
    """Case, item and like (1 or 0) of each rated target."""
    values = np.full(len(cases.target_items), np.nan) if cases.target_values is None else cases.target_values
    rated = ~np.isnan(values)
    rows = np.repeat(np.arange(len(cases), dtype=np.int64), np.diff(cases.target_indptr))[rated]
    return rows, cases.target_items[rated], targets.liked(values[rated]).astype(np.float64)


def item_shares(train: Dataset, targets: RatingTargets, damping: float) -> tuple[DoubleArray, float]:
    """(I,) damped shares of likes, and the share of all."""
    rated = ~np.isnan(train.events.values) & (train.events.items >= 0)
    items, likes = train.events.items[rated], targets.liked(train.events.values[rated]).astype(np.float64)
    share = float(likes.mean())
    sums = np.bincount(items, likes, minlength=train.n_items) + damping * share
    return sums / (np.bincount(items, minlength=train.n_items) + damping), share


def probabilities(split: Split, settings: Mapping[str, Any]) -> tuple[dict[str, DoubleArray], DoubleArray, IntArray]:
    """What each says of the test ratings, whether they are likes, and whose they are."""
    targets = RatingTargets.fit(split.train)
    model = RatingNetwork(RatingNetworkConfig.of(settings["rating_network"]))
    model.fit(split.train, options=FitOptions(validation=split.validation, seed=settings["seed"]))
    rows, items, likes = asked(split.validation, targets)
    before = model.like_probabilities(split.validation.histories, rows, items)
    scaling = PlattScaling.fit(logit(before.clip(TINY, 1 - TINY)), likes)
    rows, items, likes = asked(split.test, targets)
    said = model.like_probabilities(split.test.histories, rows, items)
    shares, share = item_shares(split.train, targets, settings["item_share"]["damping"])
    return (
        {
            "share of all": np.full(len(likes), share),
            "share of the item": shares[items],
            "rating_network": said,
            "rating_network, scaled": scaling.probabilities(logit(said.clip(TINY, 1 - TINY))),
        },
        likes,
        split.test.histories.users[rows].astype(np.int64),
    )


def measured(data: Dataset, protocol: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """All test ratings of a protocol together."""
    config = SplitConfig.of({name: settings[name] for name in ("seed", "folds", "validation_share")})
    parts = [(split.hash, probabilities(split, settings)) for split in splits(data, protocol, config=config)]
    likes, owners = (np.concatenate([part[n] for _, part in parts]) for n in (1, 2))
    rows = {}
    squares: dict[str, DoubleArray] = {}
    for name in parts[0][1][0]:
        said = np.concatenate([part[0][name] for _, part in parts])
        squares[name] = (said - likes) ** 2
        report = asdict(yes_no_report(said, likes))
        low, high = bootstrap_intervals(by_user(squares[name][:, None], owners))
        rows[name] = {**report, "brier_interval": [float(low[0]), float(high[0])]}
    ahead = {}
    for other in ("share of all", "share of the item", "rating_network"):
        less = squares["rating_network, scaled"] - squares[other]
        low, high = bootstrap_intervals(by_user(less[:, None], owners))
        ahead[other] = {"brier": float(less.mean()), "interval": [float(low[0]), float(high[0])]}
    return {
        "split_hash": [found for found, _ in parts],
        "ratings": len(likes),
        "liked": float(likes.mean()),
        "rows": rows,
        "scaled network minus": ahead,
    }


def main() -> None:
    """Both protocols."""
    settings, data = read_toml(HERE / "config.toml"), Dataset.load(Path(sys.argv[1]))
    result = {
        "dataset": {"name": data.name, "fingerprint": data.fingerprint},
        "settings": settings,
        "protocols": {protocol: measured(data, protocol, settings) for protocol in settings["protocols"]},
        "environment": environment(),
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
