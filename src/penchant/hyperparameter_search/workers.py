"""Several trials at a time, each in a process of its own; one that dies takes nothing along but its trial."""

import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType, TracebackType
from typing import Any, Self

from penchant.errors import ConfigError, PenchantError
from penchant.hyperparameter_search.attempts import Attempt, Objective, tried
from penchant.hyperparameter_search.trials import Trial

PATIENCE = 60.0
"""Seconds for a worker to keep the state of its training once it is asked to stop."""


class Alone:
    """One trial at a time, in this process."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._next: list[Attempt] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace

    @property
    def free(self) -> bool:
        """Whether another trial can be begun."""
        return not self._next

    def begin(self, attempt: Attempt) -> None:
        """Take a trial on."""
        self._next.append(attempt)

    def done(self) -> list[Trial]:
        """Wait for one or more to be done."""
        return [tried(self._objective, self._next.pop())]


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    pipe: Connection
    attempt: Attempt | None = field(default=None)


class Workers:
    """So many processes. Each gets an equal share of this process's threads.

    A worker that is killed leaves a failed trial, and another takes its place. One that is interrupted stops all. The
    objective is sent to the workers, so it must be something Python can send: a function or an object of a class that
    stands in a module by itself. `ConfigError` where it is not.
    """

    def __init__(self, objective: Objective, count: int) -> None:
        self._objective = objective
        self._threads = max(1, _threads() // count)
        self._context = get_context("spawn")
        self._workers: list[_Worker] = []
        self._count = count

    def __enter__(self) -> Self:
        try:
            while len(self._workers) < self._count:
                self._workers.append(self._started())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        self._stop()

    @property
    def free(self) -> bool:
        """Whether another trial can be begun."""
        return any(worker.attempt is None for worker in self._workers)

    def begin(self, attempt: Attempt) -> None:
        """Hand a trial to a worker that has none."""
        worker = next(worker for worker in self._workers if worker.attempt is None)
        worker.attempt = attempt
        with contextlib.suppress(BrokenPipeError):  # it died: `done` says so
            worker.pipe.send(attempt)

    def done(self) -> list[Trial]:
        """Wait for one or more to be done. `KeyboardInterrupt` where a worker was interrupted."""
        busy = {worker.pipe: worker for worker in self._workers if worker.attempt is not None}
        return [self._result(busy[pipe]) for pipe in wait(list(busy)) if isinstance(pipe, Connection)]

    def _result(self, worker: _Worker) -> Trial:
        attempt = worker.attempt
        if attempt is None:
            raise AssertionError  # only busy workers are waited for
        try:
            answer = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            self._workers[self._workers.index(worker)] = self._started()
            return Trial(
                number=attempt.number,
                settings=attempt.settings,
                value=None,
                failure=f"Its process ended with code {worker.process.exitcode}: killed, or out of memory.",
            )
        worker.attempt = None
        if isinstance(answer, KeyboardInterrupt | PenchantError):
            raise answer
        trial: Trial = answer
        return trial

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._objective, self._threads), name="penchant-search", daemon=True
        )
        try:
            process.start()
        except Exception as error:  # whatever Python's sending of objects raises
            raise ConfigError(
                f"The objective cannot be sent to other processes: {error}.",
                hint="Define it at the top of a module, or search with one worker.",
            ) from None
        theirs.close()
        return _Worker(process, ours)

    def _stop(self) -> None:
        """Let the idle ones go and ask those at work to stop; they keep the states of their trainings first."""
        for worker in self._workers:
            if worker.attempt is not None and worker.process.is_alive():
                worker.process.terminate()
            worker.pipe.close()
        for worker in self._workers:
            worker.process.join(PATIENCE)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self._workers = []


def _threads() -> int:
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdigit() and int(told) else os.cpu_count() or 1


def _serve(pipe: Connection, objective: Objective, threads: int) -> None:
    """A worker's life: trials come in, results go out, until the other end is closed."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C reaches the parent alone, which then asks each worker once
    signal.signal(signal.SIGTERM, _interrupt)
    _use(threads)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while True:
            attempt: Attempt = pipe.recv()
            answer: Any
            try:
                answer = tried(objective, attempt)
            except PenchantError as error:
                answer = error
            except KeyboardInterrupt:
                answer = KeyboardInterrupt()
            pipe.send(answer)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def _use(threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)
