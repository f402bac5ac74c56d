"""The steps in order: fitted once on the training part, then applied to any rows with the same columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self, TypeAlias

import scipy.sparse as sp
from pydantic import Field, model_validator

from penchant.config import Config
from penchant.data.dataset import Dataset, Table
from penchant.data.features.columns import SIDES, Columns, Observed, Side, known
from penchant.data.features.cross import Cross, Crossing
from penchant.data.features.encoding import Encoding
from penchant.data.features.pair_features import PairFeatures
from penchant.data.features.reduce import Reduce, Reduction
from penchant.data.features.select import Select, Selection
from penchant.data.features.transform import Transform, Transformation
from penchant.errors import ConfigError

Step: TypeAlias = Annotated[Select | Transform | Cross | Reduce, Field(discriminator="step")]
FittedStep: TypeAlias = Selection | Transformation | Crossing | Reduction
_FITTED: Mapping[str, Any] = {"select": Selection, "transform": Transformation, "cross": Crossing, "reduce": Reduction}


class FeatureConfig(Config):
    """The steps, in the order in which they work; each at most once."""

    steps: tuple[Step, ...] = (Select(), Transform(), Cross(), Reduce())

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = [step.step for step in self.steps]
        if len(set(names)) != len(names):
            raise ValueError(f"a step may be there once; the steps are {', '.join(names)}")
        if "reduce" in names[:-1]:
            raise ValueError("reduce works on encoded features and must be the last step")
        return self

    def without(self, name: str) -> "FeatureConfig":
        """The same with one step left out; `ConfigError` where it is not there."""
        names: list[str] = [step.step for step in self.steps]
        if name not in names:
            raise ConfigError(f"There is no step {name!r} to leave out.", hint=f"Steps: {', '.join(names)}.")
        return FeatureConfig(steps=tuple(step for step in self.steps if step.step != name))


@dataclass(frozen=True, kw_only=True)
class Features:
    """Users, items and their pairs as numbers."""

    users: sp.csr_array
    """(U, F)"""
    items: sp.csr_array
    """(I, G)"""
    pairs: PairFeatures


@dataclass(frozen=True, kw_only=True)
class FeaturePipeline:
    """Fitted steps. Save them with the model: `as_json` and `from_json`."""

    steps: tuple[FittedStep, ...]
    encoding: Encoding
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """``users``, ``items`` and ``pairs`` → what each feature is called"""

    @classmethod
    def fit(cls, train: Dataset, config: FeatureConfig | None = None) -> "FeaturePipeline":
        """Fit step after step on the training part: its events, and the attributes of the rows they touch."""
        seen = Observed.of(train)
        tables: dict[Side, Table] = {"users": train.users, "items": train.items}
        columns: dict[Side, Columns] = {side: known(tables[side].columns, seen.touched(side)) for side in SIDES}
        fitted: list[FittedStep] = []
        last: Reduce | None = None
        for step in (config or FeatureConfig()).steps:
            if isinstance(step, Reduce):
                last = step
                continue
            learned = step.fit(columns, seen)
            fitted.append(learned)
            columns = {side: learned.apply(side, columns[side]) for side in SIDES}
        encoding = Encoding.fit(columns)
        names: dict[str, tuple[str, ...]] = {side: encoding.names(side) for side in SIDES}
        if last is not None:
            encoded = {side: encoding.apply(side, columns[side], len(tables[side])) for side in SIDES}
            reduction = last.fit(encoded, seen)
            fitted.append(reduction)
            names = {side: reduction.names(side, names[side]) for side in SIDES}
        crossed = next((step.names for step in fitted if isinstance(step, Crossing)), ())
        return cls(steps=tuple(fitted), encoding=encoding, names={**names, "pairs": crossed})

    def apply(self, users: Table, items: Table) -> Features:
        """The features of every row of two tables, and of their pairs."""
        tables: dict[Side, Table] = {"users": users, "items": items}
        columns: dict[Side, Columns] = {side: tables[side].columns for side in SIDES}
        crossing: Crossing | None = None
        before_crossing = columns
        for step in self.steps:
            if isinstance(step, Reduction):
                continue
            if isinstance(step, Crossing):
                crossing, before_crossing = step, columns
            columns = {side: step.apply(side, columns[side]) for side in SIDES}
        encoded = {side: self.encoding.apply(side, columns[side], len(tables[side])) for side in SIDES}
        for step in self.steps:
            if isinstance(step, Reduction):
                encoded = {side: step.apply(side, encoded[side]) for side in SIDES}
        rows: dict[Side, int] = {side: len(tables[side]) for side in SIDES}
        pairs = PairFeatures.of_columns(crossing, before_crossing, rows)
        return Features(users=encoded["users"], items=encoded["items"], pairs=pairs)

    def report(self) -> dict[str, Any]:
        """What each step did, for a person: kept columns with what they explain, features by name, variance left."""
        told: dict[str, Any] = {}
        for step in self.steps:
            if isinstance(step, Selection):
                told["select"] = {"kept": dict(step.kept), "dropped": dict(step.dropped)}
            elif isinstance(step, Transformation):
                told["transform"] = {side: list(step.rules[side]) for side in SIDES}
            elif isinstance(step, Crossing):
                told["cross"] = {"within": dict(step.within), "combinations": len(step.names)}
            else:
                told["reduce"] = {
                    side: {"components": basis.dim, "explained_variance": basis.explained}
                    for side, basis in step.bases.items()
                }
        return {"steps": told, "features": {part: list(names) for part, names in self.names.items()}}

    def as_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "steps": [step.as_json() for step in self.steps],
            "encoding": self.encoding.as_json(),
            "names": {part: list(names) for part, names in self.names.items()},
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "FeaturePipeline":
        """What `as_json` gave."""
        return cls(
            steps=tuple(_FITTED[step["step"]].from_json(step) for step in saved["steps"]),
            encoding=Encoding.from_json(saved["encoding"]),
            names={part: tuple(names) for part, names in saved["names"].items()},
        )
