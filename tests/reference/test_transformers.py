"""The networks of the published sequence models agree with Hugging Face's, from the same weights.

BERT4Rec's is the encoder of BERT; SASRec's is GPT-2's with relu and layers as wide as the states. Both of theirs are
handed the sum of events and places, which each library makes in its own way. Every weight of theirs is one of ours.
"""

import torch
from torch import Tensor
from transformers import BertConfig, GPT2Config, GPT2Model
from transformers.models.bert.modeling_bert import BertEncoder

from penchant.models.sequential.positioned_transformer import PositionedTransformer

D, L, LAYERS, HEADS = 12, 9, 2, 3


def ours(*, causal: bool) -> PositionedTransformer:
    """With weights of a size that no part can be lost unnoticed."""
    torch.manual_seed(2)
    network = PositionedTransformer(
        D,
        layers=LAYERS,
        heads=HEADS,
        places=L,
        dropout=0.2,
        causal=causal,
        norm_first=causal,
        activation="relu" if causal else "gelu",
        expansion=1 if causal else 4,
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network.eval()


def as_bert(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our weights by the names of BERT's encoder."""
    found = {}
    for n in range(LAYERS):
        for kind in ("weight", "bias"):
            block, layer = f"blocks.{n}", f"layer.{n}"
            parts = weights[f"{block}.self_attn.in_proj_{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts, strict=True):
                found[f"{layer}.attention.self.{name}.{kind}"] = part
            found[f"{layer}.attention.output.dense.{kind}"] = weights[f"{block}.self_attn.out_proj.{kind}"]
            found[f"{layer}.attention.output.LayerNorm.{kind}"] = weights[f"{block}.norm1.{kind}"]
            found[f"{layer}.intermediate.dense.{kind}"] = weights[f"{block}.linear1.{kind}"]
            found[f"{layer}.output.dense.{kind}"] = weights[f"{block}.linear2.{kind}"]
            found[f"{layer}.output.LayerNorm.{kind}"] = weights[f"{block}.norm2.{kind}"]
    return found


def as_gpt_2(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our weights by GPT-2's names, which stores linear layers by input; its own words and places are left at 0."""
    found = {"wte.weight": torch.zeros(1, D), "wpe.weight": torch.zeros(L, D)}
    for kind in ("weight", "bias"):
        found[f"ln_f.{kind}"] = weights[f"norm.{kind}"]
        for n in range(LAYERS):
            block, layer = f"blocks.{n}", f"h.{n}"
            found[f"{layer}.ln_1.{kind}"] = weights[f"{block}.norm1.{kind}"]
            found[f"{layer}.ln_2.{kind}"] = weights[f"{block}.norm2.{kind}"]
            found[f"{layer}.attn.c_attn.{kind}"] = weights[f"{block}.self_attn.in_proj_{kind}"].t()
            found[f"{layer}.attn.c_proj.{kind}"] = weights[f"{block}.self_attn.out_proj.{kind}"].t()
            found[f"{layer}.mlp.c_fc.{kind}"] = weights[f"{block}.linear1.{kind}"].t()
            found[f"{layer}.mlp.c_proj.{kind}"] = weights[f"{block}.linear2.{kind}"].t()
    return found


def states(network: PositionedTransformer) -> tuple[Tensor, Tensor]:
    """Ours of four full histories, and events with their places, the last of which is 0."""
    events = torch.randn(4, L, D, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        return network(events, torch.full((4,), L)), network.scale * events + network.places.weight.flip(0)


def test_the_network_of_bert4rec_is_the_encoder_of_bert():
    network = ours(causal=False)
    config = BertConfig(
        hidden_size=D,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * D,
        hidden_act="gelu",
        layer_norm_eps=1e-5,
    )
    theirs = BertEncoder(config).eval()
    theirs.load_state_dict(as_bert(network.state_dict()))
    found, placed = states(network)
    with torch.no_grad():
        expected = theirs(network.norm(placed)).last_hidden_state
    assert expected.std() > 0.3
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_the_network_of_sasrec_is_gpt_2_with_relu():
    network = ours(causal=True)
    config = GPT2Config(
        vocab_size=1,
        bos_token_id=0,
        eos_token_id=0,
        n_positions=L,
        n_embd=D,
        n_layer=LAYERS,
        n_head=HEADS,
        n_inner=D,
        activation_function="relu",
        layer_norm_epsilon=1e-5,
    )
    theirs = GPT2Model(config).eval()
    theirs.load_state_dict(as_gpt_2(network.state_dict()))
    found, placed = states(network)
    with torch.no_grad():
        expected = theirs(inputs_embeds=placed).last_hidden_state
    assert expected.std() > 0.3
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
