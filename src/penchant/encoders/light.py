"""Encoders without a neural network, by name: each learns from plain texts in seconds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from penchant.errors import ConfigError
from penchant.interfaces import Encoder

_SUBWORD, _TERMS = "subword.json", "terms.json"
"""The file that tells each kind's folder."""


class LightEncoder(Encoder, Protocol):
    """An encoder that is learned in seconds and kept in a folder."""

    def save(self, folder: Path) -> None:
        """Write it into an existing folder, for `load_encoder`."""


def _hashed(texts: Sequence[str]) -> LightEncoder:
    from penchant.encoders.subword import SubwordEncoder

    return SubwordEncoder.fit(texts)


def _tfidf(texts: Sequence[str]) -> LightEncoder:
    from penchant.encoders.term_vectors import TermEncoder

    return TermEncoder.fit(texts)


def _nmf(texts: Sequence[str]) -> LightEncoder:
    from penchant.encoders.term_vectors import TermConfig, TermEncoder

    return TermEncoder.fit(texts, TermConfig(factors="nmf", dim=64))


LIGHT: Mapping[str, Callable[[Sequence[str]], LightEncoder]] = {"hashed": _hashed, "nmf": _nmf, "tfidf": _tfidf}
"""``hashed``: words from their pieces (`penchant.encoders.subword`); ``tfidf`` and ``nmf``: terms in the directions of
their singular vectors, or in topics (`penchant.encoders.term_vectors`)."""


def is_light(name: str | Path | None) -> bool:
    """Whether an encoder's name is one of these, and not a folder that is called so."""
    return isinstance(name, str) and name in LIGHT and not Path(name).is_dir()


def fit_light(name: str, texts: Sequence[str]) -> LightEncoder:
    """The light encoder of this name, learned from the texts. `DataError` where they teach nothing."""
    return LIGHT[name](texts)


def load_light(folder: Path) -> LightEncoder | None:
    """The light encoder that lies in a folder; None where none does."""
    if (folder / _SUBWORD).is_file():
        from penchant.encoders.subword import SubwordEncoder

        return SubwordEncoder.load(folder)
    if (folder / _TERMS).is_file():
        from penchant.encoders.term_vectors import TermEncoder

        return TermEncoder.load(folder)
    return None


def needs_texts(name: str) -> ConfigError:
    """The error for a light encoder that is asked for by name where there are no texts to learn it from."""
    return ConfigError(
        f"The encoder {name!r} is learned from texts, and there are none here.",
        hint=f"Make it first: penchant pretrain DIR --from {name} --to ENCODER, and give that folder.",
    )
