"""Where the language model lies that models of text are tested with."""

import os
from pathlib import Path

CHECKPOINT = Path(os.environ["PENCHANT_CACHE"]) / "words"
"""Made by the fixture of the same name, so that collecting tests loads no transformers."""
