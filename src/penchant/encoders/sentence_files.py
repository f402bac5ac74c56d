"""The files that make a checkpoint a Sentence Transformers folder: how its tokens become one vector."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.artifacts import write_json
from penchant.encoders.checkpoint import After, Pooling

if TYPE_CHECKING:
    from torch import nn

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
    after: "Sequence[tuple[After, Path | nn.Linear | None]]" = (),
) -> None:
    """Write into a checkpoint's folder how its token states (L, D) become a vector: pooled, put through the steps of
    `after` (a ``Dense`` with the folder of a layer or with one under training), and normalised.

    Sentence Transformers and `load_encoder` then use the model in the same way; with ``Words`` among the steps it is
    `load_encoder`'s alone. `max_length` counts tokens, special ones included.
    """
    modules: list[dict[str, object]] = []

    def add(kind: str, *, of: str = "sentence_transformers.models", path: str | None = None) -> Path:
        n = len(modules)
        path = f"{n}_{kind}" if path is None else path
        modules.append({"idx": n, "name": str(n), "path": path, "type": f"{of}.{kind}"})
        return folder / path

    add("Transformer", path="")
    pooled = add("Pooling")
    pooled.mkdir(exist_ok=True)
    for kind, what in [*after, ("Normalize", None)]:
        place = add(kind, of="penchant.encoders" if kind == "Words" else "sentence_transformers.models")
        if isinstance(what, Path):
            shutil.copytree(what, place)
            continue
        place.mkdir(exist_ok=True)
        if what is not None:
            _write_dense(place, what)
    modes = {f"pooling_mode_{mode}": kind == pooling for kind, mode in _MODES.items()}
    write_json(pooled / "config.json", {"word_embedding_dimension": dim, **modes})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": lower_case})
    write_json(folder / "modules.json", modules)


def _write_dense(folder: Path, layer: "nn.Linear") -> None:
    from safetensors.torch import save_file

    settings = {
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "bias": layer.bias is not None,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    write_json(folder / "config.json", settings)
    weights = {f"linear.{name}": weight.detach().cpu().contiguous() for name, weight in layer.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
