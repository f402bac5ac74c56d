"""Weights and states that outlive a fault: the best in memory, all that decides how a training goes on on disk."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor, nn

from penchant.artifacts import (
    FORMAT_VERSION,
    describe,
    read_arrays,
    read_manifest,
    replace_file,
    write_arrays,
    write_json,
)
from penchant.errors import BundleError, CheckpointError

KIND = "training state"
MANIFEST = "state.json"
ARRAYS = "state.{}.safetensors"
LOCK = "state.lock"

ONLY_AGAIN = "Begin again without it: `--no-resume`, in Python resume=False."
AGAIN = "Or begin again without it: `--no-resume`, in Python resume=False."
CHOOSE = "Go on from it with `--resume` (in Python resume=True), or begin again with `--no-resume` (resume=False)."


class BestWeights:
    """Holds a copy of a module's weights at its best validation value (higher is better)."""

    def __init__(self) -> None:
        self.value = float("-inf")
        self.epoch = 0
        """1-based epoch of the best value; 0 before the first, and of what the training began with."""
        self.weights: dict[str, Tensor] = {}
        """Empty before the first."""

    @property
    def found(self) -> bool:
        """Whether any weights are held."""
        return bool(self.weights)

    def offer(self, module: nn.Module, *, value: float, epoch: int) -> bool:
        """Keep the module's weights where `value` beats the best; says whether it did."""
        if not value > self.value:
            return False
        self.take(module, value=value, epoch=epoch)
        return True

    def take(self, module: nn.Module, *, value: float, epoch: int) -> None:
        """Keep the module's weights, whatever they are worth."""
        self.value, self.epoch = value, epoch
        self.weights = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}

    def restore(self, module: nn.Module) -> None:
        """Put the best weights back; nothing to do where none were offered.

        `CheckpointError` where they came from a state and are not of this module.
        """
        try:
            if self.found:
                module.load_state_dict(self.weights)
        except RuntimeError:
            raise CheckpointError("The training's state is of a module of another shape.", hint=ONLY_AGAIN) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """All that decides how a training goes on, in a form that files can hold."""

    facts: dict[str, Any]
    """JSON values."""
    tensors: dict[str, Tensor]


class StateFolder:
    """One training's state on disk: ``state.json`` names a safetensors file, its size and its hash.

    A new state is a new safetensors file; then ``state.json`` is replaced in one step. A process killed at any moment
    leaves the old state or the new one. `identity` says which training it is: a state of another one is refused.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity = dict(identity)

    def read(self, *, resume: bool | None) -> TrainingState | None:
        """The state to go on from; None to begin from the beginning.

        Raises `CheckpointError` for a state that is damaged or of another training, and where there is one and nobody
        said what to do with it (`resume` is None).
        """
        if not (self.folder / MANIFEST).exists():
            return None
        if resume is None:
            raise CheckpointError(f"{self.folder} holds the state of an earlier training.", hint=CHOOSE)
        if not resume:
            return None
        try:
            manifest = read_manifest(self.folder, kind=KIND, name=MANIFEST)
            (name,) = manifest["files"]
            arrays = read_arrays(self.folder / name)
            identity, facts = dict(manifest["identity"]), dict(manifest["facts"])
        except BundleError as error:
            raise CheckpointError(f"The training's state cannot be used. {error.message}", hint=ONLY_AGAIN) from None
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(f"{self.folder / MANIFEST} is damaged.", hint=ONLY_AGAIN) from None
        if told := differences(identity, self.identity):
            raise CheckpointError(
                f"The state in {self.folder} is of another training: {'; '.join(told)}.",
                hint=f"Give the same data and settings to go on. {AGAIN}",
            )
        return TrainingState(facts=facts, tensors={name: torch.from_numpy(array) for name, array in arrays.items()})

    def write(self, state: TrainingState) -> None:
        """Put a state in place of the one before. `CheckpointError` where the folder cannot be written."""
        name = ARRAYS.format(uuid4().hex[:8])
        arrays = {key: tensor.detach().cpu().numpy() for key, tensor in state.tensors.items()}
        try:
            replace_file(self.folder / name, lambda file: write_arrays(file, arrays))
            manifest = {
                "format_version": FORMAT_VERSION,
                "kind": KIND,
                "identity": self.identity,
                "facts": state.facts,
                "files": {name: describe(self.folder / name)},
            }
            replace_file(self.folder / MANIFEST, lambda file: write_json(file, manifest))
        except (OSError, BundleError) as error:
            raise CheckpointError(
                f"The training's state cannot be written to {self.folder}: {error}.", hint="Choose another folder."
            ) from None
        remove_arrays(self.folder, but=name)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else may write to the folder meanwhile, else `CheckpointError`; a process that is killed lets go."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("wb")
    except OSError as error:
        raise CheckpointError(
            f"The training's state cannot be written to {folder}: {error}.", hint="Choose another folder."
        ) from None
    with file:
        try:
            _lock(file.fileno())
        except BlockingIOError:
            raise CheckpointError(
                f"Another process is training with its state in {folder}.",
                hint="Wait for it, or choose another folder for this one.",
            ) from None
        yield


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is not the same in two identities, told to a person."""
    return [
        f"{key} was {was.get(key, 'not set')} and is {now.get(key, 'not set')}"
        for key in [*was, *(key for key in now if key not in was)]
        if was.get(key) != now.get(key)
    ]


def remove_arrays(folder: Path, *, but: str = "") -> None:
    """Remove the files of states that no ``state.json`` needs, half-written ones included."""
    for pattern in (ARRAYS.format("*"), f".{ARRAYS.format('*')}.*.partial", f".{MANIFEST}.*.partial"):
        for file in folder.glob(pattern):
            if file.name != but:
                file.unlink(missing_ok=True)


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # no such lock on this system
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks
        return
