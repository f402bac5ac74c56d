"""Matrix products in 8-bit integers, which processors with VNNI instructions do several times as fast as in float32."""

import torch
from torch import Tensor

KEPT = 16
"""Input columns that stay in float32 where a layer's inputs have some that are out of scale."""

_LOWEST = -0.1701
"""The least value of GELU, exact or approximated."""


class Int8Linear:
    """x W + b, x (T, K) and W (K, N), with each row of x and each column of W rounded to 8 bits by a scale of its own.

    y_tn = s_t w_n Σ_k q_tk p_kn + Σ_kept x_tk W_kn + b_n, where s_t q_t is x_t but for its kept columns and w_n p_n is
    W's column. The sum over k is exact. Columns that are `kept` are few and large: beside them a row's scale would
    leave no bits for the others (Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
    2022).
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, sizes: Tensor | None = None, keep: int = KEPT) -> None:
        """`sizes` (K,) tells how large each input column gets, by which the kept ones are chosen; None keeps none."""
        self.kept = torch.topk(sizes, min(keep, len(sizes))).indices if sizes is not None else None
        if self.kept is not None:
            self.rounded = torch.ones(len(weight)).index_fill_(0, self.kept, 0.0)
            # The bias is one more kept row, met by a column of ones: adding it on its own would be one more pass.
            self.exact = torch.cat([weight[self.kept], bias[None]]).contiguous()
            weight = weight * self.rounded[:, None]
        self.weight, self.scale = _rounded(weight)
        self.bias = bias

    def __call__(self, x_TK: Tensor, /) -> Tensor:  # noqa: D102
        small = x_TK if self.kept is None else x_TK * self.rounded
        reach = torch.maximum(small.amax(1, keepdim=True), small.amin(1, keepdim=True).neg_()).clamp_(min=1e-9)
        product = torch._int_mm((small * (127 / reach)).round_().to(torch.int8), self.weight).float()
        product.mul_(reach / 127)
        if self.kept is None:
            return torch.addcmul(self.bias, product, self.scale)
        large = torch.cat([x_TK.index_select(1, self.kept), x_TK.new_ones(len(x_TK), 1)], 1)
        return (large @ self.exact).addcmul_(product, self.scale)


class Int8AfterGelu:
    """`Int8Linear` for what GELU gives: all 256 steps lie between its least value and the row's greatest.

    It takes x for its own and writes over it.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.scale = _rounded(weight)
        self.bias, self.sums = bias, self.scale * self.weight.float().sum(0)

    def __call__(self, x_TK: Tensor, /) -> Tensor:  # noqa: D102
        step = (x_TK.amax(1, keepdim=True) - _LOWEST).div_(255)
        rounded = x_TK.mul_(1 / step).sub_(_LOWEST / step + 128).round_().to(torch.int8)
        product = torch._int_mm(rounded, self.weight).float().mul_(step).mul_(self.scale)
        return product.add_(self.bias).addcmul_(128 * step + _LOWEST, self.sums)


def _rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Integers from -127 to 127, (K, N), laid out by columns, and each column's scale, (N,)."""
    scale = weight.abs().amax(0).clamp_(min=1e-12) / 127
    return (weight / scale).round().to(torch.int8).t().contiguous().t(), scale
