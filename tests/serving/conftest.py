"""An application over the fake model, with its stores on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from penchant.feedback import Stores, open_stores
from penchant.serving import create_app
from tests.serving.fake_model import FakeModel


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_stores(tmp_path / "store.sqlite") as stores:
        yield stores


@pytest.fixture
def client(model: FakeModel, stores: Stores) -> Iterator[TestClient]:
    with TestClient(create_app(model, stores, max_body_bytes=100_000), raise_server_exceptions=False) as client:
        yield client
