"""One training in the fit of a model: which it is, where its state is kept, where its epochs are written down."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from penchant.artifacts import replace_file
from penchant.config import Config
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.links import Links
from penchant.errors import ConfigError
from penchant.interfaces import FitOptions
from penchant.training.devices import chosen_device
from penchant.training.records import Costs, EpochRecord, Fact, TrainingRecord
from penchant.training.tracker import Tracker
from penchant.types import AnyArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun:
    """What `train` needs to keep a state and a log; see `training_run`."""

    name: str
    identity: Mapping[str, Fact]
    """What must be the same for a state to be this training's."""
    folder: Path | None
    resume: bool | None
    log: Path | None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """What is told of the run beside the settings of its training."""
    trackers: Sequence[Tracker] = ()
    """Who follows it beside the log."""
    every_seconds: float = 60.0
    """Within an epoch the state is written this often, or less often where writing takes long."""


def training_run(options: FitOptions, *, dataset: Dataset, config: Config, name: str) -> TrainingRun | None:
    """The run that a fit's options ask for; None where they ask for neither state nor log nor trackers.

    A state is this training's where Penchant, torch, the model's `name` and settings, the seed, the device, the dataset
    it learns from and the vectors and validation cases handed in are the same. A model of several trained parts gives
    each its own options, `options.part(name)`.
    """
    if options.checkpoints is None and options.run_log is None and not options.trackers:
        return None
    return TrainingRun(
        name=options.run or name,
        identity=_identity(options, dataset, config, name) if options.checkpoints else {},
        folder=options.checkpoints,
        resume=options.resume,
        log=options.run_log,
        facts={"model": name, "seed": options.seed, **_flat(config.model_dump(mode="json"), "settings")},
        trackers=tuple(options.trackers),
    )


class RunLog:
    """A `Tracker`: JSON lines, one file for any number of trainings, each line with its training's name.

    The key `part` says what a line is: ``begin`` with the run's facts; for each epoch ``train`` (loss, gradient_norm,
    learning_rate, seconds, and steps left_out by float16 where there are some) and, where it was validated,
    ``validation`` (value, the same value on a sample of what was trained on, their gap, and whether no earlier epoch
    was better); ``test`` where there is a test part; ``end`` with why and when it stopped and what it cost.

    `ConfigError` for a file that holds anything but lines of JSON, or that cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run, self._best = "", float("-inf")

    def begin(self, run: str, facts: Mapping[str, Fact]) -> None:
        """Lines of this run that the file has are taken out; those of other runs stay."""
        self._run, self._best = run, float("-inf")
        try:
            kept = [line for line in self._lines() if _run_of(line) != run]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = b"".join(line + b"\n" for line in kept) + self._line("begin", {"facts": dict(facts)})
            replace_file(self.path, lambda file: file.write_bytes(text))
        except OSError as error:
            raise self._unwritable(error) from None
        except (orjson.JSONDecodeError, TypeError, KeyError):
            raise ConfigError(f"{self.path} is not a log of trainings.", hint="Choose another file.") from None

    def epoch(self, record: EpochRecord) -> None:
        """Add an epoch that has ended."""
        told = ("epoch", "loss", "gradient_norm", "learning_rate", "seconds")
        left_out = {"left_out": record.left_out} if record.left_out else {}
        text = self._line("train", {name: getattr(record, name) for name in told} | left_out)
        if record.validation is not None:
            best = record.validation > self._best
            self._best = max(self._best, record.validation)
            measured = {"value": record.validation, "training": record.training, "gap": record.gap, "best": best}
            text += self._line("validation", {"epoch": record.epoch, **measured})
        self._append(text)

    def end(self, record: TrainingRecord, costs: Costs) -> None:
        """Add the test value, where there is one, and how it ended."""
        found = {"epoch": record.best_epoch, "value": record.test_value}
        came = {name: getattr(record, name) for name in ("stopped", "best_epoch", "best_value", "start_value")}
        tested = b"" if record.test_value is None else self._line("test", found)
        self._append(tested + self._line("end", came | asdict(costs)))

    def _append(self, text: bytes) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(text)
        except OSError as error:
            raise self._unwritable(error) from None

    def _line(self, part: str, values: Mapping[str, Any]) -> bytes:
        return orjson.dumps({"run": self._run, "part": part, **values}) + b"\n"

    def _lines(self) -> list[bytes]:
        """The whole lines of the file; a process that was killed may have left half of a last one."""
        if not self.path.exists():
            return []
        *whole, _ = self.path.read_bytes().split(b"\n")
        return [line for line in whole if line]

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{self.path} cannot be written: {error.strerror or error}.", hint="Choose another place for the log."
        )


def _run_of(line: bytes) -> str:
    return str(orjson.loads(line)["run"])


def _identity(options: FitOptions, dataset: Dataset, config: Config, name: str) -> dict[str, Fact]:
    return {
        "penchant": version("penchant"),
        "torch": version("torch"),
        "model": name,
        **_flat(config.model_dump(mode="json"), "settings"),
        "seed": options.seed,
        "device": str(chosen_device(options.device)),
        "events": dataset.fingerprint,
        "attributes": _attributes(dataset),
        "links": _links(dataset.links),
        "validation cases": _cases(options.validation),
        "item vectors": _digest(options.item_vectors),
        "user vectors": _digest(options.user_vectors),
    }


def _flat(settings: Mapping[str, Any], prefix: str) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    for key, value in settings.items():
        path = f"{prefix}.{key}"
        if isinstance(value, Mapping):
            found |= _flat(value, path)
        else:
            found[path] = value if isinstance(value, Fact) else orjson.dumps(value).decode()
    return found


def _attributes(dataset: Dataset) -> str:
    digest = hashlib.blake2b(digest_size=8)
    digest.update(repr((dataset.clock, dataset.rating_scale)).encode())
    for table in (dataset.users, dataset.items):
        for column, values in table.columns.items():
            digest.update(column.encode())
            digest.update(orjson.dumps(values.tolist(), default=str, option=orjson.OPT_SERIALIZE_NUMPY))
    return digest.hexdigest()


def _links(links: Links | None) -> str | None:
    if links is None:
        return None
    names = np.frombuffer("\x1f".join([*links.names, "", *links.others]).encode(), dtype=np.uint8)
    ends = links.subjects, links.subject_kinds, links.objects, links.object_kinds
    return _digest(names, links.relations, *ends)


def _cases(cases: Cases | None) -> str | None:
    if cases is None:
        return None
    asked = cases.histories
    return _digest(asked.users, asked.indptr, asked.items, asked.timestamps, cases.target_indptr, cases.target_items)


def _digest(*arrays: AnyArray | None) -> str | None:
    """16 hex digits of the arrays' contents; None where the one array is."""
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        if array is None:
            return None
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
