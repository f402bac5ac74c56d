"""Peers and our own models on one split: the split written once, every run a process, one table in the end."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from penchant.artifacts import write_arrays
from penchant.data.dataset import Dataset
from penchant.data.partition import PROTOCOLS, Protocol, Split
from penchant.data.polarity import consumption
from penchant.data.splitting import SplitConfig, splits
from penchant.errors import ConfigError, ProtocolError
from penchant.evaluation.peers.catalogue import PEERS, Peer, chosen
from penchant.evaluation.peers.contestant import Conditions, our_model, peer_algorithm
from penchant.evaluation.peers.environments import default_folder
from penchant.evaluation.peers.exchange import write_split
from penchant.evaluation.peers.results import PeerComparison
from penchant.evaluation.peers.table import assemble
from penchant.evaluation.peers.tournament import Tournament
from penchant.interfaces import Encoder, Recommender
from penchant.metrics.diversity import item_similarity
from penchant.metrics.ranking import check_ks
from penchant.models.catalogue import RECOMMENDERS
from penchant.pipeline.encoding import item_vectors, user_vectors
from penchant.progress import SILENT, Progress
from penchant.registry import Registry

ALWAYS = ("popularity", "item_knn")
"""The floor, and what a careful neighbourhood reaches, without which other numbers say little."""
SERVED: tuple[Protocol, ...] = ("leave-one-out", "temporal")
"""Protocols that ask a user once and ask users of the training part: what every peer can answer."""


def compare_with_peers(
    data: Path,
    *,
    peers: Sequence[str] = (),
    models: Sequence[str] = ("interest",),
    protocol: str = "leave-one-out",
    ks: Sequence[int] = (5, 10),
    seeds: Sequence[int] = (0,),
    trials: int = 1,
    split_config: SplitConfig | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    encoder: Encoder | None = None,
    environments: Path | None = None,
    threads: int | None = None,
    minutes: float = 60.0,
    keep: Path | None = None,
    catalogue: Mapping[str, Peer] = PEERS,
    progress: Progress = SILENT,
) -> PeerComparison:
    """Run each peer's algorithms and our `models`, `popularity` and `item_knn` always with them, and score their lists.

    `peers` are names such as ``implicit`` or ``implicit:als``. `trials` is the number of settings tried for every
    model alike, the first its defaults, judged by NDCG at the largest k on the validation, history excluded, with the
    first seed; the best is then run with the other seeds. `settings` maps a model's name to settings that are not
    varied. `environments` holds the peers' environments, ``DIR/implicit`` and so on. `minutes` is the limit of each
    run; training that runs in epochs is asked to stop at three quarters of it. `keep` is a folder for the split, all
    lists and logs.

    A peer that is not installed, fails, takes too long or writes nonsense is a `Failure` in the result and stops
    nobody else. Raises `ConfigError`, `NotFoundError` and `ProtocolError` for wrong arguments before anything is run.
    """
    ks = check_ks(ks)
    names = tuple(dict.fromkeys([*ALWAYS, *models]))
    seeds = tuple(dict.fromkeys(seeds))
    _check(protocol, seeds, trials, minutes, threads)
    pairs = chosen(peers, catalogue)
    settings = settings or {}
    _check_settings(settings, names, [f"{peer.name}:{algorithm}" for peer, algorithm in pairs])
    config = split_config or SplitConfig()
    dataset = Dataset.load(data)
    split = next(iter(splits(consumption(dataset), _protocol(protocol), config=config)))
    if trials > 1 and not len(split.validation):
        raise ConfigError("There is no validation part to choose settings by.", hint="Leave --trials at 1.")
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise ConfigError(f"{keep} is not empty.", hint="Give a new folder.")
    with nullcontext(keep) if keep is not None else tempfile.TemporaryDirectory(prefix="penchant-compare-") as place:
        work = Path(place)
        write_split(split, work / "split")
        own = {
            "dataset": str(data.absolute()),
            "protocol": protocol,
            "split_config": config.model_dump(),
            "split_hash": split.hash,
            "vectors": _write_vectors(split, encoder, names, work / "vectors.safetensors", progress),
        }
        contestants = [
            *(our_model(name, settings.get(name, {}), own) for name in names),
            *(
                peer_algorithm(peer, one, settings.get(f"{peer.name}:{one}", {}), environments or default_folder())
                for peer, one in pairs
            ),
        ]
        tournament = Tournament(
            split=split,
            folder=work,
            conditions=Conditions(
                split=work / "split",
                k=ks[-1],
                threads=threads or os.cpu_count() or 1,
                limit_seconds=60 * minutes,
                keep=keep is not None,
            ),
            ks=ks,
            similarity=item_similarity(split.train),
            trials=trials,
            seeds=seeds,
        )
        with progress.task("Comparing", total=len(contestants)) as advance:
            for contestant in contestants:
                progress.note(f"{contestant.name}: started")
                progress.note(f"{contestant.name}: {tournament.enter(contestant)}")
                advance(1, contestant.name)
        return assemble(
            tournament,
            dataset,
            protocol=protocol,
            text=None if own["vectors"] is None or encoder is None else encoder.identity,
            minutes=minutes,
        )


def _write_vectors(
    split: Split, encoder: Encoder | None, names: Sequence[str], path: Path, progress: Progress
) -> str | None:
    """Text vectors, made once for all our models that read text; None where there are none."""
    registry: Registry[Recommender] = RECOMMENDERS
    if encoder is None or not any(registry[name].cls.reads_text for name in names):
        return None
    vectors = {
        "items": item_vectors(split.train.items, encoder, progress=progress),
        "users": user_vectors(split.train, encoder, progress=progress),
    }
    found = {name: value for name, value in vectors.items() if value is not None}
    if not found:
        return None
    write_arrays(path, found)
    return str(path.absolute())


def _protocol(name: str) -> Protocol:
    return next(one for one in PROTOCOLS if one == name)


def _check(protocol: str, seeds: Sequence[int], trials: int, minutes: float, threads: int | None) -> None:
    if protocol not in SERVED:
        raise ProtocolError(
            f"Peers cannot be compared by {protocol!r}: it asks users, or asks them more than once, whom they were not "
            "trained on."
            if protocol in PROTOCOLS
            else f"No protocol is called {protocol!r}.",
            hint=f"There are: {', '.join(SERVED)}.",
        )
    if not seeds or min(seeds) < 0:
        raise ConfigError(f"Seeds are whole numbers from 0; {list(seeds)} came.", hint="Give seeds such as 0,1,2.")
    for what, value in (("trials", trials), ("minutes", minutes), ("threads", threads)):
        if value is not None and value <= 0:
            raise ConfigError(f"The number of {what} is above 0; {value} came.", hint="Leave it out for the default.")


def _check_settings(settings: Mapping[str, Mapping[str, Any]], names: Sequence[str], pairs: Sequence[str]) -> None:
    strangers = sorted(set(settings) - {*names, *pairs})
    if strangers:
        raise ConfigError(
            f"There are settings for {', '.join(strangers)}, which are not compared.",
            hint=f"Compared are: {', '.join([*names, *pairs])}.",
        )
    for name in names:
        RECOMMENDERS.build(name, settings.get(name))
