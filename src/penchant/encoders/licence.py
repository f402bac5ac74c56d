"""The licence of a checkpoint, where it is known."""

from pathlib import Path

from penchant.encoders.checkpoint import EMBEDDED
from penchant.errors import BundleError
from penchant.training.model_card import read_card

EMBEDDED_LICENCE = "Apache-2.0"


def licence_of(path: str | None) -> str:
    """The embedded model's own (`path` None), or what the card says that Penchant left in an encoder's folder; ""
    where nothing is known: another checkpoint's is for its user to know.
    """
    if path in {None, EMBEDDED}:
        return EMBEDDED_LICENCE
    try:
        return read_card(Path(str(path)).expanduser()).licence
    except BundleError:
        return ""
