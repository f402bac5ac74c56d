"""A saved encoder whose method does not merge: its base, with what was trained put back."""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from penchant.artifacts import read_manifest
from penchant.encoders.checkpoint import ADAPTATION
from penchant.encoders.fine_tuning.catalogue import METHODS, method_config
from penchant.encoders.fine_tuning.method import FineTuningMethod
from penchant.encoders.fine_tuning.saving import KIND, WEIGHTS
from penchant.errors import BundleError


def adapted(model: Any, folder: Path) -> FineTuningMethod:
    """The base model with the method and the weights that lie in `folder`, to serve with.

    `BundleError` where they are damaged, or of another model.
    """
    settings = read_manifest(folder, kind=KIND, name=ADAPTATION, verify=False)
    try:
        config = method_config(settings["method"])
        weights = load_file(folder / WEIGHTS)
    except (OSError, KeyError, SafetensorError):
        raise _damaged(folder) from None
    method = METHODS[config.name].cls(config)
    with torch.random.fork_rng(devices=[]):
        method.take(model)
    try:
        method.load_state_dict(weights)
    except RuntimeError:
        raise _damaged(folder) from None
    method.requires_grad_(requires_grad=False)
    return method.eval()


def _damaged(folder: Path) -> BundleError:
    return BundleError(
        f"{folder} does not hold the weights that its {ADAPTATION} asks for.",
        hint="Copy the folder again whole, or fine-tune again.",
    )
