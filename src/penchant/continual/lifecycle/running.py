"""The whole loop, stage after stage: each reads what those before it made, and is kept when it is done."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penchant.artifacts import write_json
from penchant.continual.lifecycle import learning_stages, serving_stages
from penchant.continual.lifecycle.folder import RESULT, RunFolder, StageRecord, settings_key
from penchant.continual.lifecycle.report import ReportRow, rows_of, write_report
from penchant.continual.lifecycle.settings import STAGES, LifecycleConfig
from penchant.continual.lifecycle.work import Work
from penchant.errors import BundleError, PenchantError
from penchant.models.catalogue import RECOMMENDERS
from penchant.progress import SILENT, Progress
from penchant.training.folders import states_of, unfinished


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the loop."""

    does: Callable[[Work], dict[str, Any]]
    reads: tuple[str, ...]
    """Stages before it whose folders it reads, where they are not skipped"""
    also: tuple[str, ...] = ()
    """Stages whose settings count for it too"""


TABLE: Mapping[str, Stage] = {
    "data": Stage(learning_stages.prepare_data, ()),
    "pretrain": Stage(learning_stages.pretrain, ("data",)),
    "finetune": Stage(learning_stages.finetune, ("data", "pretrain")),
    "profile": Stage(learning_stages.profile, ("data", "pretrain", "finetune")),
    "explore": Stage(serving_stages.explore, ("data", "profile")),
    "rank": Stage(serving_stages.rank, ("data", "profile", "explore"), also=("explore",)),
    "feedback": Stage(serving_stages.feedback, ("data", "rank")),
    "update": Stage(serving_stages.update, ("pretrain", "finetune", "profile", "feedback")),
    "report": Stage(write_report, STAGES[:-1]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did."""

    folder: str
    done: tuple[str, ...]
    """Stages that this call did"""
    kept: tuple[str, ...]
    """Stages that were done already"""
    skipped: tuple[str, ...]
    stages: Mapping[str, Mapping[str, Any]]
    """Stage → what it told"""
    rows: tuple[ReportRow, ...]
    """Before and after"""


def run_loop(
    config: LifecycleConfig,
    folder: Path,
    *,
    resume: bool | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = SILENT,
) -> RunReport:
    """Do the stages that are not done, in order.

    With ``resume=True`` a stage is kept where it is done, its settings are the same, what it read is as it was, and so
    is what it made; the first that is not, and whatever reads of it, is done again. A training that was stopped goes on
    where it was. `resume` False begins again; None refuses where there is a run.

    A stage that fails stops the run: `run.json` and the error say which, and those before it stay. Raises `ConfigError`
    and `NotFoundError` before anything is done for a run that cannot be, `BundleError` for a folder that cannot be
    used, and the stage's own error with its name.
    """
    source = learning_stages.source_of(config.data.source)
    for name in config.rank.against:
        RECOMMENDERS.build(name, config.rank.settings.get(name))
    kept_in = RunFolder.open(folder, resume=resume)
    with kept_in.in_use():
        done, told = _stages(kept_in, config, source, now=now, progress=progress)
    return RunReport(
        folder=str(folder),
        done=tuple(done),
        kept=tuple(name for name in told if name not in done),
        skipped=tuple(config.skip),
        stages=told,
        rows=tuple(rows_of(told)),
    )


def _stages(
    folder: RunFolder, config: LifecycleConfig, source: Path, *, now: Callable[[], datetime], progress: Progress
) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Which stages were done now, and what each, done now or before, told."""
    done, told = list[str](), dict[str, dict[str, Any]]()
    wanted = [name for name in STAGES if name not in config.skip]
    for name in wanted:
        stage = TABLE[name]
        settings = settings_key(
            name,
            config.of_stage(name),
            seed=config.seed,
            source=source if name == "data" else None,
            also=tuple(found for other in stage.also if (found := config.of_stage(other)) is not None),
        )
        reads = {one: folder.records[one].made for one in stage.reads if one in wanted}
        before = folder.records.get(name)
        why = _why(before, settings, reads)
        if not why and folder.whole(name):
            told[name] = folder.result(name)
            progress.note(f"{name}: kept")
            continue
        if before is not None and before.state == "done":
            progress.note(f"{name}: done again, since {why or 'its folder was altered'}")
        else:
            progress.note(f"{name}: begins")
        told[name] = _do(name, folder, config, settings, reads, told, now=now, progress=progress)
        done.append(name)
    return done, told


def _why(before: StageRecord | None, settings: str, reads: Mapping[str, str]) -> str:
    """What is not as it was when the stage was done; "" where all is."""
    if before is None or before.state != "done":
        return "it was not done"
    if before.settings != settings:
        return "its settings or its source changed"
    changed = sorted({*before.reads} ^ {*reads}) or [one for one, made in reads.items() if before.reads[one] != made]
    return f"{', '.join(changed)} changed" if changed else ""


def _do(
    name: str,
    folder: RunFolder,
    config: LifecycleConfig,
    settings: str,
    reads: Mapping[str, str],
    told: Mapping[str, dict[str, Any]],
    *,
    now: Callable[[], datetime],
    progress: Progress,
) -> dict[str, Any]:
    """Do a stage and keep it, or keep that it failed."""
    before, states, began = folder.records.get(name), folder.checkpoints(name), time.perf_counter()
    same = before is not None and (before.settings, dict(before.reads)) == (settings, dict(reads))
    go_on = same and bool(unfinished(states))
    record = StageRecord(state="failed", settings=settings, reads=reads, error="stopped")
    folder.keep(name, record)  # so that a run that is killed knows what its trainings' states are of
    try:
        with (
            states_of({"work": name, "settings": settings, "reads": dict(reads)}, states, resume=go_on),
            folder.emptied(name) as place,
        ):
            work = Work(
                folder=folder,
                place=place,
                config=config,
                told={one: told[one] for one in TABLE[name].reads if one in told},
                checkpoints=states,
                resume=go_on,
                now=now,
                progress=progress,
            )
            found = TABLE[name].does(work)
            write_json(place / RESULT, found)
    except PenchantError as error:
        _failed(name, folder, settings, reads, error.message)
        error.message = f"Stage {name} failed: {error.message}"
        error.args = (error.message,)
        error.hint = f"{error.hint} {_HINT}".strip()
        raise
    except OSError as error:
        _failed(name, folder, settings, reads, str(error))
        raise BundleError(f"Stage {name} failed: {error.strerror or error}.", hint=f"Make room. {_HINT}") from None
    except Exception as error:
        _failed(name, folder, settings, reads, f"{type(error).__name__}: {error}")
        error.add_note(f"Stage {name} failed. {_HINT}")
        raise
    seconds = round(time.perf_counter() - began, 2)
    made = folder.made(name)
    folder.keep(name, StageRecord(state="done", settings=settings, reads=reads, made=made, seconds=seconds))
    return folder.result(name)


_HINT = "The stages before it are kept: go on with --resume."


def _failed(name: str, folder: RunFolder, settings: str, reads: Mapping[str, str], error: str) -> None:
    with contextlib.suppress(OSError):  # a full disk: what went wrong first is what is told
        folder.keep(name, StageRecord(state="failed", settings=settings, reads=reads, error=error))
