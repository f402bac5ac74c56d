"""An experiment on those who are served: who is in which arm, what arms differ in, and what that makes of a request.

    name = "dial"
    [arms.control]
    explore = 0.0
    [arms.curious]
    explore = 0.3
    [arms.soft]
    policy = {name = "softmax", temperature = 0.5}

Arms are a hash of the experiment's name and the user's id (`penchant.evaluation.ab_testing.assignment`). A request that
says itself what any of the arms sets is served by its own word, whichever arm its user is in, and is no exposure: the
rule must not depend on the arm, or arms would be of different requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from penchant.config import Config
from penchant.errors import ConfigError, PenchantError
from penchant.evaluation.ab_testing.assignment import Experiment
from penchant.pipeline.exploring import Exploration, Share
from penchant.pipeline.named_policy import Chooser
from penchant.reranking.catalogue import RERANKERS
from penchant.serving.served_model import ServedModel


class Arm(Config):
    """What requests of an arm get where they say nothing else."""

    share: float | None = Field(default=None, gt=0, lt=1)
    """Of those enrolled; None: arms are equal"""
    explore: Share | dict[str, Any] | None = None
    policy: str | dict[str, Any] | None = None
    """In place of the dial, by name or with settings: not together with `explore`"""
    rerank: str | None = None
    rerank_weight: float | None = Field(default=None, ge=0, le=1)
    bundle: Path | None = None
    """Served by another bundle; None: by the server's own"""

    @model_validator(mode="after")
    def _readable(self) -> Self:
        try:
            Chooser.asked(Exploration(), explore=self.explore, policy=self.policy)
        except PenchantError as error:
            raise ValueError(f"{error.message} {error.hint}") from None
        if self.rerank not in {None, "none", *RERANKERS}:
            raise ValueError(f"no reranker is called {self.rerank!r}; there are {', '.join(RERANKERS)}, none")
        return self

    def wishes(self) -> dict[str, Any]:
        """What it sets of a request."""
        return {name: getattr(self, name) for name in SETTABLE if getattr(self, name) is not None}


SETTABLE = ("explore", "policy", "rerank", "rerank_weight")
CHOOSING = frozenset({"explore", "policy"})
"""Who says one of them has left the other open to nobody."""


class ServedExperiment(Config):
    """An experiment's arms, as a file says them."""

    name: str = Field(min_length=1)
    arms: dict[str, Arm]
    traffic: float = Field(default=1.0, gt=0, le=1)
    salt: str = ""

    @model_validator(mode="after")
    def _arms(self) -> Self:
        told = [arm.share is not None for arm in self.arms.values()]
        if any(told) != all(told):
            raise ValueError("either every arm has a share or none has")
        self.experiment  # noqa: B018 (checks the shares)
        if len({arm.model_dump_json(exclude={"share"}) for arm in self.arms.values()}) < 2:
            raise ValueError("all arms are the same; give them different settings")
        return self

    @cached_property
    def experiment(self) -> Experiment:
        """Who is in which arm."""
        shares = {name: arm.share or 1.0 / len(self.arms) for name, arm in self.arms.items()}
        return Experiment(name=self.name, shares=shares, traffic=self.traffic, salt=self.salt)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An experiment that is running, with the models that its arms need."""

    settings: ServedExperiment
    models: Mapping[str, ServedModel] = field(default_factory=dict)
    """Arm → model, of those with a bundle of their own"""

    @classmethod
    def of(cls, settings: ServedExperiment, load: Callable[[Path], ServedModel]) -> Self:
        """Load the bundles that arms name, each once."""
        bundles = dict.fromkeys(arm.bundle for arm in settings.arms.values() if arm.bundle is not None)
        loaded = {bundle: load(bundle) for bundle in bundles}
        models = {name: loaded[arm.bundle] for name, arm in settings.arms.items() if arm.bundle is not None}
        return cls(settings=settings, models=models)

    @cached_property
    def others(self) -> tuple[ServedModel, ...]:
        """The models beside the server's own, each once."""
        return tuple({id(model): model for model in self.models.values()}.values())

    def wishes(self, arm: str) -> dict[str, Any]:
        """What an arm sets of a request."""
        return self.settings.arms[arm].wishes()

    @cached_property
    def _set_by_arms(self) -> frozenset[str]:
        found = frozenset(name for arm in self.settings.arms.values() for name in arm.wishes())
        return found | CHOOSING if found & CHOOSING else found

    def check(self, own: ServedModel) -> None:
        """Serve a stranger in each arm: what cannot be served, such as a weight without a reranker, is refused before
        anybody asks. `ConfigError` names the arm.
        """
        for name in self.settings.arms:
            try:
                self.models.get(name, own).decide("", 1, explain=False, **self.wishes(name))
            except PenchantError as error:
                raise ConfigError(f"The arm {name!r} cannot be served: {error.message}", hint=error.hint) from None

    def arm(self, user_id: str, asked: Mapping[str, Any]) -> str | None:
        """The arm that serves a request with these wishes; None where its user is not enrolled or it says itself what
        arms differ in.
        """
        if any(asked.get(name) is not None for name in self._set_by_arms):
            return None
        return self.settings.experiment.arm(user_id)
