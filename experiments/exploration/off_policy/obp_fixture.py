"""One small log and Open Bandit Pipeline's estimates of it, for tests/reference; under a python that has obp 0.5.5.

python obp_fixture.py > ../../../tests/reference/obp_off_policy.json
"""

import json
import sys

import numpy as np
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkage,
    InverseProbabilityWeighting,
    MarginalizedInverseProbabilityWeighting,
    SelfNormalizedDoublyRobust,
    SelfNormalizedInverseProbabilityWeighting,
    SlateCascadeDoublyRobust,
    SlateIndependentIPS,
    SlateRewardInteractionIPS,
    SlateStandardIPS,
    SwitchDoublyRobust,
)

ROUNDS, ACTIONS, PLACES = 40, 4, 3


def softmax(scores):
    """Over the last axis."""
    soft = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return soft / soft.sum(axis=-1, keepdims=True)


def single(rng):
    """Single choices."""
    logging, target = softmax(rng.normal(size=(2, ROUNDS, ACTIONS)))
    action = np.array([rng.choice(ACTIONS, p=row) for row in logging])
    reward = rng.normal(size=ROUNDS)
    predicted = rng.normal(size=(ROUNDS, ACTIONS))
    concepts = np.array([0, 0, 1, 1])
    log = {"action": action, "reward": reward, "pscore": logging[np.arange(ROUNDS), action]}
    asked = {"action_dist": target[:, :, None], "estimated_rewards_by_reg_model": predicted[:, :, None]}
    plain = {
        "dm": DirectMethod(),
        "ips": InverseProbabilityWeighting(),
        "clipped_ips": InverseProbabilityWeighting(lambda_=1.5),
        "snips": SelfNormalizedInverseProbabilityWeighting(),
        "dr": DoublyRobust(),
        "sndr": SelfNormalizedDoublyRobust(),
        "switch_dr": SwitchDoublyRobust(lambda_=1.5),
        "dr_os": DoublyRobustWithShrinkage(lambda_=2.0),
    }
    values = {}
    for name, estimator in plain.items():
        weights_only = name.endswith("ips")
        given = {"action_dist": asked["action_dist"]} if weights_only else asked
        values[name] = float(estimator.estimate_policy_value(**log, **given))
    values["mips"] = float(
        MarginalizedInverseProbabilityWeighting(n_actions=ACTIONS).estimate_policy_value(
            reward=reward,
            action=action,
            action_embed=concepts[action][:, None],
            pi_b=logging[:, :, None],
            action_dist=target[:, :, None],
            p_e_a=np.eye(2)[concepts][:, :, None],
        )
    )
    told = {"logging": logging, "target": target, "predicted": predicted, "concepts": concepts, "values": values}
    return {**log, **told}


def slates(rng):
    """Slates of three places."""
    conditional, target, marginal, target_marginal = rng.uniform(0.2, 0.9, size=(4, ROUNDS, PLACES))
    reward = rng.normal(size=(ROUNDS, PLACES))
    action = rng.integers(0, ACTIONS, size=(ROUNDS, PLACES))
    q = rng.normal(size=(ROUNDS, PLACES, ACTIONS))
    action_dist = softmax(rng.normal(size=(ROUNDS, PLACES, ACTIONS)))
    prefix, target_prefix = np.cumprod(conditional, axis=1), np.cumprod(target, axis=1)
    common = {
        "slate_id": np.repeat(np.arange(ROUNDS), PLACES),
        "reward": reward.ravel(),
        "position": np.tile(np.arange(PLACES), ROUNDS),
    }
    values = {
        "slate_ips": SlateStandardIPS(len_list=PLACES).estimate_policy_value(
            **common,
            pscore=np.repeat(prefix[:, -1], PLACES),
            evaluation_policy_pscore=np.repeat(target_prefix[:, -1], PLACES),
        ),
        "independent_ips": SlateIndependentIPS(len_list=PLACES).estimate_policy_value(
            **common,
            pscore_item_position=marginal.ravel(),
            evaluation_policy_pscore_item_position=target_marginal.ravel(),
        ),
        "reward_interaction_ips": SlateRewardInteractionIPS(len_list=PLACES).estimate_policy_value(
            **common, pscore_cascade=prefix.ravel(), evaluation_policy_pscore_cascade=target_prefix.ravel()
        ),
        "cascade_dr": SlateCascadeDoublyRobust(len_list=PLACES, n_unique_action=ACTIONS).estimate_policy_value(
            **common,
            action=action.ravel(),
            pscore_cascade=prefix.ravel(),
            evaluation_policy_pscore_cascade=target_prefix.ravel(),
            q_hat=q.ravel(),
            evaluation_policy_action_dist=action_dist.ravel(),
        ),
    }
    return {
        "reward": reward,
        "action": action,
        "conditional": conditional,
        "target_conditional": target,
        "marginal": marginal,
        "target_marginal": target_marginal,
        "q": q,
        "action_dist": action_dist,
        "values": {name: float(value) for name, value in values.items()},
    }


rng = np.random.default_rng(0)
found = {"obp": "0.5.5", "single": single(rng), "slates": slates(rng)}
json.dump(found, sys.stdout, default=lambda array: np.round(array, 12).tolist())
