"""Users a second whose whole profiles are written to a file, by one process and by several.

    python benchmarks/export_profiles.py [--bundle BUNDLE] [--users 1500] [--workers 1,2] [--out FILE]

Without a bundle, one is fitted on so many readers of the books that come with the package, without texts and in one
epoch: how well it ranks makes no difference to the time. `users_a_second` is by the clock, the start of the workers
in it; with other work on the machine (see `load_average`) it is lower than it could be. `processor_seconds` is what all
processes computed, the reading of the bundle included; `reading_seconds` is that reading, once a process.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import penchant
from penchant.bundled import BOOKS
from penchant.data.dataset import Dataset, Table
from penchant.data.importing import import_source
from penchant.pipeline.fitting import InterestModelConfig
from penchant.pipeline.interest_model import InterestModel, load
from penchant.pipeline.profile_export import export_profiles

OUT = Path(__file__).parent / "results" / "export_profiles.json"


def processor_seconds() -> float:
    """Of this process and of those it started that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def fitted(folder: Path, users: int) -> Path:
    """A bundle of so many readers."""
    import_source(BOOKS, folder / "books")
    books = Dataset.load(folder / "books")
    readers = Table(books.users.ids[:users], {name: told[:users] for name, told in books.users.columns.items()})
    data = replace(books.select(books.events.users < users), users=readers)
    training = {"tracker": {"training": {"max_epochs": 1}}}
    config = InterestModelConfig.of({"text": False, "model": training})
    InterestModel(config=config).fit(data).save(folder / "bundle")
    return folder / "bundle"


def main() -> None:
    """One row for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--users", type=int, default=1500)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = options.bundle or fitted(folder, options.users)
        busy = processor_seconds()
        data = load(bundle).fitted.dataset
        reading = processor_seconds() - busy
        for workers in map(int, options.workers.split(",")):
            began, busy = time.perf_counter(), processor_seconds()
            told = export_profiles(bundle, folder / "profiles.jsonl", workers=workers)
            seconds, spent = time.perf_counter() - began, processor_seconds() - busy
            rows.append(
                {
                    "workers": workers,
                    "users": told.users,
                    "bytes": told.bytes,
                    "seconds": round(seconds, 2),
                    "users_a_second": round(told.users / seconds, 2),
                    "processor_seconds": round(spent, 2),
                    "largest_worker_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1)
                    if workers > 1
                    else None,
                    "load_average": [round(x, 2) for x in os.getloadavg()],
                }
            )
            print(rows[-1], flush=True)
    result = {
        "data": data.name,
        "users": data.n_users,
        "items": data.n_items,
        "median_history": float(np.median(data.histories().lengths)),
        "reading_seconds": round(reading, 2),
        "runs": rows,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "penchant": penchant.__version__,
    }
    options.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
