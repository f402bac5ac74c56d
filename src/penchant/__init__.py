"""Penchant learns what each user is interested in, says it in words, and recommends from it.

import penchant
data = penchant.Dataset.load("books")            # a folder made by `penchant import`
model = penchant.InterestModel().fit(data)
model.interests("reader-7"), model.recommend("reader-7", k=5)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from penchant.data.dataset import Dataset
    from penchant.pipeline.interest_model import InterestModel, load
    from penchant.records import Event

__version__ = "0.1.0"
__all__ = ["Dataset", "Event", "InterestModel", "__version__", "load"]

_PLACES = {
    "Dataset": "penchant.data.dataset",
    "Event": "penchant.records",
    "InterestModel": "penchant.pipeline.interest_model",
    "load": "penchant.pipeline.interest_model",
}


def __getattr__(name: str) -> Any:
    """Import the public names when they are used: `import penchant` alone takes no torch."""
    if name not in _PLACES:
        raise AttributeError(f"module 'penchant' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
