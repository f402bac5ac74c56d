"""What the language model reads of a dataset: items' texts and users' own words, with a cache beside the data."""

from pathlib import Path

import numpy as np

from penchant.data.dataset import Dataset, Table
from penchant.encoders import CachedEncoder, UserTemplate, encode_users, load_encoder, render_items, render_users
from penchant.encoders.user_text import Source
from penchant.interfaces import Encoder
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray

OWN_WORDS: tuple[Source, ...] = ("attributes", "comments", "searches")
"""Titles a user browsed are left out: the models read those items themselves."""


def cached_encoder(name: str | None, data: Path) -> Encoder:
    """The encoder called `name` (None: the embedded one), its vectors kept in `data`/.cache between runs."""
    return CachedEncoder(load_encoder(name), data / ".cache" / "embeddings")


def item_vectors(items: Table, encoder: Encoder, *, progress: Progress = SILENT) -> FloatArray | None:
    """(I, D) unit vectors of the items' texts, zero rows for items without; None where no item has a text."""
    texts = render_items(items)
    return encoder.encode(texts, progress=progress) if any(texts) else None


def user_vectors(data: Dataset, encoder: Encoder, *, progress: Progress = SILENT) -> FloatArray | None:
    """(U, D) unit vectors of users' attributes, comments and searches; None where no user has any.

    A user's last event is not read: what he wrote about it would tell a model that foresees it too much.
    """
    last = np.append(data.events.users[1:] != data.events.users[:-1], [True] * (len(data.events) > 0))
    users = render_users(data.select(~last), template=UserTemplate(max_browsed=0))
    if not any(user.source(source) for user in users for source in OWN_WORDS):
        return None
    return encode_users(encoder, users, sources=OWN_WORDS, progress=progress)
