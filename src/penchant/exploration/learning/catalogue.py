"""Every bandit by name."""

from pathlib import Path

import orjson

from penchant.errors import BundleError
from penchant.exploration.learning.arm_means import (
    UCB1,
    EpsilonGreedyBandit,
    EpsilonGreedyBanditConfig,
    SoftmaxBandit,
    SoftmaxBanditConfig,
    UCB1Config,
)
from penchant.exploration.learning.bandit import SETTINGS, Bandit
from penchant.exploration.learning.bootstrap import Bootstrap, BootstrapConfig
from penchant.exploration.learning.exp3 import Exp3, Exp3Config, Exp3IX, Exp3IXConfig
from penchant.exploration.learning.linear import LinearThompson, LinearThompsonConfig, LinUCB, LinUCBConfig
from penchant.exploration.learning.neural_linear import NeuralLinear, NeuralLinearConfig
from penchant.exploration.learning.representation import (
    FourierThompson,
    FourierThompsonConfig,
    GivenNeuralLinear,
    GivenNeuralLinearConfig,
)
from penchant.exploration.learning.thompson import (
    BernoulliThompson,
    BernoulliThompsonConfig,
    GaussianThompson,
    GaussianThompsonConfig,
)
from penchant.registry import Registry

BANDITS: Registry[Bandit] = Registry("bandit")
BANDITS.register(
    "epsilon_greedy",
    config=EpsilonGreedyBanditConfig,
    cls=EpsilonGreedyBandit,
    summary="The best mean, a share of rounds at random.",
)
BANDITS.register("ucb1", config=UCB1Config, cls=UCB1, summary="The best that a mean may well be.")
BANDITS.register(
    "softmax", config=SoftmaxBanditConfig, cls=SoftmaxBandit, summary="The better the mean, the more often."
)
BANDITS.register("exp3", config=Exp3Config, cls=Exp3, summary="For rewards an adversary may choose, as published.")
BANDITS.register(
    "exp3_ix",
    config=Exp3IXConfig,
    cls=Exp3IX,
    summary="For rewards an adversary may choose, steadier and without a horizon.",
)
BANDITS.register(
    "bernoulli_thompson",
    config=BernoulliThompsonConfig,
    cls=BernoulliThompson,
    summary="Rates, each arm as often as it may be the best.",
)
BANDITS.register(
    "gaussian_thompson",
    config=GaussianThompsonConfig,
    cls=GaussianThompson,
    summary="Means, each arm as often as it may be the best.",
)
BANDITS.register("linucb", config=LinUCBConfig, cls=LinUCB, summary="Linear in features, optimistic; or greedy with ε.")
BANDITS.register(
    "linear_thompson",
    config=LinearThompsonConfig,
    cls=LinearThompson,
    summary="Linear in features, each arm as often as it may be the best.",
)
BANDITS.register("bootstrap", config=BootstrapConfig, cls=Bootstrap, summary="An ensemble of resampled regressions.")
BANDITS.register(
    "fourier_thompson",
    config=FourierThompsonConfig,
    cls=FourierThompson,
    summary="Any smooth reward of a few features.",
)
BANDITS.register(
    "neural_linear",
    config=NeuralLinearConfig,
    cls=NeuralLinear,
    summary="Features learned by a network, uncertainty from its last layer.",
)
BANDITS.register(
    "neural_linear_given",
    config=GivenNeuralLinearConfig,
    cls=GivenNeuralLinear,
    summary="The same on a representation handed in, such as the tracker's user vector.",
)


def load_bandit(folder: Path) -> Bandit:
    """The bandit saved in a folder, whichever it is. `BundleError` where there is none."""
    try:
        name = str(orjson.loads((folder / SETTINGS).read_bytes())["bandit"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        raise BundleError(f"{folder} holds no bandit that can be read.", hint="Save it again.") from None
    for registered in BANDITS:
        if BANDITS[registered].cls.__name__ == name:
            return BANDITS[registered].cls.load(folder)
    raise BundleError(f"{folder} holds a {name}, which is no bandit of ours.", hint="Save it with this version.")
