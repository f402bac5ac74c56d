"""What users did and what they were shown: the log that closes the loop from serving back to training.

`open_stores(url)` gives the embedded SQLite stores; every implementation honours `Stores`.
"""

from penchant.feedback.opening import open_stores
from penchant.feedback.stores import Logged, Stores

__all__ = ["Logged", "Stores", "open_stores"]
