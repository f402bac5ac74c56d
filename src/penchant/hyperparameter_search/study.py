"""Trials, each kept on disk as soon as it is done: a search cut short goes on, and one that ended can be extended."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from penchant.artifacts import FORMAT_VERSION, replace_file, write_json
from penchant.errors import CheckpointError
from penchant.hyperparameter_search.trials import Trial
from penchant.training.checkpoints import AGAIN, CHOOSE, ONLY_AGAIN, differences
from penchant.training.folders import clear

STUDY = "study.json"
TRIALS = "trial-{:04d}.json"
BEGUN = "begun-{:04d}.json"


class Study:
    """A folder with what is searched (``study.json``) and a file for each trial that is done."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self.identity: dict[str, Any] = orjson.loads(orjson.dumps(dict(identity)))

    def states(self, number: int) -> Path:
        """Where the trainings of a trial under way keep their states."""
        return self.folder / "states" / f"trial-{number:04d}"

    def open(self, *, resume: bool | None) -> dict[int, Trial]:
        """The trials that are done. `CheckpointError` for a study of something else, for one that is damaged, and for
        one that nobody said what to do with (`resume` is None); False begins again.
        """
        file = self.folder / STUDY
        if file.exists() and resume is None:
            raise CheckpointError(f"{self.folder} holds an earlier search.", hint=CHOOSE)
        if file.exists() and resume:
            self._check(file)
            return {trial.number: trial for trial in self._trials()}
        for pattern in (TRIALS, BEGUN):
            for old in self.folder.glob(pattern.replace("{:04d}", "*")):
                old.unlink()
        clear(self.folder / "states")
        value = {"format_version": FORMAT_VERSION, "kind": "study", "identity": self.identity}
        replace_file(file, lambda place: write_json(place, value))
        return {}

    def begin(self, number: int, settings: Mapping[str, Any]) -> None:
        """Keep the settings of a trial before it is measured: cut short, it goes on with the same."""
        replace_file(self.folder / BEGUN.format(number), lambda place: write_json(place, settings))

    def begun(self) -> dict[int, dict[str, Any]]:
        """The settings of the trials that were under way, by number."""
        found = {}
        for file in sorted(self.folder.glob(BEGUN.replace("{:04d}", "*"))):
            try:
                found[int(file.stem.removeprefix("begun-"))] = dict(orjson.loads(file.read_bytes()))
            except (OSError, orjson.JSONDecodeError, TypeError, ValueError):
                raise CheckpointError(f"{file} is damaged.", hint=ONLY_AGAIN) from None
        return found

    def add(self, trial: Trial) -> None:
        """Keep a trial that is done."""
        replace_file(self.folder / TRIALS.format(trial.number), lambda place: write_json(place, trial))
        (self.folder / BEGUN.format(trial.number)).unlink(missing_ok=True)
        clear(self.states(trial.number))
        if (states := self.folder / "states").is_dir() and not any(states.iterdir()):
            states.rmdir()

    def _check(self, file: Path) -> None:
        try:
            found = orjson.loads(file.read_bytes())
            was = dict(found["identity"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise CheckpointError(f"{file} is damaged.", hint=ONLY_AGAIN) from None
        refuse_other(self.folder, was, self.identity)

    def _trials(self) -> Iterable[Trial]:
        for file in sorted(self.folder.glob(TRIALS.replace("{:04d}", "*"))):
            try:
                yield Trial.read(orjson.loads(file.read_bytes()))
            except (OSError, orjson.JSONDecodeError, TypeError, AttributeError):
                raise CheckpointError(f"{file} is damaged.", hint=ONLY_AGAIN) from None


def refuse_other(place: object, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """`CheckpointError` where what is kept at `place` is another search."""
    if told := differences(was, now):
        raise CheckpointError(
            f"{place} holds another search: {'; '.join(told)}.",
            hint=f"Give the same data, space and options to go on. {AGAIN}",
        )
