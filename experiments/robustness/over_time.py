"""Makes windows.json: models in windows of time, kept as they were fitted or fitted again.

python over_time.py FILMS.dataset
"""

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.evaluation.robustness.windows import over_windows, stability
from penchant.models.catalogue import RECOMMENDERS

HERE = Path(__file__).parent


def main() -> None:
    """Every model."""
    settings = read_toml(HERE / "config.toml")["windows"]
    models = {name: partial(RECOMMENDERS.build, name, {}) for name in settings["models"]}
    rows = over_windows(Dataset.load(Path(sys.argv[1])), models, windows=settings["windows"])
    even = {name: asdict(stability([row for row in rows if row.model == name])) for name in models}
    result = {"settings": settings, "stability": even, "windows": [asdict(row) for row in rows]}
    (HERE / "windows.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
