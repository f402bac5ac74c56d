import numpy as np
import pytest

from penchant.errors import UnsupportedError

from .conftest import MakeEncoder


@pytest.mark.parametrize("family", ["bert", "gpt", "multilingual", "llama", "minilm"])
def test_rows_sum_to_one_over_the_tokens_they_may_see(tiny_encoder: MakeEncoder, family: str):
    read = tiny_encoder(family).attention("the dragons of the north")
    layers, heads, length, keys = read.weights.shape
    assert layers >= 2
    assert heads >= 2
    assert length == keys == len(read.tokens)
    assert (read.weights >= 0).all()
    np.testing.assert_allclose(read.weights.sum(-1), 1, atol=1e-5)
    later = np.triu(np.ones((length, length), dtype=bool), 1)
    if family in {"gpt", "llama"}:
        assert not read.weights[:, :, later].any()
    else:
        assert (read.weights[:, :, later] > 0).any()


def test_tokens_are_the_texts(tiny_encoder: MakeEncoder):
    assert tiny_encoder("minilm").attention("Red polish").tokens == ("[CLS]", "red", "polish", "[SEP]")


def test_nothing_to_attend_to(tiny_encoder: MakeEncoder):
    with pytest.raises(UnsupportedError, match="without tokens"):
        tiny_encoder("bert").attention("  ")
