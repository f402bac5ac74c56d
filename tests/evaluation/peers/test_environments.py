"""Recipes: the CPU build of torch first, one pin for all, and a script that a shell understands."""

import os
import subprocess
from pathlib import Path

import pytest

from penchant.errors import ConfigError, MissingExtraError
from penchant.evaluation.peers import environments
from penchant.evaluation.peers.catalogue import PEERS
from penchant.evaluation.peers.environments import (
    TORCH,
    check_folder,
    make_environments,
    printed_recipes,
    python_of,
    recipe,
)
from tests.evaluation.peers.fakes import CATALOGUE, make_environment

ROOT = Path(__file__).resolve().parents[3]


def test_torch_is_the_one_this_project_pins():
    assert f"torch=={TORCH}" in (ROOT / "constraints.txt").read_text().splitlines()


@pytest.mark.parametrize("peer", PEERS.values(), ids=list(PEERS))
def test_a_recipe_begins_with_an_empty_environment_and_the_cpu_build(peer, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    steps = recipe(peer, tmp_path)
    assert steps[0][0][:2] == ["uv", "venv"]
    assert steps[-1][0][-len(peer.requirements) :] == list(peer.requirements)
    assert peer.requirements[0].partition("==")[0].partition("[")[0] == peer.name
    assert "==" in peer.requirements[0]
    if peer.torch:
        assert [command[-1] for command in steps[1]] == [f"torch=={TORCH}+cpu", f"torch=={TORCH}"]
        assert "--torch-backend=cpu" in steps[1][1]
    monkeypatch.setattr("sys.platform", "darwin")
    assert not any("+cpu" in word for step in recipe(peer, tmp_path) for command in step for word in command)


def test_printed_recipes_are_a_script(tmp_path):
    script = printed_recipes(list(PEERS.values()), tmp_path / "a folder")
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    for peer in PEERS.values():
        assert f"# {peer.name}: " in script
    assert "'setuptools<81'" in script


def fake_uv(folder: Path, refuses: str) -> Path:
    """Notes what it was called with, and fails where a word of it begins like `refuses`."""
    uv = folder / "uv"
    uv.write_text(
        f'#!/bin/sh\necho "$@" >> {folder}/calls\necho "links $UV_FIND_LINKS" >> {folder}/calls\n'
        f'for word in "$@"; do case "$word" in {refuses}*) echo "no such wheel: $word" >&2; exit 1;; esac; done\n'
    )
    uv.chmod(0o755)
    return uv


def test_the_first_command_that_works_is_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "_uv", lambda: str(fake_uv(tmp_path, f"torch=={TORCH}+cpu")))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    faults = make_environments([PEERS["lenskit"], PEERS["implicit"]], tmp_path / "e")
    assert faults == {"lenskit": "", "implicit": ""}
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [c.split()[-1] for c in calls[::2]] == [
        str(tmp_path / "e" / "lenskit"), f"torch=={TORCH}+cpu", f"torch=={TORCH}", "lenskit==2025.8.1",
        str(tmp_path / "e" / "implicit"), "implicit==0.7.3",
    ]  # fmt: skip
    assert set(calls[1::2]) == {"links /wheels"}


def test_one_that_cannot_be_installed_stops_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "_uv", lambda: str(fake_uv(tmp_path, "torch==")))
    faults = make_environments([PEERS["recbole"], PEERS["implicit"]], tmp_path / "e")
    assert faults["implicit"] == ""
    assert "no such wheel: torch" in faults["recbole"]
    assert "recbole==" not in (tmp_path / "calls").read_text()


def test_without_uv_the_hint_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="uv"):
        make_environments(list(CATALOGUE.values()), tmp_path / "e")


def test_where_a_python_is(tmp_path):
    folder = make_environment(tmp_path)
    assert python_of(folder, "fake") == tmp_path / "fake" / "bin" / "python"
    assert python_of(folder, "absent") is None
    assert os.access(tmp_path / "fake" / "bin" / "python", os.X_OK)
    check_folder(folder)
    with pytest.raises(ConfigError, match="no folder of environments"):
        check_folder(tmp_path / "nowhere")
