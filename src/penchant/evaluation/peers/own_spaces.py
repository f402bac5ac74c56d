"""What a search may vary of our own models, in the same manner as of the peers' in `catalogue`."""

from collections.abc import Mapping

from penchant.hyperparameter_search.space import Choice, LogUniform, Space, Uniform

_TRACKER: Space = {
    "dim": Choice((64, 128)),
    "layers": Choice((1, 2, 3)),
    "heads": Choice((1, 2, 4)),
    "dropout": Uniform(0.1, 0.6),
    "max_length": Choice((50, 100, 200)),
    "gate_events": LogUniform(0.3, 10),
    "training.learning_rate": LogUniform(1e-3, 6e-3),
}
_NEIGHBOURS: Space = {
    "window": Choice((2, 4, 8, 16, 32, 64)),
    "backward": Uniform(0.0, 1.0),
    "distance_power": Uniform(0.0, 1.5),
    "decay": Uniform(0.4, 0.99),
}

OWN_SPACES: Mapping[str, Space] = {
    "popularity": {"count_repeats": Choice((False, True))},
    "content_based": {"decay": Uniform(0.4, 0.99), "attribute_weight": Uniform(0.0, 1.0)},
    "item_knn": _NEIGHBOURS,
    "user_knn": {
        "neighbours": Choice((20, 50, 100, 200, 500)),
        "decay": Uniform(0.6, 0.99),
        "damping": Choice((0.0, 1.0, 3.0, 10.0)),
    },
    "ease": {"regularization": LogUniform(10, 3000), "decay": Uniform(0.5, 1.0)},
    "als": {
        "dim": Choice((32, 64, 128)),
        "alpha": LogUniform(0.5, 40),
        "regularization": LogUniform(1e-3, 1),
        "decay": Uniform(0.5, 1.0),
    },
    "bpr": {
        "dim": Choice((32, 64, 128)),
        "regularization": LogUniform(1e-4, 0.1),
        "decay": Uniform(0.5, 1.0),
        "training.learning_rate": LogUniform(2e-3, 0.05),
    },
    "lightgcn": {
        "dim": Choice((64, 128)),
        "layers": Choice((1, 2, 3, 4)),
        "regularisation": LogUniform(1e-6, 1e-2),
        "decay": Uniform(0.5, 1.0),
        "training.learning_rate": LogUniform(3e-3, 0.05),
    },
    "tracker": _TRACKER,
    "interest": {f"tracker.{key}": part for key, part in _TRACKER.items()}
    | {f"item_knn.{key}": part for key, part in _NEIGHBOURS.items()},
}
"""What a search may vary of each of our models; one that is not here is run as it is, however many trials."""
