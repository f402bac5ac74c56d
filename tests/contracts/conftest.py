"""A tiny language model for the models that read text themselves."""

import pytest

from tests.contracts.checkpoint import CHECKPOINT


@pytest.fixture(scope="session", autouse=True)
def checkpoint() -> None:
    """One layer, the words of the genre world."""
    from tests.models.language.tiny import save_words

    words = ["space", "opera", "cozy", "mystery", "cookery", "chess", "volume", "liked", "disliked", "found", "fair"]
    save_words(CHECKPOINT, [*words, *map(str, range(15)), "chose", ";", "."], layers=1)
