"""Small worlds whose right answers are known: single choices, and slates that are read from the top."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from penchant.evaluation.off_policy.dataset import LoggedBandit
from penchant.evaluation.off_policy.estimates import Estimate
from penchant.evaluation.off_policy.replaying import arms_of
from penchant.exploration.policies.catalogue import POLICIES
from penchant.exploration.slate import choose
from penchant.feedback.attribution import Rewarded
from penchant.interfaces import Arms, Policy
from penchant.records import Decision, Event, LoggedSlot

HOUR = 3_600_000_000
SCORES = (1.0, 0.6, 0.3, 0.0)
ATTRACTION = (0.35, 0.5, 0.1, 0.3)
"""The item the scores put second is the one users like best."""


@dataclass(frozen=True)
class SingleChoices:
    """Two kinds of contexts, actions with a known click probability in each."""

    log: LoggedBandit
    target: np.ndarray
    value: float
    clicks: np.ndarray
    """(N, A) true probabilities"""
    logging: np.ndarray
    """(N, A)"""
    context: np.ndarray
    """(N, 1)"""


def single_choices(*, rounds: int = 4000, seed: int = 0, logging: np.ndarray | None = None) -> SingleChoices:
    """The target leans to the better action of each context; the log to the worse."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 2, size=rounds)
    clicks = np.array([[0.7, 0.2, 0.4], [0.1, 0.6, 0.3]])[kind]
    chances = np.array([[0.2, 0.5, 0.3], [0.5, 0.3, 0.2]])[kind] if logging is None else logging[kind]
    target = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])[kind]
    actions = (chances.cumsum(axis=1) > rng.random((rounds, 1))).argmax(axis=1)
    at = np.arange(rounds), actions
    log = LoggedBandit.of(
        actions=actions,
        rewards=(rng.random(rounds) < clicks[at]).astype(float),
        propensities=chances[at],
        n_actions=3,
        logging=chances,
        context=kind[:, None].astype(float),
    )
    value = float(
        (np.array([[0.7, 0.2, 0.4], [0.1, 0.6, 0.3]]) * np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])).sum() / 2
    )
    context = kind[:, None].astype(float)
    return SingleChoices(log=log, target=target, value=value, clicks=clicks, logging=chances, context=context)


def told(found: Estimate) -> float:
    """The value of an estimate that was not refused."""
    assert found.value is not None, found.refused
    return found.value


def click_chances(order: tuple[int, ...] | list[int]) -> list[float]:
    """A cascade: a place is looked at unless a place above was clicked; then its item is clicked by its attraction."""
    looked, found = 1.0, []
    for n in order:
        found.append(looked * ATTRACTION[n])
        looked *= 1 - ATTRACTION[n]
    return found


def arms() -> Arms:
    """The candidates of every decision of `decisions`."""
    return arms_of(_decision("s", 0, (), 0, "softmax"))


def slate_value(policy: Policy, k: int, *, draws: int = 1) -> float:
    """Clicks of a slate under a policy, by going through all slates; a policy that draws is averaged over draws."""
    size, total = len(SCORES), 0.0
    for draw in range(draws):
        for order in permutations(range(size), k):
            turn = policy.begin(arms(), k, rng=np.random.default_rng(draw))
            still, chance = np.ones(size, dtype=np.bool_), 1.0
            for n in order:
                chance *= float(turn.probabilities(still, np.zeros(size))[n])
                if chance == 0:
                    break
                turn.take(n)
                still[n] = False
            total += chance * sum(click_chances(order)) if chance else 0.0
    return total / draws


def logger(temperature: float = 0.7) -> Policy:
    """What served the log."""
    return POLICIES.build("softmax", {"temperature": temperature})


def decisions(
    n: int = 600, *, k: int = 2, users: int | None = None, seed: int = 0
) -> tuple[list[Decision], list[Event]]:
    """Decisions of `logger` and the clicks an hour later; where users are fewer than decisions they come again."""
    rng, policy = np.random.default_rng(seed), logger()
    made, events = [], []
    for number in range(n):
        choice = choose(policy, arms(), k, rng=rng)
        slots = tuple(
            LoggedSlot(item_id=f"i{item}", position=place + 1, propensity=float(p), prefix_propensity=float(whole))
            for place, (item, p, whole) in enumerate(
                zip(choice.order, choice.propensities, choice.prefix_propensities, strict=True)
            )
        )
        decision = _decision(f"s{number}", number, slots, number % (users or n), "softmax")
        made.append(decision)
        for slot, item in zip(slots, choice.order.tolist(), strict=True):
            if rng.random() < ATTRACTION[item]:
                events.append(
                    Event(
                        user_id=decision.user_id,
                        item_id=slot.item_id,
                        event_type="click",
                        timestamp=decision.decided_at + HOUR,
                        event_id=f"e{number}",
                        slate_id=decision.slate_id,
                    )
                )
                break
    return made, events


def rewarded(n: int = 600, *, k: int = 2, users: int | None = None, seed: int = 0) -> list[Rewarded]:
    """The same, joined."""
    from penchant.feedback.attribution import attribute

    return attribute(*decisions(n, k=k, users=users, seed=seed))[0]


def _decision(slate: str, number: int, slots: tuple[LoggedSlot, ...], user: int, policy: str) -> Decision:
    return Decision(
        slate_id=slate,
        user_id=f"u{user}",
        decided_at=1_700_000_000_000_000 + number * HOUR,
        policy=policy,
        policy_version="1",
        bundle="b@1",
        slots=slots,
        seed=number,
        eligible=tuple(f"i{n}" for n in range(len(SCORES))),
        scores=SCORES,
        variances=(0.04,) * len(SCORES),
        context={"device": "phone" if number % 2 else "desk", "hour": float(number % 24)},
        request_id=f"r{number}",
    )
