"""What `TextRating` reads of a history and an item: two texts, and what the bias model says."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.encoders.pair_input import Texts
from penchant.models.language.behaviour_text import BehaviourWriter
from penchant.models.language.task_network import TaskNetwork
from penchant.models.rating.network import pairs_of
from penchant.models.rating.ratings import Scale, rating_matrix, touched
from penchant.types import AnyArray, DoubleArray, FloatArray, IntArray, RowArray

PAIRS_AT_ONCE = 20_000


class PairReader:
    """Pairs of a history and an item, in words and numbers. The item is left out of the history everywhere."""

    def __init__(
        self,
        item_texts: Sequence[str],
        writer: BehaviourWriter,
        *,
        item_biases: DoubleArray,
        scale: Scale,
        user_damping: float,
        biases: bool,
    ) -> None:
        self.item_texts, self.writer, self.item_biases = item_texts, writer, item_biases
        self._scale, self._user_damping, self._biases = scale, user_damping, biases

    def asked(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> list[Texts]:
        """The text of each item, and of the last events of its history."""
        whole: dict[int, tuple[str, set[int]]] = {}
        found: list[Texts] = []
        for case, item in zip(cases_P.tolist(), items_P.tolist(), strict=True):
            part = histories.of(case)
            if case not in whole:
                whole[case] = self._behaviour(histories, part)
            text, told = whole[case]
            if item in told:
                text = self._behaviour(histories, part, without=item)[0]
            found.append((self.item_texts[item], text))
        return found

    def before(self, histories: Histories, events_P: IntArray) -> list[Texts]:
        """The same for events of the histories, from what came before each: nobody knows what comes after."""
        owners = np.searchsorted(histories.indptr, events_P, side="right") - 1
        return [
            (self.item_texts[item], self._behaviour(histories, slice(start, event), without=item)[0])
            for event, start, item in zip(
                events_P.tolist(), histories.indptr[owners].tolist(), histories.items[events_P].tolist(), strict=True
            )
        ]

    def numbers(self, histories: Histories, cases_P: IntArray, items_P: RowArray) -> FloatArray | None:
        """b_b,−i + b_i of each pair, (P, 1), in σ; None where the bias model is not read. Checks the items' rows."""
        n_items = len(self.item_biases)
        rated, seen = rating_matrix(histories, n_items), touched(histories, n_items)
        if not self._biases:
            return None
        pairs = pairs_of(
            self._scale.standardised(rated),
            seen,
            self.item_biases,
            cases_P,
            items_P,
            user_damping=self._user_damping,
        )
        return np.asarray((pairs.user_biases_P + pairs.item_biases_P)[:, None].numpy(), dtype=np.float32)

    def outputs(
        self, network: TaskNetwork, task: str, histories: Histories, cases_P: IntArray, items_P: RowArray
    ) -> Tensor:
        """What a task's last layer says of each pair, (P, width)."""
        found = [torch.empty(0, network.heads[task].width)]
        numbers = self.numbers(histories, cases_P, items_P)
        for start in range(0, len(cases_P), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            beside = None if numbers is None else numbers[part]
            found.append(network.outputs(task, self.asked(histories, cases_P[part], items_P[part]), beside))
        return torch.cat(found)

    def _behaviour(self, histories: Histories, part: slice, *, without: int | None = None) -> tuple[str, set[int]]:
        return self.writer.text(histories.items[part], histories.types[part], histories.values[part], without=without)


def packed(texts: Sequence[str]) -> tuple[AnyArray, IntArray]:
    """Texts as bytes end to end, and where each ends."""
    written = [text.encode("utf-8", "surrogatepass") for text in texts]
    return np.frombuffer(b"".join(written), dtype=np.uint8), np.cumsum([len(text) for text in written], dtype=np.int64)


def unpacked(texts: AnyArray, ends: IntArray) -> list[str]:
    """What `packed` was given."""
    whole = texts.tobytes()
    return [whole[start:end].decode("utf-8", "surrogatepass") for start, end in pairwise([0, *ends.tolist()])]


def rated_events(dataset: Dataset) -> IntArray:
    """Which of the dataset's item events is the last rating of each user and item, in the order of `rating_matrix`."""
    histories = dataset.histories()
    rated = np.flatnonzero(~np.isnan(histories.values))
    owners = np.repeat(np.arange(len(histories), dtype=np.int64), histories.lengths)
    pairs = (owners * max(dataset.n_items, 1) + histories.items)[rated]
    last = np.unique(pairs[::-1], return_index=True)[1]
    return rated[::-1][last].astype(np.int64)
