"""How fast, and in how much memory, `penchant import` reads a CSV file of many events.

    python benchmarks/import_events.py [--events 20000000] [--to benchmarks/results/import_events.json]

Writes the file in a temporary folder (Zipf-like items, three event types, times over three years), imports it with the
command line in a process of its own, then loads the dataset in another, and writes seconds, rows per second and peak
resident memory with the facts of the machine.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import duckdb

RESULT = Path(__file__).parent / "results" / "import_events.json"
LOAD = """
import json, resource, sys, time
from penchant.data.folder import load_dataset
start = time.perf_counter()
data = load_dataset(sys.argv[1])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak_rss_kb": peak, "events": len(data.events)}))
"""


def write_events(path: Path, events: int) -> None:
    """Half a million users and up to forty thousand items for each 20 M events."""
    users, items = max(events // 40, 1), max(events // 500, 1)
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1GB'")
        connection.execute(
            f"COPY (SELECT 'user-' || hash(i) % {users} AS user_id,"
            f" 'item-' || (pow({items}, (hash(i + 7) % 1000000) / 1e6))::BIGINT AS item_id,"
            " ['view', 'view', 'click', 'purchase'][(1 + hash(i * 3) % 4)::INTEGER] AS event_type,"
            " 1600000000 + hash(i * 5) % 94608000 AS timestamp, 1 + hash(i * 11) % 5 AS rating"
            f" FROM range({events}) t(i)) TO '{path}' (HEADER)"
        )


def machine() -> dict[str, object]:
    """The processor, its cores, the memory, and how busy the machine was with other work."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(pages / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--to", type=Path, default=RESULT)
    arguments = parser.parse_args()
    facts = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_events(folder / "events.csv", arguments.events)
        command = [
            sys.executable,
            "-m",
            "penchant",
            "import",
            str(folder / "events.csv"),
            "--to",
            str(folder / "dataset"),
        ]
        start = time.perf_counter()
        done = subprocess.run([*command, "--json"], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        account = json.loads(done.stdout)["conservation"][0]
        loaded = subprocess.run(
            [sys.executable, "-c", LOAD, str(folder / "dataset")], check=True, capture_output=True, text=True
        )
        load = json.loads(loaded.stdout)
        result = {
            "benchmark": "import_events",
            "command": f"python benchmarks/import_events.py --events {arguments.events}",
            "records": account["records"],
            "kept": account["kept"],
            "dropped": account["dropped"],
            "csv_mb": round((folder / "events.csv").stat().st_size / 1e6, 1),
            "dataset_mb": round(sum(f.stat().st_size for f in (folder / "dataset").iterdir() if f.is_file()) / 1e6, 1),
            "seconds": round(seconds, 1),
            "rows_per_second": round(account["records"] / seconds),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
            "peak_rss_mb": round(used.ru_maxrss / 1024, 1),
            "load": {"seconds": round(load["seconds"], 1), "peak_rss_mb": round(load["peak_rss_kb"] / 1024, 1)},
            "machine": facts,
            "versions": {
                "python": platform.python_version(),
                **{n: version(n) for n in ("penchant", "duckdb", "numpy")},
            },
        }
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    arguments.to.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
