"""From a name to an encoder."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.encoders.cache import CachedEncoder
from penchant.encoders.light import is_light, load_light, needs_texts
from penchant.errors import ConfigError
from penchant.interfaces import Encoder

_FORMAT = re.compile("-(float32|bfloat16|int8)-")


def same_model(identity: str, other: str) -> bool:
    """Whether two identities are of one model, in whichever number format each machine ran it.

    The vectors then differ by rounding only, and what was learned on the one's can be used with the other's.
    """
    return _FORMAT.sub("-", identity) == _FORMAT.sub("-", other)


def load_encoder(
    path: str | Path | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    cache: Path | None = None,
    device: str | None = None,
) -> Encoder:
    """The encoder at `path`: a folder, a hub id, or None or ``minilm`` for the embedded all-MiniLM-L6-v2.

    A folder of a light encoder (`penchant.encoders.light`) gives that encoder, which has no settings. Those of the
    others are of `HuggingFaceEncoderConfig` but its path. `cache` is a folder to keep the vectors in, `device` where a
    language model encodes if the settings do not say; light encoders are always on the processor.
    Raises `NotFoundError` where there is no such model and `ConfigError` where it cannot be used.
    """
    if is_light(path):
        raise needs_texts(str(path))
    light = None if path is None else load_light(Path(path))
    if light is not None:
        if settings:
            raise ConfigError(
                f"A {light.name} encoder has no settings; {', '.join(sorted(settings))} came.",
                hint="They are fixed when it is fitted; leave them out.",
            )
        return light if cache is None else CachedEncoder(light, cache)
    from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig  # torch comes with it

    name = None if path is None else str(path)
    given = {**({} if device is None else {"device": device}), **(settings or {}), "path": name}
    encoder = HuggingFaceEncoder(HuggingFaceEncoderConfig.of(given, where="encoder"))
    return encoder if cache is None else CachedEncoder(encoder, cache)
