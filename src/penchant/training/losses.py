"""Losses over items: softmax over the whole catalogue, or over a sample corrected for how it was drawn; pairs;
wanted against unwanted; and a whole history at once.

In the first two logits are dot products ``s_nj = u_n · z_j`` of N user states (N, D) with I item vectors (I, D).
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from penchant.training.precision import not_cast

ROWS = 256
"""States handled at once: 256 × 12,000 logits are 12 MB, about a processor's cache."""
NOWHERE = -1
REDUCED = (torch.bfloat16, torch.float16)


def full_softmax_loss(states_ND: Tensor, items_ID: Tensor, targets_N: Tensor) -> Tensor:
    """Mean cross-entropy over all items, a scalar in nats.

    ``ℓ = (1/N) Σ_n [ log Σ_j exp(u_n · z_j) − u_n · z_{y_n} ]``

    Worked: one state ``u = (1, 0)``, items ``(ln 3, 0)`` and ``(0, 5)``, target 0: logits ``ln 3`` and ``0``, so
    ``ℓ = ln(3 + 1) − ln 3 = ln(4/3) = 0.28768``.
    """
    corrections = states_ND.new_zeros(len(items_ID))
    return _softmax(states_ND, items_ID[targets_N], items_ID, corrections, targets_N)


def sampled_softmax_loss(
    states_ND: Tensor, items_ID: Tensor, targets_N: Tensor, negatives_S: Tensor, log_q_I: Tensor
) -> Tensor:
    """Mean cross-entropy over the target and S shared negatives drawn with replacement from q, a scalar in nats.

    ``ℓ = (1/N) Σ_n [ log( e^{s_ny} + Σ_{j in S, j ≠ y} e^{s_nj − log(S q_j)} ) − s_ny ]``

    The inner sum has the sum over the whole catalogue as its mean whatever q is, so drawing popular items more often
    does not push them down (Bengio and Senécal 2003). A negative that is the target counts nothing.

    Worked: ``u = (1, 0)``, items ``(ln 3, 0)``, ``(0, 5)``, target 0, one negative: item 1, ``q_1 = 1/4``: its logit is
    ``0 − ln(1 · 1/4) = ln 4``, so ``ℓ = ln(3 + 4) − ln 3 = ln(7/3) = 0.84730``.

    `log_q_I` is the log of each item's chance to be drawn; it is read for the negatives only.
    """
    # What was drawn c times is one candidate with log c more: the same sum, in a popular catalogue of half the terms.
    drawn, times = torch.unique(negatives_S, return_counts=True)
    corrections = log_q_I[drawn] + math.log(len(negatives_S)) - times.to(log_q_I.dtype).log()
    places = torch.searchsorted(drawn, targets_N).clamp(max=len(drawn) - 1)
    places = places.where(drawn[places] == targets_N, NOWHERE)
    return _softmax(states_ND, items_ID[targets_N], items_ID[drawn], corrections, places)


def bpr_loss(wanted_N: Tensor, unwanted_N: Tensor) -> Tensor:
    """Bayesian personalised ranking: the wanted item before the unwanted one, a scalar in nats.

    ``ℓ = (1/N) Σ_n −log σ(s_n⁺ − s_n⁻)``  (Rendle et al. 2009), from the scores of N pairs; any equal shapes will do.

    Worked: scores ``ln 3`` and ``0``: ``σ(ln 3) = 3/4``, so ``ℓ = ln(4/3) = 0.28768``.
    """
    return functional.softplus(unwanted_N - wanted_N).mean()


def candidates_softmax_loss(own_N: Tensor, others_NC: Tensor, log_q_C: Tensor, counted_NC: Tensor) -> Tensor:
    """Mean cross-entropy of each state's own item against candidates scored beforehand, a scalar in nats.

    ``ℓ = (1/N) Σ_n [ log( e^{s_n} + Σ_{c counted for n} e^{s_nc − log(M_n q_c)} ) − s_n ]``,  M_n = counted for n

    For scores that are no dot products, and for candidates that are the batch's own targets: those come with the chance
    q of the data, and the correction takes it out again (Yi et al. 2019). It is the estimate of `sampled_softmax_loss`,
    with the choice of who counts left to the caller: a candidate that the user has himself should not.

    Worked: two states, each the other's candidate, own scores ``ln 3`` and ``ln 2``, the other's 0, ``q = (3/4, 1/4)``:
    ``ℓ = ½ [ ln(3 + 4) − ln 3 + ln(2 + 4/3) − ln 2 ] = ½ ln(35/9) = 0.67906``.
    """
    counts = counted_NC.sum(dim=1, keepdim=True).clamp(min=1)
    logits = (others_NC - log_q_C - counts.log()).masked_fill(~counted_NC, float("-inf"))
    return (torch.cat([own_N[:, None], logits], dim=1).logsumexp(dim=1) - own_N).mean()


def sampled_binary_loss(wanted_N: Tensor, unwanted_NS: Tensor, counted_NS: Tensor | None = None) -> Tensor:
    """Each wanted item as 1 and S unwanted ones as 0, by their logits, a scalar in nats for a wanted item.

    ``ℓ = (1/N) Σ_n [ −log σ(s_n) − Σ_{j counted for n} log(1 − σ(s_nj)) ]``

    The log loss of He et al. (2017, eq. 7) and Kang and McAuley (2018, eq. 6). Unlike a softmax it treats each item on
    its own, so its probabilities shift with the number of unwanted items drawn.

    Worked: wanted ``ln 3``, one unwanted 0: ``ℓ = −ln(3/4) − ln(1/2) = ln(8/3) = 0.98083``.
    """
    unwanted = functional.softplus(unwanted_NS)
    if counted_NS is not None:
        unwanted = unwanted * counted_NS
    return functional.softplus(-wanted_N).mean() + unwanted.sum(dim=1).mean()


def multinomial_loss(logits_BI: Tensor, counts_BI: Tensor) -> Tensor:
    """Mean over users of the log likelihood of all their items under one softmax, negated, a scalar in nats.

    ``ℓ = −(1/B) Σ_b Σ_i x_bi log softmax(logits_b)_i``  (Liang et al. 2018, eq. 2)

    Worked: logits ``(ln 3, 0)``, the user has both items: ``ℓ = −ln(3/4) − ln(1/4) = ln(16/3) = 1.67398``.
    """
    return -(counts_BI * logits_BI.log_softmax(dim=1)).sum(dim=1).mean()


def gaussian_divergence(mean_BD: Tensor, log_variance_BD: Tensor) -> Tensor:
    """Kullback–Leibler divergence of Gaussians from the standard one, summed over D, mean over B, in nats.

    ``ℓ = (1/B) Σ_b ½ Σ_d ( μ_bd² + e^{v_bd} − 1 − v_bd )``  (Kingma and Welling 2014, appendix B)

    Worked: D = 1, ``μ = 1``, ``v = 0``: ``ℓ = ½``.
    """
    return 0.5 * (mean_BD.square() + log_variance_BD.exp() - 1.0 - log_variance_BD).sum(dim=1).mean()


def _softmax(
    states_ND: Tensor, wanted_ND: Tensor, candidates_CD: Tensor, corrections_C: Tensor, at_N: Tensor
) -> Tensor:
    """`_Softmax` in float32 or float64: sums of exponentials over a catalogue are too large for fewer digits."""
    made = [
        part.float() if part.dtype in REDUCED else part for part in (states_ND, wanted_ND, candidates_CD, corrections_C)
    ]
    with not_cast(states_ND.device):
        loss: Tensor = _Softmax.apply(*made, at_N)  # type: ignore[no-untyped-call]
    return loss


class _Softmax(torch.autograd.Function):
    """Cross-entropy of each state's wanted vector against candidates shared by all states.

    The (N, candidates) logits never exist at once: value and gradients are made together, a block of rows at a time and
    in place, since the gradient of a softmax is the softmax minus the target.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states_ND: Tensor,
        wanted_ND: Tensor,
        candidates_CD: Tensor,
        corrections_C: Tensor,
        places_N: Tensor,
    ) -> Tensor:
        """Loss; keeps the three gradients. `places_N`: where the wanted item is among the candidates, or `NOWHERE`."""
        n = len(states_ND)
        to_states, to_wanted = torch.empty_like(states_ND), torch.empty_like(wanted_ND)
        to_candidates = torch.zeros_like(candidates_CD)
        total = torch.zeros((), dtype=torch.float64, device=states_ND.device)
        for start in range(0, n, ROWS):
            block = slice(start, min(start + ROWS, n))
            states, wanted, places = states_ND[block], wanted_ND[block], places_N[block]
            own = (states * wanted).sum(dim=1, keepdim=True)  # (rows, 1)
            logits = torch.addmm(corrections_C, states, candidates_CD.T, beta=-1)  # (rows, C)
            rows = (places != NOWHERE).nonzero()[:, 0]
            logits[rows, places[rows]] = float("-inf")
            highest = torch.maximum(logits.amax(dim=1, keepdim=True), own)
            weights = logits.sub_(highest).exp_()
            mass = weights.sum(dim=1, keepdim=True) + (own - highest).exp()
            total += (mass.log() + highest - own).sum()
            weights.div_(mass)
            missing = (own - highest).exp() / mass - 1.0  # softmax of the wanted item, minus the target
            torch.addmm(missing * wanted, weights, candidates_CD, out=to_states[block])
            to_wanted[block] = missing * states
            to_candidates.addmm_(weights.T, states)
        ctx.save_for_backward(to_states.div_(n), to_wanted.div_(n), to_candidates.div_(n))
        return (total / n).to(states_ND)

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[Tensor, Tensor, Tensor, None, None]:
        """Gradients for states, wanted vectors and candidates."""
        to_states, to_wanted, to_candidates = ctx.saved_tensors
        up = upstream[0]
        return to_states * up, to_wanted * up, to_candidates * up, None, None
