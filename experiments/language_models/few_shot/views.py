"""Makes views.json: what two views, an item's text and behaviour, teach each other, by how many labels they begin with.

python views.py FILMS.dataset. The draws and the test are those of measure.py; gains are after less before, in pairs.
"""

import json
import sys
import time
import tomllib
from pathlib import Path

from measure import catalogue, two_views

from penchant.evaluation.measuring import environment

HERE = Path(__file__).parent


def main() -> None:
    """Every number of labels, with the signs of behaviour assumed and not."""
    settings, begun = tomllib.loads((HERE / "config.toml").read_text(encoding="utf-8")), time.process_time()
    data = catalogue(Path(sys.argv[1]), settings["components"])
    rows = []
    for labels in settings["views"]["labels"]:
        for assumed in (True, False):
            found = two_views(data, settings, labels=labels, assumed=assumed, n=settings["views"]["draws"])
            rows.append({"labels": labels, "assumed": assumed, **found})
            print(labels, assumed, {name: v for name, v in found.items() if name.startswith("gain")}, flush=True)
    told = {"name": data.dataset.name, "fingerprint": data.dataset.fingerprint}
    result = {"settings": settings, "data": told, "rows": rows, "cpu_seconds": round(time.process_time() - begun, 1)}
    (HERE / "views.json").write_text(json.dumps({**result, "environment": environment()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
