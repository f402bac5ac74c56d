"""Lists on disk: one file for each model and seed, and the truth, in the form `penchant metrics score` reads."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from penchant.data.dataset import Table
from penchant.data.histories import Cases
from penchant.evaluation.scoring import Answers
from penchant.metrics.lists import write_lists

ONE_CASE_A_USER = ("leave-one-out", "temporal", "k-fold-users")


class ListFolder:
    """Writes lists into a folder. Where a protocol asks a user several times, the cases are users of their own,
    ``u1#1``, ``u1#2``.
    """

    def __init__(self, folder: Path, *, users: Table, items: Table, protocol: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._users, self._items = users, items
        self._numbered = protocol not in ONE_CASE_A_USER
        self._asked: Counter[str] = Counter()
        self._written: set[str] = set()
        self._case_ids: list[str] = []

    def begin(self, cases: Cases) -> None:
        """The cases that the next lists answer; their targets are added to ``truth.jsonl``."""
        self._case_ids = [self._case_id(self._users.ids[row]) for row in cases.histories.users.tolist()]
        lines = ((id_, [self._items.ids[i] for i in cases.targets(b)], None) for b, id_ in enumerate(self._case_ids))
        self._write("truth.jsonl", lines)

    def write(self, model: str, answers: Mapping[bool, Answers], *, seed: int) -> None:
        """Add a model's lists to its files, such as ``item_knn.seed-0.history-excluded.jsonl``."""
        for excluded, answer in answers.items():
            history = "excluded" if excluded else "included"
            self._write(f"{model}.seed-{seed}.history-{history}.jsonl", self._lines(answer))

    def _lines(self, answer: Answers) -> Iterator[tuple[str, Sequence[str], Sequence[float] | None]]:
        for id_, items, scores in zip(self._case_ids, answer.lists, answer.scores, strict=True):
            there = items >= 0
            yield id_, [self._items.ids[i] for i in items[there]], scores[there].tolist()

    def _case_id(self, user_id: str) -> str:
        if not self._numbered:
            return user_id
        self._asked[user_id] += 1
        return f"{user_id}#{self._asked[user_id]}"

    def _write(self, name: str, lines: Iterator[tuple[str, Sequence[str], Sequence[float] | None]]) -> None:
        write_lists(self.folder / name, lines, append=name in self._written)
        self._written.add(name)
