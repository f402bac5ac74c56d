"""Changed histories as users of their own: more sequences for a recommender to learn from, marked as generated."""

from collections.abc import Mapping

import numpy as np

from penchant.data.dataset import Dataset
from penchant.data.generated import Twins, is_generated, with_generated
from penchant.errors import DataError
from penchant.seeding import derive
from penchant.training.augmentation.sequences import SequenceAugmentationConfig, augmented_sequences


def with_changed_histories(
    dataset: Dataset,
    config: SequenceAugmentationConfig | None = None,
    *,
    alike: Mapping[int, int] | None = None,
    seed: int = 0,
) -> Dataset:
    """The dataset with a twin for each changed copy of each user's history.

    A twin's events are those of the copy, item for item in its order; a place that was masked is left out. Twins are
    what `penchant.data.generated` says: behind all users, every row marked, in no evaluation and no validation, and
    gone with `without_generated`. Their attributes are their source's, and so is what a history is an example of: the
    item that follows each beginning of it. `alike` is that of `augmented_sequences`.

    Hand in what may be learned from and no more. `DataError` for data that have generated rows already, or where no
    history could be changed.
    """
    if is_generated(dataset).any():
        raise DataError(
            f"{dataset.name!r} has generated rows already.", hint="Change the dataset that it was made from."
        )
    histories = dataset.histories()
    sequences = [histories.items[histories.of(user)] for user in range(len(histories))]
    made = augmented_sequences(sequences, config=config, alike=alike, seed=seed)
    new = np.flatnonzero(made.synthetic)
    rows = [made.sequences[place][made.sequences[place] >= 0] for place in new.tolist()]
    if not rows:
        raise DataError(
            f"No history of {dataset.name!r} could be changed.", hint="Import users with two item events or more."
        )
    twins = Twins(
        sources=np.array(made.sources, dtype=np.int32)[new],
        given=np.zeros(len(rows), dtype=np.int64),
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        items=np.concatenate(rows).astype(np.int32),
    )
    return with_generated(dataset, twins, seed=derive(seed, "changed histories"))
