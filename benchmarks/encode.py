"""Texts a second of Penchant's encoder beside `SentenceTransformer.encode` at its defaults: same model, same texts.

    .venv/bin/python benchmarks/encode.py --data ../shared/data/amazon-beauty-2014/items.parquet

Both are loaded and warmed up, then encode the same texts in turn, end to end (texts in, vectors out), Penchant also in
float32 where it chose another format. The ratio is the median over the rounds of a round's ratio, so that a change of
the machine's load between rounds does not enter.
Processor seconds are told too: they count work, and the wasted turns of threads that wait for each other. With one
thread the ratio is that of the work alone; with more, on a machine that others use too, Sentence Transformers' threads
also wait for each other at the end of every product, and the ratio is higher. The load is told for that reason.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson
import torch
from sentence_transformers import SentenceTransformer

from penchant.data.dataset import Table
from penchant.encoders import render_items
from penchant.encoders.checkpoint import locate
from penchant.encoders.huggingface import HuggingFaceEncoder, HuggingFaceEncoderConfig
from penchant.types import FloatArray, ObjectArray

RESULT = Path(__file__).parent / "results" / "encode.json"


def read_texts(file: Path, *, sample: int) -> list[str]:
    """Items as the default template renders them (title, brand, up to five categories); a seeded sample of them."""
    rows = duckdb.execute(
        "SELECT item_id, title, brand, categories FROM read_parquet($1) ORDER BY item_id", [str(file)]
    ).fetchall()
    names = ("title", "brand", "categories")
    columns = {name: _column([row[i] for row in rows]) for i, name in enumerate(names, start=1)}
    texts = render_items(Table(ids=tuple(str(row[0]) for row in rows), columns=columns))
    if 0 < sample < len(texts):
        texts = [texts[i] for i in np.random.default_rng(0).permutation(len(texts))[:sample]]
    return texts


def _column(values: Sequence[Any]) -> ObjectArray:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def timed(encode: Callable[[list[str]], FloatArray], texts: list[str]) -> tuple[float, float, FloatArray]:
    """Seconds on the clock, processor seconds, vectors."""
    clock, processor = time.perf_counter(), time.process_time()
    vectors = encode(texts)
    return time.perf_counter() - clock, time.process_time() - processor, vectors


def compare(texts: list[str], *, threads: int, rounds: int) -> dict[str, Any]:
    """Alternate the two encoders for some rounds."""
    torch.set_num_threads(threads)
    reference = SentenceTransformer(str(locate(None)), device="cpu")
    settings = {"max_length": int(reference.max_seq_length), "threads": threads}
    ours = HuggingFaceEncoder(HuggingFaceEncoderConfig.of(settings))
    plain = HuggingFaceEncoder(HuggingFaceEncoderConfig.of({**settings, "precision": "float32"}))

    def encode_reference(texts: list[str]) -> FloatArray:
        return np.asarray(reference.encode(texts))

    warm = texts[:64]
    encode_reference(warm)
    ours.encode(warm)
    plain.encode(warm)
    load, rows = os.getloadavg()[0], []
    for number in range(rounds):
        theirs, their_processor, expected = timed(encode_reference, texts)
        mine, my_processor, found = timed(ours.encode, texts)
        in_float32, _, _ = timed(plain.encode, texts)
        cosines = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
        rows.append(
            (theirs, their_processor, mine, my_processor, float(cosines.mean()), float(cosines.min()), in_float32)
        )
        print(
            f"threads {threads} round {number + 1}: {len(texts) / theirs:.1f} and {len(texts) / mine:.1f} texts/s, "
            f"{theirs / mine:.2f} times on the clock, {their_processor / my_processor:.2f} times in processor seconds",
            flush=True,
        )
    table = np.array(rows)
    ratios, processor_ratios = table[:, 0] / table[:, 2], table[:, 1] / table[:, 3]
    return {
        "threads": threads,
        "load_average_before": round(load, 1),
        "precision": ours.precision,
        "max_length": ours.max_length,
        "rounds": rounds,
        "sentence_transformers_texts_per_second": round(len(texts) / float(statistics.median(table[:, 0])), 1),
        "penchant_texts_per_second": round(len(texts) / float(statistics.median(table[:, 2])), 1),
        "ratio": round(float(statistics.median(ratios)), 2),
        "ratio_of_each_round": [round(float(ratio), 2) for ratio in ratios],
        "processor_seconds_ratio": round(float(statistics.median(processor_ratios)), 2),
        "ratio_in_float32": round(float(statistics.median(table[:, 0] / table[:, 6])), 2),
        "mean_cosine": round(float(table[:, 4].min()), 6),
        "least_cosine": round(float(table[:, 5].min()), 6),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/amazon-beauty-2014/items.parquet"))
    parser.add_argument("--sample", type=int, default=1000, help="texts, 0 for all")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({torch.get_num_threads(), 1}, reverse=True))
    parser.add_argument("--to", type=Path, default=RESULT)
    arguments = parser.parse_args()
    texts = read_texts(arguments.data, sample=arguments.sample)
    result = {
        "workload": "amazon-beauty-2014, title + brand + up to five categories, all-MiniLM-L6-v2",
        "texts": len(texts),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "transformers", "tokenizers", "sentence-transformers")},
        },
        "results": [compare(texts, threads=threads, rounds=arguments.rounds) for threads in arguments.threads],
    }
    arguments.to.parent.mkdir(parents=True, exist_ok=True)
    arguments.to.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()
