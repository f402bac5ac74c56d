"""All profiles in one file."""

import json
import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import BundleError, ConfigError, UnsupportedError
from penchant.pipeline import profile_export
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.pipeline.profile_export import AHEAD, BLOCK, export_profiles
from tests.worlds import genre_world

CONFIG = {
    "text": False,
    "nouns": ["volume", "volumes"],
    "model": {"tracker": {"dim": 16, "training": {"max_epochs": 1}}},
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("export") / "bundle"
    InterestModel(config=InterestModelConfig.of(CONFIG)).fit(genre_world(users=BLOCK + 8, newcomers=1)).save(place)
    return place


def die(*_: Any) -> bytes:
    """What a worker does that is killed."""
    os._exit(9)


def test_every_user_has_the_profile_that_is_read_for_him_alone(bundle: Path, tmp_path: Path):
    told = export_profiles(bundle, tmp_path / "all.jsonl", limit=3)
    model = load(bundle)
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [line["user_id"] for line in lines] == list(model.fitted.dataset.users.ids)
    assert told.users == len(lines) == BLOCK + 9
    assert told.bytes == (tmp_path / "all.jsonl").stat().st_size
    for line in lines[:: BLOCK // 2]:
        alone = model.interests(line["user_id"], limit=3)
        assert [one["concept_id"] for one in line["interests"]] == [one.concept_id for one in alone.interests]
        assert [one["strength"] for one in line["interests"]] == [one.strength for one in alone.interests]
    assert lines[-1]["cold"]  # who has no events
    assert any(line["interests"] for line in lines)


def test_workers_write_the_same_file(bundle: Path, tmp_path: Path):
    export_profiles(bundle, tmp_path / "one.jsonl", as_of=5)
    export_profiles(bundle, tmp_path / "two.jsonl", as_of=5, workers=2)
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_no_more_is_under_way_than_the_workers_need(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    under_way: list[int] = []

    class Waiting(Future[bytes]):
        def result(self, timeout: float | None = None) -> bytes:  # noqa: ARG002
            under_way.append(-1)
            return b"{}\n"

    class Pool:
        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> "Pool":
            return self

        def __exit__(self, *_: object) -> None: ...
        def submit(self, *_: Any) -> Future[bytes]:
            under_way.append(1)
            return Waiting()

    monkeypatch.setattr(profile_export, "BLOCK", 1)
    monkeypatch.setattr(profile_export, "ProcessPoolExecutor", Pool)
    export_profiles(bundle, tmp_path / "all.jsonl", workers=2)
    steps = [sum(under_way[: n + 1]) for n in range(len(under_way))]
    assert max(steps) == 2 * AHEAD
    assert steps[-1] == 0


def test_what_cannot_be_done_is_refused_and_leaves_what_was_there(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "all.jsonl"
    file.write_text("before\n")
    with pytest.raises(BundleError, match="No bundle at"):
        export_profiles(tmp_path / "none", file)
    with pytest.raises(ConfigError, match=r"ends in \.jsonl|lines of JSON"):
        export_profiles(bundle, tmp_path / "all.csv")
    with pytest.raises(ConfigError, match="0 workers"):
        export_profiles(bundle, file, workers=0)
    with pytest.raises(ConfigError, match="cannot be written"):
        export_profiles(bundle, tmp_path / "no" / "folder" / "all.jsonl")
    monkeypatch.setattr(profile_export, "_read", die)
    with pytest.raises(UnsupportedError, match="A worker died") as died:
        export_profiles(bundle, file, workers=2)
    assert "fewer workers" in died.value.hint
    assert file.read_text() == "before\n"
    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]
