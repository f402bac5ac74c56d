"""The encoder for a dataset, with its cache beside the data."""

from pathlib import Path

from penchant.encoders import CachedEncoder, load_encoder
from penchant.interfaces import Encoder


def cached_encoder(name: str | None, data: Path) -> Encoder:
    """The encoder called `name` (None: the embedded one), its vectors kept in `data`/.cache between runs."""
    return CachedEncoder(load_encoder(name), data / ".cache" / "embeddings")
