import numpy as np
import pytest
import torch
from torch.nn.functional import gelu

from penchant.encoders import huggingface, packed_bert
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.encoders.int8 import Int8AfterGelu, Int8Linear
from penchant.encoders.packed_bert import PackedBert, RoundedBert
from penchant.errors import ConfigError
from penchant.training import precision
from tests.encoders.conftest import MakeEncoder

TEXTS = [
    "A brass lamp for the desk, with a shade of green glass",
    "A blue chair for the garden, with cushions; Furniture, Garden",
    "x " * 40,
]
SHORT = ["red lamp", "lamp", "!", "Ünïcode 中文"]


def exact_product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return left.int() @ right.int()


def forget() -> None:
    precision.int8_pays.cache_clear()
    precision.int8_is_exact.cache_clear()


@pytest.fixture(autouse=True)
def _any_processor(monkeypatch):
    """What is tested here is our arithmetic: where the processor's own product overflows, an exact one stands in."""
    forget()
    if not precision.int8_is_exact():
        monkeypatch.setattr(torch, "_int_mm", exact_product)
    forget()
    yield
    monkeypatch.undo()
    forget()


def by_hand(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The formula of `Int8Linear`, in float64 and row by row."""
    y = np.empty((len(x), weight.shape[1]))
    for t, row in enumerate(x):
        s = np.abs(row).max() / 127
        for n, column in enumerate(weight.T):
            w = np.abs(column).max() / 127
            y[t, n] = s * w * (np.rint(row / s) @ np.rint(column / w)) + bias[n]
    return y


def world(seed: int, *, rows: int = 9, inputs: int = 40, outputs: int = 24) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(*shape, generator=generator) for shape in ((rows, inputs), (inputs, outputs), (outputs,)))


def test_the_product_is_that_of_the_formula():
    x, weight, bias = world(0)
    found = Int8Linear(weight, bias)(x).numpy()
    np.testing.assert_allclose(found, by_hand(x.numpy(), weight.numpy(), bias.numpy()), atol=1e-4)
    assert Int8Linear(weight, bias)(x[:1]).numpy() == pytest.approx(found[:1], abs=1e-6)


def test_a_column_out_of_scale_is_kept_and_takes_nothing_from_the_others():
    x, weight, bias = world(1)
    x[:, 7] *= 500
    exact = torch.addmm(bias, x, weight)
    sizes = torch.ones(x.shape[1]).index_fill_(0, torch.tensor([7]), 100.0)
    kept = (Int8Linear(weight, bias, sizes=sizes)(x) - exact).abs().mean()
    blind = (Int8Linear(weight, bias)(x) - exact).abs().mean()
    assert kept < 0.1 < blind


def test_after_gelu_all_steps_lie_where_its_values_are():
    x, weight, bias = world(2, rows=200)
    x = gelu(3 * x)
    exact = torch.addmm(bias, x, weight)
    narrow, wide = (Int8AfterGelu(weight, bias)(x.clone()) - exact).std(), (Int8Linear(weight, bias)(x) - exact).std()
    assert narrow < 0.8 * wide


def test_rows_and_columns_of_zeros_stay_zeros():
    bias = torch.tensor([1.0, 2.0])
    zeros, weight = torch.zeros(3, 8), torch.zeros(8, 2)
    for layer in (Int8Linear(weight, bias), Int8Linear(weight, bias, sizes=torch.ones(8)), Int8AfterGelu(weight, bias)):
        torch.testing.assert_close(layer(zeros), bias.repeat(3, 1))


def test_the_embedded_model_says_nearly_the_same_in_int8(tiny_encoder: MakeEncoder):
    exact, rounded = tiny_encoder("minilm"), tiny_encoder("minilm", precision="int8")
    assert (exact.precision, rounded.precision) == ("float32", "int8")
    assert exact.identity != rounded.identity
    cosines = (exact.encode(TEXTS) * rounded.encode(TEXTS)).sum(1)
    assert 0.998 < cosines.min() < 0.99999
    assert cosines.mean() > 0.999
    alone = np.concatenate([rounded.encode([text]) for text in TEXTS])
    np.testing.assert_allclose((alone * rounded.encode(TEXTS)).sum(1), 1, atol=1e-4)  # beside other texts or not
    mixed = rounded.encode([*TEXTS, *SHORT])
    np.testing.assert_allclose(mixed[len(TEXTS) :], exact.encode(SHORT), atol=1e-5)  # short ones are computed exactly


def test_the_columns_of_the_inputs_that_are_out_of_scale_are_kept(monkeypatch):
    def lost(precision: str) -> float:
        encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig.of({"precision": precision}))
        return float((1 - (encoder.encode(TEXTS) * exact).sum(1)).mean())

    exact = HuggingFaceEncoder(HuggingFaceEncoderConfig.of({"precision": "float32"})).encode(TEXTS)
    kept = lost("int8")
    monkeypatch.setattr(packed_bert, "KEPT_OF_INPUTS", 0)
    assert kept < 0.6 * lost("int8")


def test_int8_is_for_bert_like_models_only(tiny_encoder: MakeEncoder):
    with pytest.raises(ConfigError, match="no int8: only BERT-like"):
        tiny_encoder("gpt", precision="int8")


@pytest.mark.parametrize(("agreement", "taken"), [(0.998, "int8"), (1.1, "float32")])
def test_by_itself_int8_is_taken_where_it_is_faster_and_agrees(monkeypatch, agreement: float, taken: str):
    monkeypatch.setattr(huggingface, "fastest_precision", lambda: "float32")
    monkeypatch.setattr(huggingface, "_AGREEMENT", agreement)
    monkeypatch.setattr(huggingface, "int8_pays", lambda: True)
    encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig())
    assert encoder.precision == taken
    assert isinstance(encoder._forward, RoundedBert if taken == "int8" else PackedBert)
    monkeypatch.setattr(huggingface, "int8_pays", lambda: False)
    assert HuggingFaceEncoder(HuggingFaceEncoderConfig()).precision == "float32"


def test_a_processor_without_the_instructions_has_no_int8(monkeypatch, tiny_encoder: MakeEncoder):
    def saturating(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """As without VNNI: the left made unsigned, products summed by twos in 16 bits."""
        products = (left.int() + 128)[:, :, None] * right.int()[None]
        pairs = (products[:, 0::2] + products[:, 1::2]).clamp(-(2**15), 2**15 - 1)
        return pairs.sum(1).int() - 128 * right.int().sum(0)

    def missing(*_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not compiled in")

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_vnni": True})
    for product, right in ((saturating, False), (missing, False), (exact_product, True)):
        monkeypatch.setattr(torch, "_int_mm", product)
        forget()
        assert (precision.int8_is_exact(), precision.int8_pays()) == (right, right)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    forget()
    assert not precision.int8_pays()
    monkeypatch.setattr(torch, "_int_mm", missing)
    forget()
    with pytest.raises(ConfigError, match="this processor's sums"):
        HuggingFaceEncoder(HuggingFaceEncoderConfig(precision="int8"))
