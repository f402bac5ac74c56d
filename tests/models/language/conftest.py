"""Tiny language models, made once for each test process."""

from pathlib import Path

import pytest

from tests.models.language.tiny import save_words
from tests.models.language.worlds import VOCABULARY


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer, the worlds' words."""
    return save_words(tmp_path_factory.mktemp("words"), VOCABULARY, layers=1)


@pytest.fixture(scope="session")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Left to right, without separators and segments."""
    return save_words(tmp_path_factory.mktemp("words"), VOCABULARY, family="gpt", layers=1)
