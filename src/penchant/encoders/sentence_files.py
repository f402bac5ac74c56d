"""The files that make a checkpoint a Sentence Transformers folder: how its tokens become one vector."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.artifacts import write_json
from penchant.encoders.checkpoint import WORDS, Pooling

if TYPE_CHECKING:
    from torch import nn

_OF = {WORDS: "penchant.encoders"}
_MODES: dict[Pooling, str] = {
    "mean": "mean_tokens",
    "first": "cls_token",
    "last": "lasttoken",
    "max": "max_tokens",
    "weighted_mean": "weightedmean_tokens",
}


def write_sentence_files(
    folder: Path,
    *,
    pooling: Pooling,
    dim: int,
    max_length: int,
    lower_case: bool = False,
    dense: Sequence[Path] = (),
    words_after: int | None = None,
    head: "nn.Linear | None" = None,
) -> None:
    """Write into a checkpoint's folder how its token states (L, D) become a vector: pooled, put through the layers in
    the folders `dense` and through `head`, and normalised. After `words_after` of `dense` the mean of the tokens' input
    embeddings is put beside it.

    Sentence Transformers and `load_encoder` then use the model in the same way; with the words beside it, it is
    `load_encoder`'s alone. `max_length` counts tokens, special ones included.
    """
    chain = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "1_Pooling").mkdir(exist_ok=True)
    for n, layer in enumerate([*dense, None]):
        if n == words_after:
            chain.append((f"{len(chain)}_{WORDS}", WORDS))
        if layer is not None:
            chain.append((f"{len(chain)}_Dense", "Dense"))
            shutil.copytree(layer, folder / chain[-1][0])
    if head is not None:
        chain.append((f"{len(chain)}_Dense", "Dense"))
        _write_dense(folder / chain[-1][0], head)
    chain.append((f"{len(chain)}_Normalize", "Normalize"))
    (folder / chain[-1][0]).mkdir(exist_ok=True)
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"{_OF.get(kind, 'sentence_transformers.models')}.{kind}"}
        for n, (path, kind) in enumerate(chain)
    ]
    modes = {f"pooling_mode_{mode}": kind == pooling for kind, mode in _MODES.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": dim, **modes})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": lower_case})
    write_json(folder / "modules.json", modules)


def _write_dense(folder: Path, layer: "nn.Linear") -> None:
    from safetensors.torch import save_file

    folder.mkdir()
    settings = {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": layer.bias is not None,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    write_json(folder / "config.json", settings)
    weights = {f"linear.{name}": weight.detach().cpu().contiguous() for name, weight in layer.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
