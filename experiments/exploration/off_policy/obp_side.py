"""Runs under a python that has Open Bandit Pipeline: makes its worlds, and its own estimates of them.

python obp_side.py synthetic|digits FIRST LAST FOLDER        one npz a seed, in FOLDER
python obp_side.py random_policy_of_bts men|women FILE FOLDER  what the logging policy of `bts` would do
"""

import sys
from pathlib import Path

import numpy as np
from obp.dataset import MultiClassToBanditReduction, SyntheticBanditDataset, logistic_reward_function
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkageTuning,
    InverseProbabilityWeighting,
    OffPolicyEvaluation,
    RegressionModel,
    SelfNormalizedDoublyRobust,
    SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobustTuning,
)
from obp.policy import BernoulliTS, IPWLearner
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

LAMBDAS = [10, 50, 100, 500, 1000, 5000, 10000, np.inf]
SEED = 12345


def logistic():
    """The regression of OBP's examples."""
    return LogisticRegression(C=100, max_iter=10000, random_state=SEED)


def forest():
    """The forest of OBP's examples."""
    return RandomForestClassifier(n_estimators=30, max_depth=5, min_samples_leaf=10, random_state=SEED)


def boosted():
    """The boosted trees of OBP's examples."""
    return GradientBoostingClassifier(
        n_estimators=30, learning_rate=0.01, max_depth=5, min_samples_leaf=10, random_state=SEED
    )


def estimators():
    """OBP's estimators with the candidates of its examples."""
    return [
        DirectMethod(),
        InverseProbabilityWeighting(),
        SelfNormalizedInverseProbabilityWeighting(),
        DoublyRobust(),
        SelfNormalizedDoublyRobust(),
        SwitchDoublyRobustTuning(lambdas=LAMBDAS),
        DoublyRobustWithShrinkageTuning(lambdas=LAMBDAS),
    ]


def synthetic(seed):
    """As in OBP's examples/synthetic: 10,000 rounds, 30 actions, 5 features, beta −3, logistic regressions."""
    world = SyntheticBanditDataset(
        n_actions=30, dim_context=5, reward_function=logistic_reward_function, beta=-3, random_state=seed
    )
    policy = IPWLearner(n_actions=30, base_classifier=logistic())
    train = world.obtain_batch_bandit_feedback(n_rounds=10000)
    test = world.obtain_batch_bandit_feedback(n_rounds=10000)
    policy.fit(context=train["context"], action=train["action"], reward=train["reward"], pscore=train["pscore"])
    target = policy.predict_proba(context=test["context"])
    truth = world.calc_ground_truth_policy_value(expected_reward=test["expected_reward"], action_dist=target)
    return test, target, truth, world.action_context, logistic(), test["expected_reward"]


def digits(seed):
    """As in OBP's examples/multiclass: digits, 70 % evaluated, behaviour 0.4 logistic, evaluated 0.9 random forest."""
    x, y = load_digits(return_X_y=True)
    world = MultiClassToBanditReduction(X=x, y=y, base_classifier_b=logistic(), alpha_b=0.4, dataset_name="digits")
    world.split_train_eval(eval_size=0.7, random_state=seed)
    test = world.obtain_batch_bandit_feedback(random_state=seed)
    target = world.obtain_action_dist_by_eval_policy(base_classifier_e=forest(), alpha_e=0.9)
    truth = world.calc_ground_truth_policy_value(action_dist=target)
    return test, target, truth, None, boosted(), world.y_full_ev


def run(world, first, last, folder):
    """One npz a seed."""
    for seed in range(first, last):
        test, target, truth, action_context, model, expected = world(seed)
        regression = RegressionModel(n_actions=test["n_actions"], action_context=action_context, base_model=model)
        predicted = regression.fit_predict(
            context=test["context"], action=test["action"], reward=test["reward"], n_folds=3, random_state=SEED
        )
        ope = OffPolicyEvaluation(bandit_feedback=test, ope_estimators=estimators())
        values = ope.estimate_policy_values(action_dist=target, estimated_rewards_by_reg_model=predicted)
        with_truth = DoublyRobust().estimate_policy_value(
            reward=test["reward"],
            action=test["action"],
            pscore=test["pscore"],
            action_dist=target,
            estimated_rewards_by_reg_model=np.asarray(expected, dtype=float)[:, :, None],
        )
        np.savez(
            folder / f"{seed}.part.npz",
            action=test["action"],
            reward=test["reward"],
            pscore=test["pscore"],
            logging=test["pi_b"][:, :, 0],
            context=test["context"],
            target=target[:, :, 0],
            truth=truth,
            estimates=np.array([values[name] for name in sorted(values)]),
            names=np.array(sorted(values)),
            dr_with_true_model=with_truth,
        )
        (folder / f"{seed}.part.npz").rename(folder / f"{seed}.npz")


def main():
    """See above."""
    kind = sys.argv[1]
    if kind in {"synthetic", "digits"}:
        run({"synthetic": synthetic, "digits": digits}[kind], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
        return
    campaign, file, folder = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    n_actions = {"men": 34, "women": 46}[campaign]
    policy = BernoulliTS(n_actions=n_actions, len_list=3, is_zozotown_prior=True, campaign=campaign, random_state=SEED)
    bts = policy.compute_batch_action_dist(n_sim=100000, n_rounds=1)[0]  # (A, 3), the same in every round
    found = {"bts": bts}
    for log in ("random", "bts"):
        with np.load(file.parent / f"{campaign}-{log}.npz") as data:
            feedback = {name: data[name] for name in ("action", "position", "reward", "pscore", "context")}
        feedback |= {"n_rounds": len(feedback["action"]), "n_actions": n_actions}
        other = bts if log == "random" else np.full((n_actions, 3), 1 / n_actions)
        target = np.broadcast_to(other, (feedback["n_rounds"], n_actions, 3))
        regression = RegressionModel(n_actions=n_actions, len_list=3, base_model=logistic())
        predicted = regression.fit_predict(
            context=feedback["context"],
            action=feedback["action"],
            reward=feedback["reward"],
            pscore=feedback["pscore"],
            position=feedback["position"],
            action_dist=target,
            n_folds=3,
            random_state=SEED,
        )
        ope = OffPolicyEvaluation(bandit_feedback=feedback, ope_estimators=estimators())
        values = ope.estimate_policy_values(action_dist=target, estimated_rewards_by_reg_model=predicted)
        found |= {f"{log}_estimates": np.array([values[n] for n in sorted(values)]), "names": np.array(sorted(values))}
    np.savez(folder / f"{campaign}-obp.npz", **found)


main()
