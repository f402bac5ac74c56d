"""Vectors against a second way to the same ones: transformers with padding and a mask, and Sentence Transformers."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from penchant.encoders import load_encoder
from penchant.encoders.checkpoint import locate
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.encoders.packed_bert import PackedBert
from penchant.encoders.transformer import fast_forward

from .conftest import MakeEncoder
from .tiny_models import save_sentence_transformer

TEXTS = ["a red nail polish", "the dragons of the north, an epic fantasy in seven books", "crème", "读者喜欢科幻小说"]


def padded(folder: Path, texts: list[str], pooling: str, side: str) -> torch.Tensor:
    """By the book: pad to the longest, mask the pads in the attention and in the pooling."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side=side)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModel.from_pretrained(folder).eval()
    tokens = tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
    mask = tokens["attention_mask"]
    positions = {}
    if side == "left":  # by hand, since not every model works its positions out from the mask
        positions = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    with torch.inference_mode():
        states = model(input_ids=tokens["input_ids"], attention_mask=mask, **positions).last_hidden_state
    if pooling == "mean":
        pooled = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
    elif pooling == "first":
        pooled = states[torch.arange(len(texts)), mask.argmax(1)]
    else:
        pooled = states[torch.arange(len(texts)), mask.shape[1] - 1 - mask.flip(1).argmax(1)]
    return torch.nn.functional.normalize(pooled, dim=1)


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
@pytest.mark.parametrize(
    ("family", "side"),
    [("bert", "right"), ("multilingual", "right"), ("gpt", "right"), ("gpt", "left"), ("llama", "left")],
)
def test_equals_padding_with_a_mask(
    tiny_encoder: MakeEncoder, tiny_checkpoint: Callable[[str], Path], family: str, side: str, pooling: str
):
    found = tiny_encoder(family, pooling=pooling).encode(TEXTS)
    expected = padded(tiny_checkpoint(family), TEXTS, pooling, side)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_equals_sentence_transformers(tiny_encoder: MakeEncoder):
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(locate(None)), device="cpu")
    assert tiny_encoder("minilm").pooling == "mean"
    texts = [*TEXTS, "dragon " * 200]
    reference.max_seq_length = 128
    np.testing.assert_allclose(tiny_encoder("minilm").encode(texts), reference.encode(texts), atol=2e-5)


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode": "cls"},
        {"pooling_mode": "lasttoken"},
        {"pooling_mode": "max"},
        {"pooling_mode": "weightedmean"},
        {"pooling_mode": "mean_sqrt_len_tokens"},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False},
    ],
)
def test_equals_sentence_transformers_in_every_pooling(tmp_path: Path, pooling: dict[str, object]):
    from sentence_transformers import SentenceTransformer

    folder = save_sentence_transformer(tmp_path / "model", pooling={**pooling, "embedding_dimension": 32})
    reference = SentenceTransformer(str(folder), device="cpu")
    reference.max_seq_length = 64
    encoder = load_encoder(folder, settings={"precision": "float32"})
    np.testing.assert_allclose(encoder.encode(TEXTS), reference.encode(TEXTS), atol=1e-5)


def test_a_dense_layer_after_the_pooling(tmp_path: Path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules.dense import Dense

    folder = save_sentence_transformer(tmp_path / "model", pooling={"pooling_mode": "mean", "embedding_dimension": 32})
    reference = SentenceTransformer(str(folder), device="cpu")
    reference.insert(2, Dense(32, 8, activation_function=torch.nn.Tanh()))
    reference.save(str(tmp_path / "dense"))
    encoder = load_encoder(tmp_path / "dense", settings={"precision": "float32", "max_length": 64})
    assert encoder.dim == 8
    np.testing.assert_allclose(encoder.encode(TEXTS), reference.encode(TEXTS), atol=1e-5)
    shutil.copytree(tmp_path / "dense", tmp_path / "other")
    weights = next((tmp_path / "other").glob("*_Dense/model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    assert load_encoder(tmp_path / "other").identity != encoder.identity


@pytest.mark.parametrize("family", ["bert", "multilingual", "minilm"])
def test_bert_like_models_take_the_packed_forward(tiny_encoder: MakeEncoder, family: str):
    assert isinstance(tiny_encoder(family)._forward, PackedBert)


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_packed_forward_equals_the_model(activation: str):
    torch.manual_seed(3)
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 36}
    config = BertConfig(vocab_size=50, max_position_embeddings=40, hidden_act=activation)
    config.update(sizes)
    model = BertModel(config).train(mode=False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    groups = [torch.randint(0, 50, shape) for shape in ((2, 30), (5, 7), (1, 1))]
    with torch.inference_mode():
        for found, ids in zip(PackedBert(model.config.to_dict(), model.state_dict())(groups), groups, strict=True):
            torch.testing.assert_close(found, model(input_ids=ids).last_hidden_state, atol=2e-5, rtol=1e-4)


def test_a_model_that_the_packed_forward_gets_wrong_is_run_by_transformers():
    class Altered(BertModel):
        def forward(self, *args, **kwargs):
            output = super().forward(*args, **kwargs)
            output.last_hidden_state = output.last_hidden_state * 1.5
            return output

    config = BertConfig(vocab_size=50, max_position_embeddings=40)
    config.update({"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 36})
    model, ids = Altered(config).train(mode=False), torch.randint(0, 50, (1, 6))
    forward = fast_forward(model, ids, precision="float32")
    assert not isinstance(forward, PackedBert)
    with torch.inference_mode():
        torch.testing.assert_close(forward([ids])[0], model(input_ids=ids).last_hidden_state)


@pytest.mark.parametrize("family", ["bert", "gpt"])
def test_bfloat16_is_near_float32(tiny_encoder: MakeEncoder, family: str):
    rounded = tiny_encoder(family, precision="bfloat16")
    exact = tiny_encoder(family)
    assert rounded.identity != exact.identity
    vectors = rounded.encode(TEXTS)
    assert vectors.dtype == np.float32
    assert (vectors * exact.encode(TEXTS)).sum(1).min() > 0.995


def test_items_of_one_kind_are_nearer_than_others():
    encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig(precision="float32"))
    polish = ["OPI nail lacquer, red", "Essie nail polish, coral", "nail polish remover"]
    books = ["a fantasy novel about dragons", "an epic fantasy trilogy", "a novel of swords and sorcery"]
    vectors = encoder.encode(polish + books)
    cosines = vectors @ vectors.T
    within = np.concatenate([cosines[:3, :3][np.triu_indices(3, 1)], cosines[3:, 3:][np.triu_indices(3, 1)]])
    assert within.min() > cosines[:3, 3:].max()
