"""Tiny checkpoints, made once for each test process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig

from .tiny_models import save_tiny

MakeEncoder = Callable[..., HuggingFaceEncoder]


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's tiny checkpoint."""
    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = save_tiny(family, tmp_path_factory.mktemp(family))
        return made[family]

    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tiny_checkpoint: Callable[[str], Path]) -> MakeEncoder:
    """A family's encoder in float32 (``minilm``: the embedded one), with two workers and small batches."""
    made: dict[str, HuggingFaceEncoder] = {}

    def encoder(family: str, **settings: object) -> HuggingFaceEncoder:
        key = f"{family} {settings}"
        if key not in made:
            path = None if family == "minilm" else str(tiny_checkpoint(family))
            standard = {"path": path, "precision": "float32", "threads": 2, "batch_tokens": 300}
            made[key] = HuggingFaceEncoder(HuggingFaceEncoderConfig.of({**standard, **settings}))
        return made[key]

    return encoder
