"""The settings that come for a kind of business: each is taken, and as large as it says."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from penchant.config import read_toml
from penchant.encoders.architecture import fresh_model
from penchant.encoders.pretraining.catalogue import OBJECTIVES
from penchant.pipeline.pretraining import PretrainingConfig

PRESETS = Path(__file__).parents[2] / "configs" / "pretraining"


class Words(SimpleNamespace):
    """A tokenizer of so many tokens."""

    pad_token_id = eos_token_id = 0

    def __len__(self) -> int:
        return int(self.size)


def test_there_is_one_for_a_shop_and_one_for_media():
    assert sorted(file.stem for file in PRESETS.glob("*.toml")) == ["media", "shop"]


@pytest.mark.parametrize(("name", "kind", "size"), [("shop", "bert", "small"), ("media", "gpt", "base")])
def test_a_preset_is_taken_and_has_as_many_weights_as_it_says(name: str, kind: str, size: str):
    file = PRESETS / f"{name}.toml"
    config = PretrainingConfig.of(read_toml(file), where=name)
    assert (config.architecture.kind, config.architecture.size) == (kind, size)
    assert set(config.objectives) <= set(OBJECTIVES)
    with torch.device("meta"):
        model = fresh_model(config.architecture, Words(size=config.tokenizer.vocabulary), seed=0)
    told = re.search(r"([\d.]+) million weights", file.read_text())
    assert told is not None
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(1e6 * float(told[1]), rel=0.02)
