"""Milliseconds from an event sent over HTTP to the profile that shows it, in the serving path.

    python benchmarks/event_to_profile.py [--bundle BUNDLE] [--events 60] [--out FILE]

Each of the events is sent by `POST /v1/events`, which stores it on disk before it answers; then the user's interests
are asked for until they count it (`events` of the profile is one more than before). Told are the time of the POST, that
of the last profile asked for, their sum, and how many had to be asked for. Without a bundle, one is made as in
`benchmarks/recommend.py`. The application is asked in the process itself: a network's time comes on top. On a machine
with other work (see `load_average`) times are longer than the work takes: `cpu` is what the process itself computed.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

import penchant
from penchant.feedback import open_stores
from penchant.pipeline.interest_model import InterestModel, load
from penchant.serving import create_app

OUT = Path(__file__).parent / "results" / "event_to_profile.json"
MOST_ASKED = 100


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{q}_ms": round(float(np.percentile(seconds, q)) * 1e3, 2) for q in (50, 95)}


def measure(model: InterestModel, folder: Path, events: int) -> dict[str, object]:
    data, rng = model.fitted.dataset, np.random.default_rng(0)
    users = [data.users.ids[u] for u in rng.choice(data.n_users, events)]
    posted, read, whole, computed, asked = [], [], [], [], []
    with open_stores(folder / "store.sqlite") as stores, TestClient(create_app(model, stores)) as client:
        for user in users[:5]:
            client.get(f"/v1/users/{user}/interests")
        for user in users:
            before = client.get(f"/v1/users/{user}/interests").json()["events"]
            item = data.items.ids[int(rng.integers(data.n_items))]
            begun, worked = time.perf_counter(), time.process_time()
            answer = client.post("/v1/events", json={"events": [{"user_id": user, "item_id": item}]})
            stored = time.perf_counter()
            answer.raise_for_status()
            tries, shown = 0, before
            while shown == before and tries < MOST_ASKED:
                since = time.perf_counter()
                shown = client.get(f"/v1/users/{user}/interests").json()["events"]
                tries += 1
            done = time.perf_counter()
            posted.append(stored - begun)
            read.append(done - since)
            whole.append(done - begun)
            computed.append(time.process_time() - worked)
            asked.append(tries)
    return {
        "post_event": percentiles(posted),
        "read_profile": percentiles(read),
        "event_to_profile": percentiles(whole),
        "cpu": percentiles(computed),
        "profiles_asked_for": max(asked),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--events", type=int, default=60)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.bundle is None:
            from recommend import synthetic

            from penchant.pipeline.fitting import InterestModelConfig

            training = {"tracker": {"training": {"max_epochs": 1}}}
            config = InterestModelConfig.of({"text": False, "model": training})
            model = InterestModel(config=config).fit(synthetic())
        else:
            model = load(options.bundle)
        result = {
            "data": model.fitted.dataset.name,
            "users": model.fitted.dataset.n_users,
            "items": model.fitted.dataset.n_items,
            "concepts": len(model.fitted.vocabulary.concepts),
            "median_history": float(np.median(model.fitted.dataset.histories().lengths)),
            "events_sent": options.events,
            **measure(model, Path(folder), options.events),
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
