"""The batches of an epoch, drawn again from where randomness stood, in every process alike."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic

from torch import nn

from penchant.training.checkpoints import TrainingState
from penchant.training.course import Course, rewind
from penchant.training.processes import Processes
from penchant.training.randomness import Generator, random_states, set_random_states
from penchant.training.steps import Batch


@dataclass(slots=True, kw_only=True)
class Draws(Generic[Batch]):
    """Where a training's batches come from."""

    batches: Callable[[int], Collection[Batch]]
    """From an epoch, counted from 1, to its batches."""
    module: nn.Module
    generators: Mapping[str, Generator]
    processes: Processes
    course: Course
    state: TrainingState | None
    """What is gone on from, until its epoch is under way again."""
    noted: bool
    """Whether it is written down where randomness stood before an epoch's batches were drawn."""
    ahead: Collection[Batch] | None = field(default=None, init=False)
    """The first epoch's batches, drawn ahead to know how many there are."""

    def count(self) -> int:
        """The batches of the first epoch."""
        self._note_randomness()
        self.ahead = self.batches(1)
        return len(self.ahead)

    def left(self, *, a_step: int) -> Iterator[Batch]:
        """The batches of the epoch under way that no step was made with yet; a step takes `a_step` of them."""
        state, self.state = self.state, None
        if state is not None and self.course.random_before:
            rewind(state, self.generators, before_epoch=True)
            drawn = iter(self.batches(self.course.epoch))
            for _ in islice(drawn, self.course.done * a_step):
                pass
            rewind(state, self.generators, before_epoch=False)
            return drawn
        if state is not None:  # taken between two epochs
            rewind(state, self.generators, before_epoch=False)
        if self.ahead is not None:
            ahead, self.ahead = self.ahead, None
            return iter(ahead)
        self._note_randomness()
        return iter(self.batches(self.course.epoch))

    def _note_randomness(self) -> None:
        """All processes draw from where the first one stands."""
        if not self.processes.alone:
            stood = self.processes.of_first(random_states(self.module, self.generators))
            set_random_states(stood, self.generators)
        if self.noted:
            self.course.random_before = random_states(self.module, self.generators)
