"""Estimators by name."""

from penchant.evaluation.off_policy.estimators import (
    ClippedInverseProbability,
    CutConfig,
    DirectMethod,
    DoublyRobust,
    Estimator,
    InverseProbability,
    PlainConfig,
    SelfNormalisedDoublyRobust,
    SelfNormalisedInverseProbability,
    ShrinkageConfig,
    ShrunkDoublyRobust,
    SwitchDoublyRobust,
    UncutConfig,
)
from penchant.evaluation.off_policy.marginalised import MarginalisedInverseProbability
from penchant.registry import Registry

ESTIMATORS: Registry[Estimator] = Registry("estimator")
ESTIMATORS.register("dm", config=PlainConfig, cls=DirectMethod, summary="a reward model alone")
ESTIMATORS.register("ips", config=UncutConfig, cls=InverseProbability, summary="weights alone, unbiased")
ESTIMATORS.register(
    "clipped_ips", config=CutConfig, cls=ClippedInverseProbability, summary="weights with a cut by rule"
)
ESTIMATORS.register(
    "snips", config=PlainConfig, cls=SelfNormalisedInverseProbability, summary="weights that are divided by their sum"
)
ESTIMATORS.register("dr", config=PlainConfig, cls=DoublyRobust, summary="model and weights: either may be wrong")
ESTIMATORS.register("sndr", config=PlainConfig, cls=SelfNormalisedDoublyRobust, summary="DR, self-normalised")
ESTIMATORS.register("switch_dr", config=CutConfig, cls=SwitchDoublyRobust, summary="the model where weights are large")
ESTIMATORS.register("dr_os", config=ShrinkageConfig, cls=ShrunkDoublyRobust, summary="DR with shrunk weights")
ESTIMATORS.register(
    "mips", config=PlainConfig, cls=MarginalisedInverseProbability, summary="weights of concepts instead of items"
)
