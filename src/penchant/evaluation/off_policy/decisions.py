"""Questions put to a feedback log: logged decisions with their rewards, and a policy."""

from collections.abc import Mapping, Sequence

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.question import Question
from penchant.evaluation.off_policy.replaying import (
    Asked,
    ReplayConfig,
    Replayed,
    features_of,
    order_of,
    place_marginals,
    replay,
)
from penchant.evaluation.off_policy.slate_models import cross_fit_slates
from penchant.evaluation.off_policy.slates import LoggedSlates, SlateQuestion
from penchant.feedback.attribution import Rewarded
from penchant.feedback.exchange import context_columns
from penchant.types import DoubleArray


def logged_slates(
    rewarded: Sequence[Rewarded],
    *,
    logging_policy: Asked | None = None,
    version: str | None = None,
    config: ReplayConfig | None = None,
) -> LoggedSlates:
    """The slates of a log. With the policy that logged, their slot marginals too; `version` keeps those that one
    version of a policy decided. Slates of one user stay together where intervals are drawn.
    """
    if not rewarded:
        raise DataError("There is no decision that can be used.", hint="See the report for what was left out, and why.")
    if logging_policy is not None and (meant := [one for one in rewarded if version in {None, version_of(one)}]):
        check_logger(meant, logging_policy, config)
    places = max(len(one.decision.slots) for one in rewarded)
    rewards, propensities = np.zeros((len(rewarded), places)), np.ones((len(rewarded), places))
    for n, one in enumerate(rewarded):
        size = len(one.rewards)
        rewards[n, :size] = one.rewards
        propensities[n, :size] = [slot.propensity for slot in one.decision.slots]
    return LoggedSlates.of(
        rewards=rewards,
        propensities=propensities,
        marginals=None if logging_policy is None else place_marginals(rewarded, logging_policy, config),
        owners=np.array([one.decision.user_id for one in rewarded], dtype=object),
        versions=np.array([version_of(one) for one in rewarded], dtype=object),
        version=version,
    )


def check_logger(rewarded: Sequence[Rewarded], policy: Asked, config: ReplayConfig | None = None) -> None:
    """Refuse a policy that did not log this: `DataError` where its probabilities of what was served are not those in
    the log; of one that draws, whose probabilities are means over draws, where none of them would have served it.
    """
    asked = replay(rewarded, policy, config)
    for n, one in enumerate(rewarded):
        if asked.error > 0:
            if asked.prefixes[n, -1] > 0:
                continue
            raise DataError(
                f"The policy named as the logging one would not have served slate {one.decision.slate_id!r} in any "
                "of its draws.",
                hint="Name the policy that served, with its settings, or none.",
            )
        said = one.decision.slots[-1].prefix_propensity
        if not np.isclose(asked.prefixes[n, -1], said, rtol=1e-6, atol=1e-12):
            raise DataError(
                f"The policy named as the logging one gives slate {one.decision.slate_id!r} probability "
                f"{asked.prefixes[n, -1]:.4g}; the log says {said:.4g}.",
                hint="Name the policy that served, with its settings, or none.",
            )


def version_of(one: Rewarded) -> str:
    """The policy that decided, as ``name@version``."""
    return f"{one.decision.policy}@{one.decision.policy_version}"


def slate_question(
    log: LoggedSlates,
    rewarded: Sequence[Rewarded],
    policy: Asked,
    *,
    config: ReplayConfig | None = None,
    with_marginals: bool = False,
    folds: int = 3,
) -> tuple[SlateQuestion, Replayed]:
    """What the policy would have earned over all places. A log of fewer users than folds gets no reward model."""
    config = config or ReplayConfig()
    kept = [rewarded[n] for n in log.rounds.tolist()]
    asked = replay(kept, policy, config)
    predicted = expected = None
    if log.owners is None or len(np.unique(log.owners)) >= folds:
        predicted, expected = cross_fit_slates(
            log.rewards, asked, context=_context(kept), owners=log.owners, folds=folds, seed=config.seed
        )
    question = SlateQuestion(
        log=log,
        prefixes=asked.prefixes,
        marginals=place_marginals(kept, policy, config) if with_marginals else None,
        predicted=predicted,
        expected=expected,
    )
    return question, asked


def first_place(
    rewarded: Sequence[Rewarded], log: LoggedSlates, asked: Replayed, *, predicted: DoubleArray | None = None
) -> Question:
    """The first places as single choices: the reward of place 1 alone. An action is a place among the eligible of its
    own decision; items that were not eligible are nobody's to choose.
    """
    bandit = first_places(rewarded, log)
    return Question(log=bandit, target=asked.first, predicted=predicted)


def concept_question(
    rewarded: Sequence[Rewarded],
    log: LoggedSlates,
    asked: Replayed,
    served: Replayed | None,
    concepts: Mapping[str, str] | None,
) -> Question:
    """The first places with the concept of each candidate, for MIPS. `served` is what the policy that logged says of
    the same decisions, `concepts` the main concept of items by id; an item without one is a concept by itself.

    `DataError` where one of these is None, no eligible item has a concept, or the draws of the policy that logged never
    came to what it served.
    """
    if concepts is None:
        raise DataError("It needs to know each item's concept.", hint="Name the bundle that served: --bundle BUNDLE.")
    if served is None:
        raise DataError(
            "It needs what the policy that served gave to every eligible item.",
            hint="Name that policy: --logging-policy NAME.",
        )
    kept = [rewarded[n] for n in log.rounds.tolist()]
    eligible = {item for one in kept for item in one.decision.eligible}
    if eligible.isdisjoint(concepts):
        raise DataError(
            f"None of the {len(eligible):,} items of the log has a concept in the bundle.",
            hint="Give the bundle that served, or one of the same catalogue.",
        )
    bandit = first_places(rewarded, log, served=served)
    number_of = {item: n for n, item in enumerate(sorted(eligible))}
    code_of: dict[tuple[bool, str], int] = {}
    items, codes = np.full((2, len(kept), bandit.n_actions), -1, dtype=np.int64)
    for n, one in enumerate(kept):
        size = len(one.decision.eligible)
        items[n, :size] = [number_of[item] for item in one.decision.eligible]
        keys = [(item in concepts, concepts.get(item, item)) for item in one.decision.eligible]
        codes[n, :size] = [code_of.setdefault(key, len(code_of)) for key in keys]
    return Question(log=bandit, target=asked.first, concepts=codes, items=items)


def first_places(rewarded: Sequence[Rewarded], log: LoggedSlates, *, served: Replayed | None = None) -> LoggedBandit:
    """The log of first places, with each candidate's own features; with what the policy that logged says of the same
    decisions, its whole distribution too. Of a policy that draws, that and the propensities are means over its draws.
    """
    kept = [rewarded[n] for n in log.rounds.tolist()]
    widest = max(len(one.decision.eligible) for one in kept)
    features = np.zeros((len(kept), widest, features_of(kept[0].decision).shape[1] - 1))
    for n, one in enumerate(kept):
        features[n, : len(one.decision.eligible)] = features_of(one.decision)[:, 1:]
    actions, propensities = np.array([order_of(one.decision)[0] for one in kept]), log.propensities[:, 0]
    if served is not None and served.error > 0:
        propensities = served.first[np.arange(len(kept)), actions]
        unlikely = int((propensities == 0).sum())
        if unlikely:
            raise DataError(
                f"In {unlikely} of {len(kept)} decisions the logging policy's draws never came to what was served.",
                hint="Ask for more draws.",
            )
    return LoggedBandit.of(
        actions=actions,
        rewards=log.rewards[:, 0],
        propensities=propensities,
        n_actions=widest,
        logging=None if served is None else served.first,
        context=_context(kept),
        action_features=features,
        owners=log.owners,
    )


def _context(kept: Sequence[Rewarded]) -> DoubleArray | None:
    names, table = context_columns([one.decision.context for one in kept])
    return table if names else None
