"""Makes domains.json: does an encoder fine-tuned on one catalogue help on another, and do two share a base?

python domains.py BOOKS.dataset FILMS.dataset
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize

from penchant.config import read_toml
from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.data.partition import next_item
from penchant.data.polarity import consumption
from penchant.data.splitting import split
from penchant.encoders.fine_tuning import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.domains import DomainWeights
from penchant.encoders.item_text import render_items
from penchant.evaluation.measuring import environment
from penchant.interfaces import FitOptions
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.models.content_based import ContentBased, ContentBasedConfig
from penchant.models.holdout import catalogue_ties
from penchant.seeding import numpy_rng
from penchant.training.loop import TrainingConfig, train
from penchant.types import BoolArray, DoubleArray, FloatArray, IntArray

HERE = Path(__file__).parent
DRAWS = 2000


def tuned(encoder: FineTunedEncoder, data: Dataset, own: dict[str, Any], *, steps: int, seed: int) -> float:
    """Bring texts of items near each other that a user took in one stretch, the batch's others apart; seconds.

    ``ℓ = −mean over ordered pairs (i, j) of one stretch of log softmax_j( x_i · x_j / τ )``, i itself left out: the
    contrastive loss with several positives of Khosla et al. (2020).
    """
    histories, length = data.histories(), own["stretch"]
    users = np.flatnonzero(histories.lengths >= length)
    tokens = encoder.tokenize([(text, None) for text in render_items(data.items)])
    rng = numpy_rng(seed, "stretches")

    def batches(epoch: int) -> list[IntArray]:  # noqa: ARG001
        drawn = [rng.choice(users, size=min(own["users_a_step"], len(users)), replace=False) for _ in range(steps)]
        begins = [histories.indptr[some] + rng.integers(histories.lengths[some] - length + 1) for some in drawn]
        return [histories.items[first[:, None] + np.arange(length)].astype(np.int64) for first in begins]

    def loss(items: IntArray) -> Tensor:
        flat, of = items.ravel(), torch.arange(len(items)).repeat_interleave(length)
        order = np.argsort([len(tokens[item].ids) for item in flat], kind="stable")
        vectors = torch.cat([encoder.encode([tokens[flat[n]] for n in part]) for part in np.array_split(order, 3)])
        back = torch.from_numpy(np.argsort(order))
        unit = normalize(vectors, dim=1)[back]
        scores = unit @ unit.T / own["temperature"]
        same = torch.from_numpy(flat[:, None] == flat[None, :])  # an item is no example against itself
        chances = log_softmax(scores.masked_fill(same, -1e4), dim=1)
        together = (of[:, None] == of[None, :]) & ~same
        return -chances[together].mean()

    busy = time.process_time()
    config = TrainingConfig(
        learning_rate=own["learning_rate"], warmup_steps=own["warmup_steps"], max_epochs=1, weight_decay=0.01
    )
    record = train(encoder, batches=batches, loss=loss, evaluate=None, config=config, generators={"stretches": rng})
    print([epoch.loss for epoch in record.epochs], flush=True)
    return round(time.process_time() - busy, 1)


def ndcg(vectors: FloatArray, data: Dataset, cases: Cases) -> DoubleArray:
    """NDCG@10 of each case, texts alone."""
    model = ContentBased(ContentBasedConfig()).fit(data, options=FitOptions(item_vectors=vectors))
    ranks = target_ranks(model.score(cases.histories), cases, ties=catalogue_ties(data, 0), exclude_history=True)
    return ndcg_at(ranks, cases.target_indptr, 10)


def with_interval(values: DoubleArray, base: DoubleArray | None, seed: int) -> dict[str, Any]:
    """The mean, and its gain over `base` with the 95 % interval, users drawn anew."""
    row: dict[str, Any] = {"ndcg@10": float(values.mean())}
    if base is not None:
        rng, gain = numpy_rng(seed, "bootstrap"), values - base
        means = [float(gain[rng.integers(len(gain), size=len(gain))].mean()) for _ in range(DRAWS)]
        row |= {"gain": float(gain.mean()), "gain_interval": np.quantile(means, (0.025, 0.975)).tolist()}
    return row


def main() -> None:
    """Everything, in turn."""
    settings = read_toml(HERE / "config.toml")
    own, seed = settings["domains"], settings["seed"]
    books, films = (consumption(Dataset.load(Path(place))) for place in sys.argv[1:3])
    parts = split(books, "leave-one-out")
    shuffled = numpy_rng(seed, "users").permutation(films.n_users)
    asked, others = np.sort(shuffled[: own["test_users"]]), shuffled[own["test_users"] :]
    data = {"books": books, "films": films}
    cases = {"books": parts.test, "films": next_item(films.histories(asked.astype(np.int32)))}
    texts = {name: [(text, None) for text in render_items(one.items)] for name, one in data.items()}
    method = {"name": "lora", "rank": own["rank"]}
    config = FineTunedEncoderConfig.of({"max_length": own["max_length"], "method": method})
    domains = DomainWeights(FineTunedEncoder(config, seed=seed))

    def read(domain: str, name: str) -> DoubleArray:
        return ndcg(domains.vectors(domain, texts[name]), data[name], cases[name])

    domains.keep("untuned")
    seconds = {"books": tuned(domains.begin(), parts.train, own, steps=own["steps"], seed=seed)}
    domains.keep("books")
    table = {name: {"untuned": read("untuned", name), "books": read("books", name)} for name in data}
    base = table["films"]["untuned"]
    rows: list[dict[str, Any]] = [
        {"users": 0, "begins_from": "embedded model", **with_interval(base, None, seed)},
        {"users": 0, "begins_from": "books", **with_interval(table["films"]["books"], base, seed)},
    ]
    for size in own["sizes"]:
        few: BoolArray = np.isin(films.events.users, others[:size])
        found: dict[str, DoubleArray] = {}
        for begins, domain in (("embedded model", "films"), ("books", "films after books")):
            encoder = domains.begin() if begins != "books" else domains.use("books")
            took = tuned(encoder, films.select(few), own, steps=own["small_steps"], seed=seed)
            domains.keep(domain)
            found[begins] = read(domain, "films")
            row = {"users": size, "begins_from": begins, **with_interval(found[begins], base, seed), "seconds": took}
            if begins == "books":
                beside = with_interval(found[begins], found["embedded model"], seed)
                row |= {"above_embedded": beside["gain"], "above_embedded_interval": beside["gain_interval"]}
            rows.append(row)
            print(row, flush=True)
        table["films"]["films"] = found["embedded model"]
    table["books"]["films"] = read("films", "books")
    with tempfile.TemporaryDirectory() as folder:
        domains.save(Path(folder) / "both")
        sizes = {f.name: f.stat().st_size for f in (Path(folder) / "both").glob("*.safetensors")}
        again = DomainWeights.load(Path(folder) / "both")
        equal = all(
            np.array_equal(again.vectors(name, texts[name][:64]), domains.vectors(name, texts[name][:64]))
            for name in data
        )
    shared = {
        "base_weights": domains.encoder.base_count,
        "weights_of_a_domain": domains.encoder.trainable_count,
        "share": domains.encoder.trainable_count / domains.encoder.base_count,
        "bytes_of_a_domain": max(sizes.values()),
        "read_back_bit_equal": equal,
        "table": [
            {
                "of": name,
                "read_by": reader,
                **with_interval(values, None if reader == "untuned" else of["untuned"], seed),
            }
            for name, of in table.items()
            for reader, values in of.items()
        ],
    }
    result = {
        "settings": settings,
        "seconds": seconds,
        "environment": environment(),
        "transfer": rows,
        "one_base_two_domains": shared,
    }
    (HERE / "domains.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
