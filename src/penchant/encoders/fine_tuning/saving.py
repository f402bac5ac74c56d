"""A fine-tuned encoder on disk: a checkpoint that Penchant reads, and Transformers and Sentence Transformers mostly."""

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from penchant.artifacts import new_folder
from penchant.encoders.checkpoint import ABOUT, ADAPTATION, ADAPTED_BASE, Checkpoint
from penchant.encoders.sentence_files import write_sentence_files

if TYPE_CHECKING:
    from penchant.encoders.fine_tuning.encoder import FineTunedEncoder

KIND = "fine-tuned encoder"
WEIGHTS = "fine_tuning.safetensors"
_BESIDE = ("*.json", "*.txt", "*.model", "*.tiktoken", "*.jinja", "LICENSE*", "NOTICE*")
_NOT = ("modules.json", "*.safetensors.index.json", "sentence_*_config.json", "adapter_config.json", *ABOUT)


def save_encoder(encoder: "FineTunedEncoder", root: Path, checkpoint: Checkpoint, folder: Path) -> None:
    """Write the encoder as a new folder, which takes the place's place when it is whole.

    `root` is the folder that `checkpoint` was read from. Raises `BundleError`.
    """
    method = encoder.method
    manifest = {
        "kind": KIND,
        "method": method.config.model_dump(mode="json"),
        "merged": method.merges,
        "base": checkpoint.fingerprint,
        "trained": encoder.trainable_count,
        "total": encoder.total_count,
        "own_steps": None if checkpoint.own_steps is None else checkpoint.own_steps + len(encoder.own_steps),
    }
    with new_folder(folder, manifest, name=ADAPTATION) as place:
        inner = place if method.merges else place / ADAPTED_BASE
        inner.mkdir(exist_ok=True)
        _write_checkpoint(encoder, root, checkpoint, inner)
        if not method.merges:
            weights = {name: value.detach().cpu().contiguous() for name, value in method.state_dict().items()}
            save_file(weights, place / WEIGHTS)


def _write_checkpoint(encoder: "FineTunedEncoder", root: Path, checkpoint: Checkpoint, place: Path) -> None:
    for file in (f for pattern in _BESIDE for f in checkpoint.folder.glob(pattern)):
        if not any(file.match(pattern) for pattern in _NOT):
            shutil.copyfile(file, place / file.name)
    _write_weights(encoder.method.merged_weights(), checkpoint, place)
    described = root / "config_sentence_transformers.json"
    if described.is_file():  # it holds the prompts
        shutil.copyfile(described, place / described.name)
    write_sentence_files(
        place,
        pooling=encoder.pooling,
        dim=encoder.pooled_width,
        max_length=encoder.max_length,
        lower_case=checkpoint.lower_case,
        # Folders of the other steps are empty, and git keeps none of those.
        after=[*((kind, path if kind == "Dense" else None) for kind, path in checkpoint.after), *encoder.own_steps],
    )


def _write_weights(weights: Mapping[str, Tensor], checkpoint: Checkpoint, place: Path) -> None:
    """One safetensors file, with the names that the checkpoint's own files have."""
    known = _stored_names(checkpoint)
    prefix = _prefix(weights, known)
    stored = {prefix + name: weight for name, weight in weights.items()}
    if not any("pooler" in name.split(".") for name in known):  # one made up for want of weights
        stored = {name: weight for name, weight in stored.items() if "pooler" not in name.split(".")}
    for name in ("shared.weight",):  # T5's embedding, which its encoder calls otherwise
        if name in known and name not in stored and f"{prefix}embed_tokens.weight" in stored:
            stored[name] = stored[f"{prefix}embed_tokens.weight"]
    # Tensors that share memory are written apart: the format has no ties.
    save_file(
        {name: weight.detach().cpu().clone().contiguous() for name, weight in stored.items()},
        place / "model.safetensors",
        metadata={"format": "pt"},
    )


def _stored_names(checkpoint: Checkpoint) -> set[str]:
    names: set[str] = set()
    for file in checkpoint.folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as opened:
            names.update(opened.keys())
    return names


def _prefix(weights: Mapping[str, Tensor], known: set[str]) -> str:
    """What stands before the model's own names in the checkpoint's files, such as ``bert.``; mostly nothing.

    That which most of the names have there. The two halves of a writing translator may have the same: the encoder's it
    is, which was loaded.
    """
    if known & weights.keys():
        return ""
    told = Counter(name.removesuffix(one) for one in weights for name in known if name.endswith(f".{one}"))
    return max(told, key=lambda prefix: (told[prefix], "encoder" in prefix), default="")
