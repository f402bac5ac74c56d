"""What the feedback on a slate says of its arms: three assumptions about how users look at one, each as updates.

A bandit takes them one by one: ``for credit in cascade(arms, clicks): bandit.update(context, credit.arm, credit.reward,
propensity=…, weight=credit.weight)``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from penchant.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One update: the place on the slate, counted from 0, its arm, the reward and how much it counts."""

    place: int
    arm: str
    reward: float
    weight: float = 1.0


def additive(arms: Sequence[str], rewards: Sequence[float]) -> tuple[Credit, ...]:
    """Each place earns by itself, and what it earned is seen (semi-bandit feedback; Kveton et al. 2015b):

        E[R | slate] = Σ_k q(x, a_k),    credits (a_k, r_k)

    Fails where arms of a slate change one another's rewards (two of a kind share one click; a bad first place ends the
    visit), and where lower places are seen less: their arms are then held for bad.
    """
    _check(arms, rewards)
    return tuple(
        Credit(place=k, arm=arm, reward=float(reward))
        for k, (arm, reward) in enumerate(zip(arms, rewards, strict=True))
    )


def cascade(arms: Sequence[str], clicks: Sequence[float], *, last: bool = False) -> tuple[Credit, ...]:
    """Users look from the top and stop at the first click (Craswell et al. 2008; Kveton et al. 2015a):

        P(click on k | slate) = q(a_k) Π_{j<k} (1 − q(a_j)),    credits (a_j, 0) above the click, (a_k, 1), none below

    All places are credited 0 without a click. With `last` users may go on after a click, and what is above the last one
    was seen (a simple form of the dependent click model, Guo et al. 2009). Fails where users jump (grids, pictures), or
    give up without a click: unseen arms are then held for bad.
    """
    _check(arms, clicks, unit=True)
    clicked = [k for k, click in enumerate(clicks) if click > 0]
    end = len(arms) if not clicked else (clicked[-1] if last else clicked[0]) + 1
    return tuple(Credit(place=k, arm=arms[k], reward=float(clicks[k])) for k in range(end))


def position_based(arms: Sequence[str], clicks: Sequence[float], *, examined: Sequence[float]) -> tuple[Credit, ...]:
    """Place k is looked at with probability θ_k, whatever is there (Richardson et al. 2007; Lagrée et al. 2016):

        P(click on k | slate) = θ_k q(a_k),    credits (a_k, r_k / θ_k) that weigh θ_k

    so that a weighed mean, ``Σ clicks / Σ θ``, is unbiased for q. One click at a place seldom seen counts as more than
    one success in few trials: a mean of few may exceed 1. Fails where θ depends on what is above (a good first place
    ends the search), and where θ was fitted to a log in which good arms were always above. θ in (0, 1].
    """
    _check(arms, clicks, unit=True)
    if len(examined) < len(arms) or not all(0 < theta <= 1 for theta in examined):
        raise DataError(
            f"{list(examined)} are no probabilities of {len(arms)} places to be looked at.",
            hint="Give one in (0, 1] for each place.",
        )
    return tuple(
        Credit(place=k, arm=arm, reward=float(click) / float(theta), weight=float(theta))
        for k, (arm, click, theta) in enumerate(zip(arms, clicks, examined, strict=False))
    )


def _check(arms: Sequence[str], rewards: Sequence[float], *, unit: bool = False) -> None:
    if len(arms) != len(rewards):
        raise DataError(f"{len(arms)} arms were shown, and {len(rewards)} rewards came.", hint="Give one per place.")
    if len(set(arms)) != len(arms):
        raise DataError(f"An arm is on the slate twice: {', '.join(arms)}.", hint="Give each arm once.")
    if unit and not all(0 <= reward <= 1 for reward in rewards):
        raise DataError(f"{list(rewards)} are no clicks, which are in [0, 1].", hint="Give 0 and 1.")
