"""Small fresh models that have learned nothing, and a corpus of two planted subjects."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penchant.encoders.architecture import TOKENIZERS, ArchitectureConfig, save_fresh
from penchant.encoders.pretraining.corpus import Corpus
from penchant.encoders.pretraining.language_model import LanguageModel, LanguageModelConfig
from penchant.encoders.tokenizer_training import train_tokenizer

SUBJECTS = (
    ["dragons", "wizards", "castles", "swords", "magic", "kings", "quests", "elves"],
    ["bread", "butter", "ovens", "recipes", "sugar", "flour", "spices", "knives"],
)


def subject_texts(n: int, *, seed: int) -> list[str]:
    """PLANTED: three words of one of two subjects, then a sentence of three more of the same."""
    rng = np.random.default_rng(seed)
    return [
        f"{' '.join(drawn[:3])}. {' '.join(drawn[3:])}"
        for drawn in (rng.choice(SUBJECTS[i % 2], 6, replace=False) for i in range(n))
    ]


TEXTS = subject_texts(120, seed=0)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Texts of two subjects, and users who keep to one."""
    rng = np.random.default_rng(1)
    walks = [tuple(int(i) for i in rng.choice(np.arange(u % 2, 120, 2), 8, replace=False)) for u in range(40)]
    return Corpus(
        texts=tuple(dict.fromkeys(TEXTS)),
        items=tuple(TEXTS),
        sequences=tuple(walks),
        users=tuple(f"u{u}" for u in range(40)),
        held_out=0.2,
    )


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a fresh ``bert`` or ``gpt``."""
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(kind)
            config = ArchitectureConfig.of({"kind": kind, "max_length": 32})
            save_fresh(config, train_tokenizer(TEXTS, TOKENIZERS[config.kind]), made[kind], seed=0)
        return made[kind]

    return folder


@pytest.fixture
def model(checkpoint: Callable[[str], Path]) -> Callable[..., LanguageModel]:
    """A fresh language model, in evaluation mode."""

    def load(kind: str, **settings: object) -> LanguageModel:
        loaded = LanguageModel(LanguageModelConfig.of({"path": str(checkpoint(kind)), **settings}))
        loaded.method.eval()
        return loaded

    return load
