"""Losses over items: softmax over the whole catalogue, or over a sample corrected for how it was drawn.

Logits are dot products ``s_nj = u_n · z_j`` of N user states (N, D) with I item vectors (I, D).
"""

import math
from typing import Any

import torch
from torch import Tensor

ROWS = 256
"""States handled at once by the full softmax: 256 × 12,000 logits are 12 MB, about a processor's cache."""


def full_softmax_loss(states_ND: Tensor, items_ID: Tensor, targets_N: Tensor) -> Tensor:
    """Mean cross-entropy over all items, a scalar in nats.

    ``ℓ = (1/N) Σ_n [ log Σ_j exp(u_n · z_j) − u_n · z_{y_n} ]``

    Worked: one state ``u = (1, 0)``, items ``(ln 3, 0)`` and ``(0, 5)``, target 0: logits ``ln 3`` and ``0``, so
    ``ℓ = ln(3 + 1) − ln 3 = ln(4/3) = 0.28768``.

    The (N, I) logits never exist at once: value and gradient are made together, a block of rows at a time, and in place
    (the gradient of a softmax is the softmax minus the target).
    """
    loss: Tensor = _FullSoftmax.apply(states_ND, items_ID, targets_N)  # type: ignore[no-untyped-call]
    return loss


class _FullSoftmax(torch.autograd.Function):
    """`full_softmax_loss` with its gradient computed in the forward pass."""

    @staticmethod
    def forward(ctx: Any, states_ND: Tensor, items_ID: Tensor, targets_N: Tensor) -> Tensor:
        """Loss; keeps both gradients."""
        n = len(states_ND)
        to_states, to_items = torch.empty_like(states_ND), torch.zeros_like(items_ID)
        total = torch.zeros((), dtype=torch.float64)
        for start in range(0, n, ROWS):
            block = slice(start, min(start + ROWS, n))
            states, targets = states_ND[block], targets_N[block]
            rows = torch.arange(len(targets), device=targets.device)
            logits = states @ items_ID.T  # (rows, I)
            wanted = logits[rows, targets].clone()
            highest = logits.amax(dim=1, keepdim=True)
            weights = logits.sub_(highest).exp_()
            mass = weights.sum(dim=1, keepdim=True)
            total += (mass.log() + highest).sum().double().cpu() - wanted.sum().double().cpu()
            weights.div_(mass)
            weights[rows, targets] -= 1.0
            torch.mm(weights, items_ID, out=to_states[block])
            to_items.addmm_(weights.T, states)
        ctx.save_for_backward(to_states.div_(n), to_items.div_(n))
        return (total / n).to(states_ND)

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[Tensor, Tensor, None]:
        """Gradients for states and items."""
        to_states, to_items = ctx.saved_tensors
        return to_states * upstream[0], to_items * upstream[0], None


def sampled_softmax_loss(
    states_ND: Tensor, items_ID: Tensor, targets_N: Tensor, negatives_S: Tensor, log_q_I: Tensor
) -> Tensor:
    """Mean cross-entropy over the target and S shared negatives drawn with replacement from q, a scalar in nats.

    ``ℓ = (1/N) Σ_n [ log( e^{s_ny} + Σ_{j in S, j ≠ y} e^{s_nj − log(S q_j)} ) − s_ny ]``

    The bracket's inner sum has the whole catalogue's sum as its mean whatever q is, so drawing popular items more often
    does not push them down (Bengio and Senécal 2003). A negative that is the target counts nothing.

    Worked: ``u = (1, 0)``, items ``(ln 3, 0)``, ``(0, 5)``, target 0, one negative: item 1, ``q_1 = 1/4``: its logit is
    ``0 − ln(1 · 1/4) = ln 4``, so ``ℓ = ln(3 + 4) − ln 3 = ln(7/3) = 0.84730``.

    `log_q_I` is the log of each item's chance to be drawn (−inf only for items that never are).
    """
    wanted = (states_ND * items_ID[targets_N]).sum(dim=1)
    corrected = states_ND @ items_ID[negatives_S].T - (log_q_I[negatives_S] + math.log(len(negatives_S)))  # (N, S)
    corrected = corrected.masked_fill(negatives_S[None, :] == targets_N[:, None], float("-inf"))
    everything = torch.logsumexp(torch.cat([wanted[:, None], corrected], dim=1), dim=1)
    return (everything - wanted).mean()
