"""Milliseconds of a user's own word over HTTP: from the edit sent to the answer with the profile and what moved.

    python benchmarks/edits.py BUNDLE [--edits 60] [--out FILE]

Each edit is a ``PUT /v1/users/{id}/interests/{concept}`` of a concept of one of the user's items, stored on disk before
the answer; then it is undone. Told are the time of both and what the process itself computed (`cpu`), which is less on
a machine with other work (see `load_average`). The application is asked in the process: a network's time comes on top.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
from event_to_profile import percentiles
from fastapi.testclient import TestClient

import penchant
from penchant.feedback import open_stores
from penchant.pipeline.interest_model import InterestModel, load
from penchant.serving import create_app

OUT = Path(__file__).parent / "results" / "edits.json"
ACTIONS = ("more", "less", "pin", "mute")


def measure(model: InterestModel, folder: Path, edits: int) -> dict[str, object]:
    """Percentiles of each action and of the undo after it."""
    fitted, rng = model.fitted, np.random.default_rng(0)
    wall: dict[str, list[float]] = {name: [] for name in (*ACTIONS, "undo")}
    computed: dict[str, list[float]] = {name: [] for name in wall}
    histories, bears = fitted.dataset.histories(), fitted.vocabulary.bears
    able = [u for u in rng.permutation(fitted.dataset.n_users) if bears[histories.items[histories.of(int(u))]].nnz]
    with open_stores(folder / "store.sqlite") as stores, TestClient(create_app(model, stores)) as client:

        def timed(name: str, method: str, address: str, body: dict[str, str]) -> None:
            begun, worked = time.perf_counter(), time.process_time()
            client.request(method, address, json=body).raise_for_status()
            wall[name].append(time.perf_counter() - begun)
            computed[name].append(time.process_time() - worked)

        for n, u in enumerate(able[: edits + len(ACTIONS)]):
            user = quote(fitted.dataset.users.ids[u], safe="")
            concepts = bears[histories.items[histories.of(int(u))]].indices
            concept = quote(fitted.vocabulary.concepts[int(rng.choice(concepts))].id, safe="")
            action = ACTIONS[n % len(ACTIONS)]
            timed(action, "PUT", f"/v1/users/{user}/interests/{concept}", {"action": action})
            timed("undo", "POST", f"/v1/users/{user}/edits", {"action": "undo"})
    first = {name: 1 if name in ACTIONS else len(ACTIONS) for name in wall}  # the first of each warms up
    told = {name: percentiles(found[first[name] :]) for name, found in wall.items()}
    return {**told, "cpu": {name: percentiles(found[first[name] :]) for name, found in computed.items()}}


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--edits", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    model = load(options.bundle)
    with tempfile.TemporaryDirectory() as folder:
        result = {
            "data": model.fitted.dataset.name,
            "users": model.fitted.dataset.n_users,
            "items": model.fitted.dataset.n_items,
            "concepts": len(model.fitted.vocabulary.concepts),
            "median_history": float(np.median(model.fitted.dataset.histories().lengths)),
            "edits": options.edits,
            **measure(model, Path(folder), options.edits),
            "load_average": [round(x, 2) for x in os.getloadavg()],
            "cpus": os.cpu_count(),
            "python": platform.python_version(),
            "penchant": penchant.__version__,
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
