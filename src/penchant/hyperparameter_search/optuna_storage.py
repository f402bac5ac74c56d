"""Trials in an Optuna storage, beside their own files: for optuna-dashboard, and for Optuna's own tools."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from penchant.errors import CheckpointError, ConfigError, PenchantError
from penchant.hyperparameter_search.optuna_sampling import frozen, optuna_library
from penchant.hyperparameter_search.space import Problem
from penchant.hyperparameter_search.study import refuse_other
from penchant.hyperparameter_search.trials import Trial
from penchant.training.checkpoints import CHOOSE

if TYPE_CHECKING:
    import optuna

IDENTITY, TRIAL = "penchant identity", "penchant trial"


class OptunaStorage:
    """One study of a storage, called as the problem is.

    Each trial of it holds ours as JSON, so that a search whose folder was lost goes on from the storage alone. A trial
    that failed, or of which nothing that is searched is known, is a failed one there.
    """

    def __init__(self, url: str, problem: Problem, identity: Mapping[str, Any]) -> None:
        self._url = url
        self._problem = problem
        self._identity: dict[str, Any] = orjson.loads(orjson.dumps(dict(identity)))
        library = optuna_library()
        with self._told_by_us():
            self._storage = library.storages.RDBStorage(url)
        self._study: optuna.Study | None = None

    def open(self, done: Mapping[int, Trial], *, resume: bool | None) -> dict[int, Trial]:
        """All trials that are done: those of the folder and those of the storage, each then knowing both.
        `CheckpointError` as `Study.open`.
        """
        library, name, storage = optuna_library(), self._problem.name, self._storage
        with self._told_by_us():
            known = name in library.study.get_all_study_names(storage)
            if known and resume is None:
                raise CheckpointError(f"{self._url} holds an earlier search called {name!r}.", hint=CHOOSE)
            if known and resume is False:
                library.delete_study(study_name=name, storage=storage)
            study = library.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
            if IDENTITY in study.user_attrs:
                refuse_other(self._url, study.user_attrs[IDENTITY], self._identity)
            study.set_user_attr(IDENTITY, self._identity)
            found = [Trial.read(orjson.loads(t.user_attrs[TRIAL])) for t in study.trials if TRIAL in t.user_attrs]
        self._study = study
        stored = {trial.number: trial for trial in found}
        for number in sorted(set(done) - set(stored)):
            self.add(done[number])
        return {**stored, **done}

    @contextmanager
    def _told_by_us(self) -> Iterator[None]:
        """`ConfigError` for whatever the database and its driver raise."""
        try:
            yield
        except PenchantError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise ConfigError(
                f"The storage {self._url} cannot be used: {reason}",
                hint="Give it as sqlite:///FILE.db, in a folder that can be written to.",
            ) from error

    def add(self, trial: Trial) -> None:
        """Keep a trial that is done."""
        if self._study is None:
            return
        trial_of = optuna_library().trial
        about = {TRIAL: orjson.dumps(trial).decode(), "number": trial.number, "seconds": trial.seconds}
        failed = trial.value is None and not trial.pruned
        made = None if failed else frozen(self._problem, trial, about)
        if made is None:
            state = trial_of.TrialState.FAIL if failed else trial_of.TrialState.COMPLETE
            made = trial_of.create_trial(state=state, value=trial.value, user_attrs=about)
        with self._told_by_us():
            self._study.add_trial(made)
