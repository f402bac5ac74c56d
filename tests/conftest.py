"""Fixtures that every room's tests may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development datasets, which are not part of the repository."""
    folder = Path(os.environ.get("PENCHANT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no datasets at {folder}: set PENCHANT_SHARED_DATA to a folder that has them")
    return folder
