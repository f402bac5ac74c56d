"""Which few questions tell most about a user of whom little is known: Bayesian experimental design.

The new user is taken to be like one of K users of the population, each with prior π_k. To a question q, "do you like
this?", one like user k says yes with probability θ_kq, whatever he says to the others. After answers y,

    π_k ∝ π_k Π_q θ_kq^{y_q} (1 − θ_kq)^{1 − y_q}

and what a set Q of questions is expected to tell, in nats, is the entropy of π less what is left of it on average,

    I(Q) = H(answers to Q) − Σ_k π_k Σ_{q in Q} h(θ_kq),        h(p) = −p ln p − (1 − p) ln(1 − p)

with the answers' entropy summed over all 2^|Q| answers: exact for this model. Questions are taken one by one, each the
one that adds most; since I is monotone and submodular, n such questions tell at least 1 − 1/e of what the best n would
(Nemhauser, Wolsey and Fisher 1978). With θ near 0 and 1 this is generalised binary search (Nowak 2011); the criterion
is Lindley's (1956). Caveat: answers of one person are independent only given whom he is like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from penchant.errors import DataError
from penchant.types import AnyArray, BoolArray, DoubleArray, IntArray

Rows = AnyArray | Sequence[float]

MOST_QUESTIONS = 10
"""In a batch: the answers are counted out, 2^n of them."""
DOUBT = 0.05
"""No answer is surer than this: people mistake themselves, and no user of the population is the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """The questions of a batch, the first first."""

    questions: IntArray
    """(n,)"""
    gains: DoubleArray
    """(n,) nats that each adds to those before it"""
    chances: DoubleArray
    """(n,) of a yes, before any answer"""
    unknown: float
    """H(π), nats: what there is to be told"""


def doubted(chances: AnyArray, doubt: float = DOUBT) -> DoubleArray:
    """Probabilities of a yes that leave room for mistakes: ``doubt + (1 − 2 doubt) p``. `DataError` outside [0, 1]."""
    found = np.asarray(chances, dtype=np.float64)
    if not np.isfinite(found).all() or (found < 0).any() or (found > 1).any():
        raise DataError("Chances of a yes lie between 0 and 1, and others came.", hint="Give probabilities.")
    return doubt + (1 - 2 * doubt) * found


def posterior(prior_K: DoubleArray, chances_KQ: DoubleArray, asked: Rows, answers: Rows) -> DoubleArray:
    """π after answers (1 yes, 0 no) to the questions `asked`, (K,). `DataError` for what is no answer."""
    said = np.asarray(answers, dtype=np.float64)
    if len(said) != len(asked) or not np.isin(said, (0.0, 1.0)).all():
        raise DataError("Each question has an answer of 1 or 0.", hint="Leave out questions that were not answered.")
    theta = chances_KQ[:, np.asarray(asked, dtype=np.int64)]
    with np.errstate(divide="ignore"):  # a prior or a chance of 0 rules a user out
        logs = np.log(prior_K) + (np.log(theta) * said + np.log1p(-theta) * (1 - said)).sum(axis=1)
    if not np.isfinite(logs).any():
        raise DataError("Nobody of the population can have answered so.", hint="Leave doubt: see `doubted`.")
    raised = np.exp(logs - logs.max())
    return np.asarray(raised / raised.sum())


def information(prior_K: DoubleArray, chances_KQ: DoubleArray, questions: Rows) -> float:
    """I(Q) of a set of questions, in nats: exact, over all 2^|Q| answers."""
    joint = _answered(prior_K[None], chances_KQ, np.asarray(questions, dtype=np.int64))
    rows = chances_KQ[:, np.asarray(questions, dtype=np.int64)]
    return float(entr(joint.sum(axis=1)).sum() - prior_K @ _binary(rows).sum(axis=1))


def pick(prior_K: DoubleArray, chances_KQ: DoubleArray, n: int, *, open_Q: BoolArray | None = None) -> Picked:
    """The n questions that tell most, greedily; fewer where fewer are open or the others tell nothing.

    O(n K Q 2^n). `DataError` for more than `MOST_QUESTIONS`, and for a prior that does not add up.
    """
    if not 1 <= n <= MOST_QUESTIONS:
        raise DataError(f"{n} questions were asked for.", hint=f"Ask for 1 to {MOST_QUESTIONS} at a time.")
    if not np.isclose(prior_K.sum(), 1.0) or (prior_K < 0).any():
        raise DataError("The prior does not add up to 1.", hint="Divide it by its sum.")
    left = np.ones(chances_KQ.shape[1], dtype=np.bool_) if open_Q is None else open_Q.copy()
    noise_Q = prior_K @ _binary(chances_KQ)
    joint, told = prior_K[None], 0.0
    chosen: list[int] = []
    gains: list[float] = []
    while len(chosen) < n and left.any():
        yes = joint @ chances_KQ  # (answers so far, Q)
        no = joint.sum(axis=1, keepdims=True) - yes
        entropy = entr(yes).sum(axis=0) + entr(np.maximum(no, 0.0)).sum(axis=0)
        gain = np.where(left, entropy - entr(joint.sum(axis=1)).sum() - noise_Q, -np.inf)
        best = int(gain.argmax())
        if gain[best] <= 1e-12:
            break
        left[best] = False
        chosen.append(best)
        gains.append(float(gain[best]))
        told += gains[-1]
        joint = _answered(joint, chances_KQ, np.array([best]))
    questions = np.array(chosen, dtype=np.int64)
    return Picked(
        questions=questions,
        gains=np.array(gains),
        chances=prior_K @ chances_KQ[:, questions],
        unknown=float(entr(prior_K).sum()),
    )


def _answered(joint_AK: DoubleArray, chances_KQ: DoubleArray, questions: IntArray) -> DoubleArray:
    """p(answers, k) with more questions answered, (A 2^n, K)."""
    for q in questions.tolist():
        theta = chances_KQ[:, q]
        joint_AK = np.concatenate([joint_AK * theta, joint_AK * (1 - theta)])
    return joint_AK


def _binary(p: DoubleArray) -> DoubleArray:
    return np.asarray(entr(p) + entr(1 - p))
