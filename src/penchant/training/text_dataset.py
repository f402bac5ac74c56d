"""Texts with labels as a torch `Dataset`: what a transformer reads, one row at a time or a batch."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from penchant.errors import ConfigError, DataError
from penchant.seeding import torch_rng

Padding = Literal["fixed", "batch"]
READ = ("input_ids", "attention_mask", "token_type_ids")


class TextDataset(Dataset[dict[str, Tensor]]):
    """N texts, or pairs of texts, and a label each.

    A row has 1-D ``input_ids`` and ``attention_mask`` (and ``token_type_ids`` where the tokenizer gives them), and
    ``labels``. With ``padding = "fixed"`` all rows are `max_length` long and any loader stacks them; with ``"batch"`` a
    row is as long as its text, and `collate` pads a batch to the longest in it, which is several times faster where
    texts are short. A longer text is cut; pads have mask 0.

    `labels` is (N,) class ids, (N,) numbers or (N, C) one-hot or soft classes: see `penchant.training.labels`. None:
    the rows have none.
    """

    def __init__(
        self,
        texts: Sequence[str] | Sequence[tuple[str, str]],
        labels: Tensor | None,
        *,
        tokenizer: Any,
        max_length: int = 128,
        padding: Padding = "fixed",
    ) -> None:
        """`tokenizer`: one of Transformers. `DataError` where texts and labels are not equally many."""
        if labels is not None and len(labels) != len(texts):
            raise DataError(f"{len(texts)} texts and {len(labels)} labels came.", hint="Give one label for each text.")
        if max_length < 1:
            raise ConfigError(f"max_length is {max_length}.", hint="Choose 1 or more; 128 suits item texts.")
        self.labels, self.max_length, self.padding = labels, max_length, padding
        pad = getattr(tokenizer, "pad_token_id", None)
        self._pads = {"input_ids": 0 if pad is None else int(pad)}
        self._left = getattr(tokenizer, "padding_side", "right") == "left"
        self._rows: list[dict[str, list[int]]] = []
        if len(texts):
            pairs = not isinstance(texts[0], str)
            columns = zip(*texts, strict=True) if pairs else (texts,)
            read = tokenizer(
                *map(list, columns), truncation=True, max_length=max_length, padding=False, return_attention_mask=True
            )
            kept = [name for name in READ if name in read]
            self._rows = [{name: read[name][n] for name in kept} for n in range(len(texts))]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        read = {name: torch.tensor(values, dtype=torch.int64) for name, values in self._rows[row].items()}
        if self.padding == "fixed":
            read = {name: self._pad(name, part, self.max_length) for name, part in read.items()}
        return read if self.labels is None else {**read, "labels": self.labels[row]}

    @property
    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(N,) tokens of each text, pads not counted."""
        return np.array([len(row["input_ids"]) for row in self._rows], dtype=np.int64)

    def collate(self, rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Rows to a batch: (B, L) ids and mask, (B, …) labels; L is `max_length`, or the longest of the rows."""
        length = max(len(row["input_ids"]) for row in rows)
        batch = {}
        for name in rows[0]:
            parts = [row[name] for row in rows]
            batch[name] = torch.stack(parts if name == "labels" else [self._pad(name, part, length) for part in parts])
        return batch

    def _pad(self, name: str, part: Tensor, length: int) -> Tensor:
        missing = length - len(part)
        ends = (missing, 0) if self._left else (0, missing)
        return torch.nn.functional.pad(part, ends, value=self._pads.get(name, 0))


class ByLength(Sampler[list[int]]):
    """Batches of texts of like length, every row once an epoch, another order in each.

    Rows are shuffled, sorted by length within stretches of `stretch` batches, cut into batches, and the batches
    shuffled: little padding, and still batches of mixed content. The order is that of the seed and of how many epochs
    went before; `begin(epoch)` says which is next, as after a stop.
    """

    def __init__(self, lengths: Sequence[int], *, size: int, seed: int, stretch: int = 50) -> None:
        self._lengths, self._size, self._seed, self._stretch = np.asarray(lengths), size, seed, stretch
        self._epoch = 1

    def begin(self, epoch: int) -> None:
        """The next pass is this epoch's, counted from 1."""
        self._epoch = epoch

    def __len__(self) -> int:
        return (len(self._lengths) + self._size - 1) // self._size

    def __iter__(self) -> Iterator[list[int]]:
        drawn = torch_rng(self._seed, "by length", str(self._epoch))
        self._epoch += 1
        order = torch.randperm(len(self._lengths), generator=drawn).numpy()
        reach = self._size * self._stretch
        parts = [order[start : start + reach] for start in range(0, len(order), reach)]
        ordered = [part[np.argsort(-self._lengths[part], kind="stable")] for part in parts]
        batches = [part[k : k + self._size].tolist() for part in ordered for k in range(0, len(part), self._size)]
        yield from (batches[k] for k in torch.randperm(len(batches), generator=drawn).tolist())


def text_loader(
    dataset: TextDataset, *, size: int, shuffle: bool, seed: int = 0, by_length: bool = False
) -> DataLoader[dict[str, Tensor]]:
    """A loader of batches of `size` rows; the last may be smaller. Every row comes once a pass.

    To learn from: ``shuffle=True``, with ``by_length=True`` to group texts of like length. To evaluate:
    ``shuffle=False``, the rows in their order. The shuffle of a plain loader is torch's own generator's: the trainer
    seeds it and keeps it.
    """
    if by_length and shuffle:
        batches = ByLength(dataset.lengths.tolist(), size=size, seed=seed)
        return DataLoader(dataset, batch_sampler=batches, collate_fn=dataset.collate)
    return DataLoader(dataset, batch_size=size, shuffle=shuffle, collate_fn=dataset.collate)
