"""What each step of a feature pipeline is worth: the same model again, each time with one step left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from penchant.data.features.pipeline import FeatureConfig
from penchant.errors import UnsupportedError
from penchant.evaluation.rows import MODEL, Row
from penchant.interfaces import Recommender
from penchant.models.catalogue import RECOMMENDERS
from penchant.registry import Registry

FEATURES = "features"
"""What the setting that holds a model's steps is called."""


def without_each_step(
    models: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    registry: Registry[Recommender] | None = None,
) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
    """Rows and settings of an evaluation: each model, and after one that has feature steps the variants ``NAME without
    STEP``, and ``NAME without features`` where it can do without any.

    `UnsupportedError` where none of the models has feature steps.
    """
    catalogue = registry if registry is not None else RECOMMENDERS
    rows: list[str] = []
    found = {name: dict(values) for name, values in (settings or {}).items()}
    for name in dict.fromkeys(models):
        rows.append(name)
        row = Row.of(name, found.get(name))
        config = catalogue[row.model].config.of(row.settings, where=name)
        steps = getattr(config, FEATURES, None)
        if not isinstance(steps, FeatureConfig):
            continue
        variants: dict[str, Any] = {f"{name} without {s.step}": steps.without(s.step).model_dump() for s in steps.steps}
        if catalogue[row.model].config.model_fields[FEATURES].annotation != FeatureConfig:
            variants[f"{name} without features"] = None
        for variant, left in variants.items():
            rows.append(variant)
            found[variant] = {**found.get(name, {}), MODEL: row.model, FEATURES: left}
    if len(rows) == len(dict.fromkeys(models)):
        with_steps = [n for n in catalogue if FEATURES in catalogue[n].config.model_fields]
        raise UnsupportedError(
            f"None of {', '.join(models)} has feature steps to leave out.",
            hint=f"Models that have: {', '.join(with_steps)}.",
        )
    return tuple(rows), found
