"""Fine-tuned encoders of tiny models, on a task that can be learned."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig

Make = Callable[..., FineTunedEncoder]


@pytest.fixture(scope="session")
def make(tiny_checkpoint: Callable[[str], Path]) -> Make:
    """A family's encoder with a method, by its name or by name and settings."""

    def encoder(family: str, method: Any, *, seed: int = 0, **settings: Any) -> FineTunedEncoder:
        config = {"path": str(tiny_checkpoint(family)), "method": method, **settings}
        return FineTunedEncoder(FineTunedEncoderConfig.of(config), seed=seed)

    return encoder
