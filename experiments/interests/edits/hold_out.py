"""A dataset without the last event of each user: what measure.py asks after was seen by nothing that was fitted.

    python experiments/interests/edits/hold_out.py DATASET TO [--least-events 8]

Users who would be left with fewer than `least-events` keep all they have.
"""

import argparse
from pathlib import Path

import numpy as np

from penchant.data.dataset import Dataset


def without_last(dataset: Dataset, *, least_events: int) -> Dataset:
    """Each user's last item event is left out."""
    histories = dataset.histories()
    last = np.cumsum(histories.lengths) - 1
    last = last[histories.lengths > least_events]
    return dataset.select(~np.isin(dataset.events.keys, histories.keys[last]))


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--least-events", type=int, default=8)
    options = parser.parse_args()
    dataset = Dataset.load(options.dataset)
    without_last(dataset, least_events=options.least_events).save(options.to)


if __name__ == "__main__":
    main()
