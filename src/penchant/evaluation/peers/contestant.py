"""A contestant: one algorithm of one peer, or one of our models, as a process that answers a request."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from penchant.artifacts import write_json
from penchant.errors import DataError
from penchant.evaluation.peers.catalogue import Peer
from penchant.evaluation.peers.child import Ended, run_child
from penchant.evaluation.peers.environments import python_of
from penchant.evaluation.peers.exchange import AnswerError, Outcome, read_answer, read_outcome
from penchant.evaluation.peers.own_spaces import OWN_SPACES
from penchant.evaluation.peers.results import Status
from penchant.hyperparameter_search.space import Space
from penchant.metrics.lists import Lists

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "LK_NUM_THREADS",
    "LK_NUM_BACKEND_THREADS",
)
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_CACHE_HOME", "PENCHANT_CACHE", "SYSTEMROOT")
"""All that a process is given of our own environment: no path, no key and no setting leaks into a peer."""
TRAINING_SHARE = 0.75
"""Share of the time limit after which training is asked to stop."""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """What is run, and how."""

    name: str
    source: str
    algorithm: str
    space: Space
    settings: Mapping[str, Any]
    command: tuple[str, ...] | None
    """What to start, before the request's path; None where the peer is not installed."""
    missing: str = ""
    """What to say where it is not installed."""
    environment: Mapping[str, str] = field(default_factory=dict)
    request: Mapping[str, Any] = field(default_factory=dict)
    """What its request holds besides what all have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run gave."""

    lists: Mapping[str, Lists]
    """By part: ``validation``, ``test``."""
    outcome: Outcome
    ended: Ended

    @property
    def peak_rss_mb(self) -> float | None:
        """The higher of what the process says and what was seen from outside."""
        seen = [peak for peak in (self.outcome.peak_rss_mb, self.ended.peak_rss_mb) if peak is not None]
        return max(seen, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a run gave nothing."""

    status: Status
    message: str
    last_lines: str = ""
    wall_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is the same for all contestants."""

    split: Path
    k: int
    threads: int
    limit_seconds: float
    keep: bool = False
    """Whether what a run wrote stays on disk once it has been read."""


def run(
    contestant: Contestant,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
    ask: tuple[Literal["validation", "test"], ...],
    conditions: Conditions,
) -> Answer | Fault:
    """Run one contestant in an empty folder of its own; whatever it does, the answer says so and nothing is raised."""
    if contestant.command is None:
        return Fault(status="not installed", message=contestant.missing)
    folder.mkdir(parents=True)
    try:
        return _answer(contestant, contestant.command, settings, folder, seed=seed, ask=ask, conditions=conditions)
    finally:
        if not conditions.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _answer(
    contestant: Contestant,
    command: Sequence[str],
    settings: Mapping[str, Any],
    folder: Path,
    *,
    seed: int,
    ask: tuple[Literal["validation", "test"], ...],
    conditions: Conditions,
) -> Answer | Fault:
    request = {
        "format": 1,
        "peer": contestant.source,
        "algorithm": contestant.algorithm,
        "settings": settings,
        "seed": seed,
        "threads": conditions.threads,
        "seconds": TRAINING_SHARE * conditions.limit_seconds,
        "k": conditions.k,
        "split": str(conditions.split.absolute()),
        "answers": str(folder.absolute()),
        "ask": list(ask),
        **contestant.request,
    }
    write_json(folder / "request.json", request)
    ended = run_child(
        [*command, str((folder / "request.json").absolute())],
        folder=folder,
        log=folder / "log.txt",
        environment=_environment(contestant, conditions.threads),
        limit_seconds=conditions.limit_seconds,
    )
    if ended.timed_out or ended.code:
        status: Status = "timed out" if ended.timed_out else "failed"
        return Fault(status=status, message=ended.how, last_lines=ended.last_lines, wall_seconds=ended.wall_seconds)
    try:
        outcome = read_outcome(folder / "outcome.json")
        lists: dict[str, Lists] = {part: read_answer(folder / f"{part}.jsonl") for part in ask}
    except (AnswerError, DataError) as error:
        return Fault(
            status="no usable answer",
            message=f"{error.message} {error.hint}".strip(),
            last_lines=ended.last_lines,
            wall_seconds=ended.wall_seconds,
        )
    return Answer(lists=lists, outcome=outcome, ended=ended)


def our_model(name: str, settings: Mapping[str, Any], request: Mapping[str, Any]) -> Contestant:
    """One of our models; `request` says where the dataset is and how it is split, see `own_process`."""
    return Contestant(
        name=name,
        source="penchant",
        algorithm=name,
        space=OWN_SPACES.get(name, {}),
        settings=settings,
        command=(sys.executable, "-m", "penchant.evaluation.peers.own_process"),
        # The package must be the one that runs this; a peer is not given our path.
        environment={name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        request=request,
    )


def peer_algorithm(peer: Peer, algorithm: str, settings: Mapping[str, Any], environments: Path) -> Contestant:
    """One algorithm of a peer, under the python of its environment; it writes no byte code beside our files."""
    python = python_of(environments, peer.name)
    return Contestant(
        name=f"{peer.name}:{algorithm}",
        source=peer.name,
        algorithm=algorithm,
        space=peer.algorithms[algorithm],
        settings=settings,
        command=None if python is None else (str(python), "-B", "-X", "faulthandler", str(peer.runner)),
        missing=f"There is no environment at {environments / peer.name}.",
        environment=peer.environment,
    )


def _environment(contestant: Contestant, threads: int) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in KEPT if name in os.environ},
        **dict.fromkeys(THREADS, str(threads)),
        "LK_NUM_PROCS": "1",
        # Threads that wait give their core away; spinning would be counted as the contestant's processor time.
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        **contestant.environment,
    }
