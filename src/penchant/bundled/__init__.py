"""Data shipped with the package: books and their readers (goodbooks-10k, CC BY-SA 4.0; see ATTRIBUTION.md)."""

from pathlib import Path

LICENCE = "CC BY-SA 4.0"

BOOKS = Path(__file__).parent / "goodbooks"
"""A folder that `penchant import` reads: `interactions.parquet` and `items.parquet`."""
