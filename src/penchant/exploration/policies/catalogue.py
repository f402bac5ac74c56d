"""Every policy by name."""

from penchant.exploration.dial import Dial, DialConfig
from penchant.exploration.policies.epsilon_greedy import (
    ContextualEpsilonGreedy,
    ContextualEpsilonGreedyConfig,
    DecayingEpsilonGreedy,
    DecayingEpsilonGreedyConfig,
    EpsilonGreedy,
    EpsilonGreedyConfig,
)
from penchant.exploration.policies.greedy import Greedy, GreedyConfig
from penchant.exploration.policies.softmax import Softmax, SoftmaxConfig
from penchant.exploration.policies.thompson import (
    Thompson,
    ThompsonConfig,
    ThompsonPlackettLuce,
    ThompsonPlackettLuceConfig,
)
from penchant.exploration.policies.ucb import UCB, BayesUCB, BayesUCBConfig, UCBConfig
from penchant.interfaces import Policy
from penchant.registry import Registry

POLICIES: Registry[Policy] = Registry("policy")
POLICIES.register("greedy", config=GreedyConfig, cls=Greedy, summary="What is held best; explores nothing.")
POLICIES.register(
    "epsilon_greedy",
    config=EpsilonGreedyConfig,
    cls=EpsilonGreedy,
    summary="Mostly the best, a constant share of places at random.",
)
POLICIES.register(
    "decaying_epsilon_greedy",
    config=DecayingEpsilonGreedyConfig,
    cls=DecayingEpsilonGreedy,
    summary="The random share falls as rounds go by.",
)
POLICIES.register(
    "contextual_epsilon_greedy",
    config=ContextualEpsilonGreedyConfig,
    cls=ContextualEpsilonGreedy,
    summary="The random share is as large as the request's candidates are unsure.",
)
POLICIES.register("ucb", config=UCBConfig, cls=UCB, summary="The best that scores may well be.")
POLICIES.register(
    "bayes_ucb",
    config=BayesUCBConfig,
    cls=BayesUCB,
    summary="The best by a posterior quantile that rises as rounds go by.",
)
POLICIES.register("softmax", config=SoftmaxConfig, cls=Softmax, summary="The better, the more often (Plackett–Luce).")
POLICIES.register(
    "thompson", config=ThompsonConfig, cls=Thompson, summary="The best of one draw; its log serves no estimates."
)
POLICIES.register(
    "thompson_plackett_luce",
    config=ThompsonPlackettLuceConfig,
    cls=ThompsonPlackettLuce,
    summary="One draw, then softly, with a floor under every probability: for a log that others are judged from.",
)
POLICIES.register(
    "dial",
    config=DialConfig,
    cls=Dial,
    summary="The best, and at a stated share of places a look at what would not be shown: what slates are served by.",
)
