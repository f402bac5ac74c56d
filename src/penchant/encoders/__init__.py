"""Text to vectors: encoders, their cache, and the texts rendered for them.

`load_encoder` builds an encoder from a folder, a hub id or nothing (the embedded MiniLM); `CachedEncoder` keeps its
vectors on disk; `render_items` and `render_users` write the texts that it reads. torch is imported by
`penchant.encoders.huggingface` alone.
"""

from penchant.encoders.cache import CachedEncoder
from penchant.encoders.item_text import ItemTemplate, render_items
from penchant.encoders.loading import load_encoder, same_model
from penchant.encoders.user_text import UserTemplate, UserText, encode_users, render_users
from penchant.interfaces import plain

__all__ = [
    "CachedEncoder",
    "ItemTemplate",
    "UserTemplate",
    "UserText",
    "encode_users",
    "load_encoder",
    "plain",
    "render_items",
    "render_users",
    "same_model",
]
