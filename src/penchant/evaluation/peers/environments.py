"""Environments of the peers: where they are, how they are made, and the same as commands to type."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from penchant.errors import ConfigError, MissingExtraError
from penchant.evaluation.peers.catalogue import Peer
from penchant.pipeline.encoding import cache_folder
from penchant.progress import SILENT, Progress

TORCH = "2.13.0"
"""The same as our own: a comparison of speed on two versions would compare the versions."""
PYTHON = "3.11"
"""What the pinned versions have wheels for."""


def default_folder() -> Path:
    """Where environments are looked for when no folder is named."""
    return cache_folder() / "peers"


def python_of(folder: Path, peer: str) -> Path | None:
    """The python of a peer's environment, ``folder/peer``; None where there is none."""
    for place in (Path("bin") / "python", Path("Scripts") / "python.exe"):
        if (folder / peer / place).exists():
            return (folder / peer / place).absolute()
    return None


def recipe(peer: Peer, folder: Path) -> list[list[list[str]]]:
    """The steps that make a peer's environment with uv; of the commands of one step the first that works is enough."""
    place = str(folder / peer.name)
    install = ["uv", "pip", "install", "-p", place]
    steps = [[["uv", "venv", "-q", "--clear", "-p", PYTHON, place]]]
    if peer.torch and sys.platform == "linux":
        # A wheel folder that uv was told of, then PyTorch's own index: the plain name would bring CUDA.
        steps.append([[*install, f"torch=={TORCH}+cpu"], [*install, "--torch-backend=cpu", f"torch=={TORCH}"]])
    elif peer.torch:
        steps.append([[*install, f"torch=={TORCH}"]])
    steps.append([[*install, *peer.requirements]])
    return steps


def printed_recipes(peers: Sequence[Peer], folder: Path) -> str:
    """The steps as a script for a shell."""
    lines = ["#!/bin/sh", "set -e", '# Where uv does not find what pip finds: export UV_FIND_LINKS="$PIP_FIND_LINKS"']
    for peer in peers:
        lines += ["", f"# {peer.name}: {', '.join(peer.algorithms)}"]
        lines += [f"# {peer.note}"] if peer.note else []
        for step in recipe(peer, folder):
            lines.append(" || ".join(" ".join(map(_quoted, command)) for command in step))
    return "\n".join(lines) + "\n"


def make_environments(peers: Sequence[Peer], folder: Path, *, progress: Progress = SILENT) -> dict[str, str]:
    """Make (or make again) the environment of each peer; peer → what went wrong, "" where nothing did.

    Raises `MissingExtraError` without uv.
    """
    uv = _uv()
    folder.mkdir(parents=True, exist_ok=True)
    faults: dict[str, str] = {}
    for peer in peers:
        with progress.task(f"Installing {peer.name}", total=None) as advance:
            faults[peer.name] = ""
            for step in recipe(peer, folder):
                fault = _first_that_works(step, uv)
                advance()
                if fault:
                    faults[peer.name] = fault
                    break
    return faults


def _first_that_works(step: Sequence[Sequence[str]], uv: str) -> str:
    """The last lines of the last command, "" where one worked."""
    fault = ""
    for command in step:
        done = subprocess.run(  # noqa: S603
            [uv, *command[1:]], capture_output=True, text=True, env=_installer_environment(), check=False
        )
        if done.returncode == 0:
            return ""
        fault = "\n".join(done.stderr.strip().splitlines()[-12:])
    return fault or "uv failed without a word"


def _installer_environment() -> Mapping[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if "PIP_FIND_LINKS" in environment:  # uv reads no settings of pip's
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    return environment


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise MissingExtraError(
            "The environments of peers are made with uv, which is not installed.", hint="pip install uv"
        )
    return found


def check_folder(folder: Path) -> None:
    """Raise `ConfigError` where a named folder of environments is not there."""
    if not folder.is_dir():
        raise ConfigError(
            f"There is no folder of environments at {folder}.",
            hint=f"Make it with `penchant compare --make-environments {folder} --peers implicit`.",
        )


def _quoted(word: str) -> str:
    return f"'{word}'" if any(c in word for c in "<>[]* ") else word
