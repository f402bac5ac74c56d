"""Several tasks that share one language model: what a user intends, likes, clicks and says, read from text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import torch
from pydantic import Field
from torch import Tensor

from penchant.config import Config
from penchant.encoders.fine_tuning import FineTunedEncoderConfig
from penchant.encoders.pair_input import Texts
from penchant.errors import ConfigError, NotFoundError, UnsupportedError
from penchant.metrics.probabilities import YesNoReport, yes_no_report
from penchant.models.language.examples import Examples, Labels
from penchant.models.language.platt_scaling import PlattScaling, scaling_that_pays
from penchant.models.language.task import Task
from penchant.models.language.task_network import TaskData, TaskNetwork, train_tasks
from penchant.models.language.task_weights import Weighting
from penchant.models.rating.head_choice import HeadConfig
from penchant.models.saving import fitted, read_model, write_model
from penchant.progress import SILENT, Progress
from penchant.seeding import derive
from penchant.training.loop import TrainingConfig, TrainingRecord
from penchant.training.rating_heads import Liked, RatingHead
from penchant.types import DoubleArray

NAME = "multi_task"
FINE_TUNING = TrainingConfig(
    learning_rate=5e-4,
    weight_decay=0.01,
    warmup_steps=50,
    max_epochs=5,
    evaluate_every=1,
    patience=2,
    clip_norm=1.0,
)


class MultiTaskConfig(Config):
    """Settings of `MultiTask`."""

    language_model: FineTunedEncoderConfig = FineTunedEncoderConfig()
    heads: Mapping[str, HeadConfig] = Field(default_factory=dict)
    """Task → its head, of tasks whose labels are ratings; a ``rating`` where none is named. Others answer yes or no."""
    weighting: Weighting = "equal"
    """How much each task's loss counts: all alike, or by the uncertainty that is learned of it (`TaskWeights`)."""
    weighting_rate: float = Field(default=0.02, gt=0)
    """Learning rate of those weights."""
    batch: int = Field(default=16, ge=1)
    """Examples a step, all of one task."""
    max_examples: int | None = Field(default=4000, ge=1)
    """Examples of each task an epoch, drawn anew each time; None: all."""
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    """Of the users of each task, where no validation examples are handed in; 0: none, and the last epoch stays."""
    calibrate: bool = True
    """Bring probabilities to what came of the validation examples, where that pays."""
    training: TrainingConfig = FINE_TUNING


class MultiTask:
    """One language model under a head for each task.

    ::

        h    = pool( language model( text, or item [SEP] behaviour ) )
        o_t  = W_t h + b_t
        loss = Σ_t w_t (1/N_t) Σ_n loss_t(o_t, y_n)      a step for one task, the tasks in turn; w_t = 1, or learned

    Yes/no tasks are trained by binary cross-entropy on logits, ratings as `penchant.training.rating_heads` says. The
    tasks train the shared layers together and their own last layer alone (Caruana 1997, Liu et al. 2019). The epoch
    whose mean validation loss over the tasks is least stays. P(yes) = σ(a o + b), the a and b of `PlattScaling` where
    they pay on the validation examples, else 1 and 0.

    Saved is what training changed, the trained layers and the heads, with the fingerprint of the checkpoint that they
    belong to: the whole would be 90 MB for the embedded model, which every installation has. `load` refuses another
    checkpoint in its place.

    Caveat: every text is a pass through the language model; `max_examples` bounds an epoch.
    """

    def __init__(self, config: MultiTaskConfig | None = None) -> None:
        self.config = config or MultiTaskConfig()
        self._network: TaskNetwork | None = None
        self._tasks: dict[str, Task] = {}
        self.record: TrainingRecord | None = None
        """How the training went; None for a loaded model."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks, sorted."""
        return tuple(self._tasks)

    def fit(
        self,
        tasks: Mapping[str, Examples],
        *,
        validation: Mapping[str, Examples] | None = None,
        start: "MultiTask | None" = None,
        seed: int = 0,
        device: str = "auto",
        progress: Progress = SILENT,
    ) -> Self:
        """Learn all tasks together, on `device` as in `FitOptions`.

        With `validation` (of some tasks or all) that decides which epoch stays and how probabilities are calibrated;
        with None, `validation_share` of each task's users are held out. With `start`, another fitted model, perhaps of
        another catalogue, the training begins with its layers and with its heads of the tasks that both have.

        Raises `DataError` for a task without examples, with labels that are missing, outside their scale, or all the
        same; `ConfigError` for no task and for a head of a task that is not there; `BundleError` for a `start` of
        another language model or method; `TrainingError` where the loss is not finite from the beginning.
        """
        tasks = {name: tasks[name] for name in sorted(tasks)}
        self._check(tasks, validation)
        if validation is None:
            parts = {name: task.divided(self.config.validation_share, seed=seed) for name, task in tasks.items()}
            tasks, validation = ({name: part[k] for name, part in parts.items()} for k in (0, 1))
        validation = {name: examples for name, examples in validation.items() if len(examples)}
        for name, examples in tasks.items():
            examples.check_learnable(name)
        known = {name: Task.of(examples, self.config.heads.get(name, HeadConfig())) for name, examples in tasks.items()}
        with torch.random.fork_rng():
            torch.manual_seed(derive(seed, NAME))
            heads = {name: task.head() for name, task in known.items()}
            network = TaskNetwork(self.config.language_model, heads, seed=seed, weighting=self.config.weighting)
            if start is not None:
                network.begin_as(fitted(start._network, NAME))
            asked = {name: _data(network.heads[name], examples) for name, examples in validation.items()}
            self.record = train_tasks(
                network,
                {name: _data(network.heads[name], examples) for name, examples in tasks.items()},
                evaluate=(lambda: -network.validation_loss(asked)) if asked else None,
                batch=self.config.batch,
                most=self.config.max_examples,
                config=self.config.training,
                seed=seed,
                name=NAME,
                progress=progress,
                weighting_rate=self.config.weighting_rate,
                device=device,
            )
        if self.config.calibrate:
            for name, examples in validation.items():
                if known[name].meaning.names:
                    logits = network.outputs(name, examples.texts)[:, 0].double().numpy()
                    scaling = scaling_that_pays(logits, examples.values, seed=seed)
                    known[name] = replace(known[name], scaling=scaling)
        self._network, self._tasks = network, known
        return self

    def probabilities(self, task: str, texts: Sequence[Texts]) -> DoubleArray:
        """P(yes) of each text, (N,), from 0 to 1: the degree of interest where the task is a like, a click, a purchase.

        `NotFoundError` for a task that is not there, `UnsupportedError` for one whose labels are ratings.
        """
        found = self._found(task)
        head = fitted(self._network, NAME).heads[task]
        if found.meaning.names is None or not isinstance(head, Liked):
            raise UnsupportedError(
                f"The labels of the task {task!r} are ratings: it has no probabilities.", hint="Ask for `ratings`."
            )
        probabilities: DoubleArray = head.probabilities(self._outputs(task, texts)).double().numpy()
        return probabilities

    def ratings(self, task: str, texts: Sequence[Texts]) -> DoubleArray:
        """The labels that are expected, in their own unit, (N,), or (N, k) for k aspects; of yes/no tasks P(yes)."""
        self._found(task)
        outputs = self._outputs(task, texts)
        expected: DoubleArray = fitted(self._network, NAME).heads[task].ratings(outputs).double().numpy()
        return expected

    def decide(self, task: str, texts: Sequence[Texts], *, threshold: float = 0.5) -> list[str]:
        """The name of what is expected of each text, such as ``buy`` where P(buy) is at least the threshold."""
        names = self._found(task).meaning.names or ("", "")
        return [names[int(p >= threshold)] for p in self.probabilities(task, texts)]

    def labels(self, task: str) -> Labels:
        """What the task's labels mean."""
        return self._found(task).meaning

    def scaling(self, task: str) -> PlattScaling | None:
        """How the task's logits are brought to probabilities; None: as they are."""
        return self._found(task).scaling

    def report(self, task: str, examples: Examples, *, threshold: float = 0.5) -> YesNoReport:
        """Precision and recall of the yes, the Brier score beside the base rate's, and the reliability table."""
        examples.check(task)
        return yes_no_report(self.probabilities(task, examples.texts), examples.values, threshold=threshold)

    def weights(self) -> dict[str, float]:
        """How much each task's loss counted in the end; 1 where they are not learned."""
        learned = fitted(self._network, NAME).weights
        return dict.fromkeys(self._tasks, 1.0) if learned is None else learned.weights()

    def save(self, folder: Path) -> None:
        """Write what was trained into an existing folder."""
        network = fitted(self._network, NAME)
        arrays = {name: value.numpy() for name, value in network.state_dict().items()}
        facts = {
            "fingerprint": network.encoder.fingerprint,
            "tasks": {name: task.as_json() for name, task in self._tasks.items()},
        }
        write_model(folder, NAME, self.config, arrays=arrays, facts=facts)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read it; `BundleError` where it is not whole, or the checkpoint is another than it was fitted with."""
        config, facts, arrays = read_model(folder, NAME, MultiTaskConfig, needs=("fingerprint", "tasks"))
        model = cls(config)
        model._tasks = {name: Task.from_json(saved) for name, saved in facts["tasks"].items()}
        heads = {name: task.head() for name, task in model._tasks.items()}
        with torch.random.fork_rng():
            network = TaskNetwork(config.language_model, heads, weighting=config.weighting)
        network.encoder.check(facts["fingerprint"])
        network.take({name: torch.from_numpy(value) for name, value in arrays.items()}, what=str(folder))
        model._network = network
        return model

    def _found(self, task: str) -> Task:
        fitted(self._network, NAME)
        if task not in self._tasks:
            raise NotFoundError(f"No task is called {task!r}.", hint=f"There are: {', '.join(self._tasks)}.")
        return self._tasks[task]

    def _outputs(self, task: str, texts: Sequence[Texts]) -> Tensor:
        """What the head reads, calibrated."""
        outputs = fitted(self._network, NAME).outputs(task, texts)
        scaling = self._tasks[task].scaling
        return outputs if scaling is None else scaling.slope * outputs + scaling.intercept

    def _check(self, tasks: Mapping[str, Examples], validation: Mapping[str, Examples] | None) -> None:
        if not tasks:
            raise ConfigError("No task came.", hint="Give the examples of each task under its name.")
        for given, what in ((self.config.heads, "a head"), (validation or {}, "validation examples")):
            if strangers := sorted(set(given) - set(tasks)):
                raise ConfigError(
                    f"There is {what} for {', '.join(strangers)}, which is no task.",
                    hint=f"Tasks: {', '.join(tasks)}.",
                )
        for name in self.config.heads:
            if tasks[name].meaning.names:
                raise ConfigError(
                    f"The task {name!r} is answered by yes or no, and a head was chosen for it.", hint="Leave it out."
                )
        for name, examples in tasks.items():
            examples.check(name)
            if validation is not None and name in validation and len(validation[name]):
                validation[name].check(name)
                if validation[name].meaning != examples.meaning:
                    raise ConfigError(
                        f"The validation labels of the task {name!r} mean something else than its training labels.",
                        hint="Make both by the same builder.",
                    )


def _data(head: RatingHead, examples: Examples) -> TaskData:
    return TaskData(head=head, size=len(examples), texts=examples.of, targets=head.targets(examples.values))
