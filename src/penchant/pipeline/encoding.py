"""What the language model reads of a dataset: items' texts and users' own words, with a cache of their vectors."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from penchant.data.dataset import Dataset, Table
from penchant.encoders import (
    CachedEncoder,
    ItemTemplate,
    UserTemplate,
    encode_users,
    load_encoder,
    render_items,
    render_users,
    same_model,
)
from penchant.encoders.light import fit_light, is_light
from penchant.errors import NotFoundError, PenchantError
from penchant.interfaces import Encoder, plain
from penchant.progress import SILENT, Progress
from penchant.types import FloatArray


def cached_encoder(name: str | None, items: Table | None = None, *, device: str | None = None) -> Encoder:
    """The encoder called `name` (None: the embedded one); its vectors are kept between runs and shared by datasets.

    ``hashed``, ``tfidf`` and ``nmf`` are learned from the texts of `items`. Vectors are in the folder that the
    environment variable PENCHANT_CACHE names, else in the user's own cache folder. `device` is where a language model
    encodes; None: on the processor.
    """
    encoder: Encoder
    if name is not None and items is not None and is_light(name):
        encoder = fit_light(name, render_items(items))
    else:
        encoder = load_encoder(name, device=device)
    return keeping(encoder)


def keeping(encoder: Encoder) -> CachedEncoder:
    """The encoder with its vectors kept in Penchant's cache."""
    return encoder if isinstance(encoder, CachedEncoder) else CachedEncoder(encoder, cache_folder() / "embeddings")


def known_encoder(facts: Mapping[str, Any], items: Table) -> Encoder | None:
    """The encoder that a fit's `facts` name, where it is at hand: in the folder it then lay in, the embedded one, or a
    light one that is learned from the texts of `items` again. None where there is none to be had without asking the
    network, or where another encoder now lies there.
    """
    told = dict(facts.get("encoder") or {})
    name = told.get("name")
    if name is None:
        return None
    if (folder := told.get("folder")) is not None:
        if not Path(folder).is_dir():
            return None
        try:
            found = load_encoder(folder)
        except PenchantError:  # damaged, or of a newer form: as good as gone
            return None
        return next((one for one in (found, plain(found)) if same_model(one.identity, str(told.get("identity")))), None)
    if is_light(name):
        light = fit_light(name, render_items(items))
        return light if light.identity == told.get("identity") else None
    try:
        encoder = load_encoder(None)
    except NotFoundError:
        return None
    return encoder if encoder.name == name else None


def cache_folder() -> Path:
    """Where what can be made again is kept."""
    if own := os.environ.get("PENCHANT_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penchant"


def cached_states(work: Mapping[str, Any], *, progress: Progress = SILENT) -> Path | None:
    """Where the trainings of a piece of work keep their states when no place is named; None where that is read-only."""
    place = cache_folder() / "checkpoints"
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        progress.note(f"Trainings keep no state: {place} cannot be written ({error.strerror or error}).")
        return None
    return place / hashlib.blake2b(orjson.dumps(dict(work), option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def item_vectors(
    items: Table, encoder: Encoder, *, template: ItemTemplate | None = None, progress: Progress = SILENT
) -> FloatArray | None:
    """(I, D) unit vectors of the items' texts, zero rows for items without; None where no item has a text."""
    texts = render_items(items, template=template)
    return encoder.encode(texts, progress=progress) if any(texts) else None


def user_vectors(data: Dataset, encoder: Encoder, *, progress: Progress = SILENT) -> FloatArray | None:
    """(U, D) unit vectors of users' attributes, zero rows for users without; None where no user has any.

    Comments and searches are not in them: they have dates, and a vector that stays the same over a user's whole history
    would let what he wrote later speak of earlier.
    """
    users = render_users(data, template=UserTemplate(max_browsed=0, max_comments=0, max_searches=0))
    if not any(user.attributes for user in users):
        return None
    return encode_users(encoder, users, sources=("attributes",), progress=progress)
