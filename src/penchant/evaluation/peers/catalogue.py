"""The peers that `penchant compare` can run: their recipe, their algorithms, and what a search may vary.

A peer is another library. It is no dependency: it lives in an environment of its own, and the scripts in `runners/` run
under that environment's python. What a space leaves out stays as its library has it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from penchant.errors import NotFoundError
from penchant.hyperparameter_search.space import Choice, LogUniform, Space, Uniform

RUNNER = Path(__file__).parent / "runners" / "peer_main.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another library, how to install it, and what it can run."""

    name: str
    requirements: tuple[str, ...]
    """As pip takes them; the versions that were run."""
    algorithms: Mapping[str, Space]
    """Algorithm → what a search may vary."""
    note: str = ""
    """What to know of the recipe."""
    torch: bool = False
    """Needs torch, of which the CPU build is installed first."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables its process is started with."""
    runner: Path = RUNNER


TRANSFORMER: Space = {
    "n_factors": Choice((64, 128, 256)),
    "n_blocks": Choice((1, 2, 3)),
    "n_heads": Choice((1, 2, 4)),
    "dropout_rate": Uniform(0.1, 0.5),
    "session_max_len": Choice((50, 100, 200)),
    "lr": LogUniform(3e-4, 3e-3),
}

PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            name="implicit",
            requirements=("implicit==0.7.3",),
            # Its threads are its own; a second set of OpenBLAS's slows it many times, as it warns itself.
            environment={"OPENBLAS_NUM_THREADS": "1"},
            algorithms={
                "als": {
                    "factors": Choice((32, 64, 128, 256)),
                    "regularization": LogUniform(1e-3, 10),
                    "alpha": LogUniform(0.5, 40),
                    "iterations": Choice((10, 15, 30)),
                },
                "bpr": {
                    "factors": Choice((32, 64, 128, 256)),
                    "learning_rate": LogUniform(3e-3, 0.1),
                    "regularization": LogUniform(1e-3, 0.1),
                    "iterations": Choice((50, 100, 200)),
                },
                "cosine": {"K": Choice((5, 10, 20, 50, 100, 200, 500))},
                "bm25": {
                    "K": Choice((5, 10, 20, 50, 100, 200, 500)),
                    "K1": LogUniform(0.1, 10),
                    "B": Uniform(0.0, 1.0),
                },
            },
        ),
        Peer(
            name="rectools",
            requirements=("rectools[torch]==0.19.0",),
            torch=True,
            note="Brings numpy 1 and Lightning; without the CPU build of torch first, gigabytes of CUDA follow.",
            algorithms={
                "ease": {"regularization": LogUniform(10, 3000)},
                "sasrec": TRANSFORMER,
                "bert4rec": TRANSFORMER,
                "esasrec": {**TRANSFORMER, "n_negatives": Choice((64, 128, 256))},
            },
        ),
        Peer(
            name="recbole",
            requirements=("recbole==1.2.1", "setuptools<81", "numpy<2", "pandas<3", "scipy==1.11.4"),
            torch=True,
            note="A plain install fails: it needs pkg_resources, numpy 1 and a scipy whose inside it knows.",
            algorithms={
                "sasrec": {
                    "hidden_size": Choice((64, 128)),
                    "n_layers": Choice((1, 2, 3)),
                    "n_heads": Choice((1, 2, 4)),
                    "hidden_dropout_prob": Uniform(0.1, 0.6),
                    "attn_dropout_prob": Uniform(0.1, 0.6),
                    "learning_rate": LogUniform(3e-4, 3e-3),
                },
                "lightgcn": {
                    "embedding_size": Choice((64, 128)),
                    "n_layers": Choice((1, 2, 3, 4)),
                    "reg_weight": LogUniform(1e-6, 1e-2),
                    "learning_rate": LogUniform(3e-4, 1e-2),
                },
                "bpr": {"embedding_size": Choice((64, 128)), "learning_rate": LogUniform(3e-4, 1e-2)},
            },
        ),
        Peer(
            name="lenskit",
            requirements=("lenskit==2025.8.1",),
            torch=True,
            note="Later versions need Python 3.12.5.",
            algorithms={
                "item_knn": {"max_nbrs": Choice((5, 10, 20, 50, 100, 200))},
                "als": {
                    "embedding_size": Choice((25, 50, 100, 200)),
                    "epochs": Choice((5, 10, 20)),
                    "regularization": LogUniform(1e-2, 10),
                    "weight": LogUniform(1, 100),
                },
                "ease": {"regularization": LogUniform(1, 3000)},
            },
        ),
        Peer(
            name="cornac",
            requirements=("cornac==3.0.1",),
            note="Its neural models need torch or TensorFlow besides and are not run.",
            algorithms={
                "bpr": {
                    "k": Choice((10, 32, 64, 128)),
                    "max_iter": Choice((100, 200, 400)),
                    "learning_rate": LogUniform(1e-3, 0.1),
                    "lambda_reg": LogUniform(1e-3, 0.1),
                },
                "hpf": {"k": Choice((5, 10, 20, 50))},
                "ease": {"lamb": LogUniform(10, 3000), "posB": Choice((True, False))},
            },
        ),
    )
}


def chosen(names: Sequence[str], peers: Mapping[str, Peer] = PEERS) -> list[tuple[Peer, str]]:
    """``implicit`` (all its algorithms) or ``implicit:als`` as pairs of peer and algorithm.

    `NotFoundError` lists the peers, or the algorithms, that there are.
    """
    pairs: list[tuple[Peer, str]] = []
    for name in names:
        peer_name, colon, algorithm = name.partition(":")
        if peer_name not in peers:
            raise NotFoundError(f"No peer is called {peer_name!r}.", hint=f"There are: {', '.join(peers)}.")
        peer = peers[peer_name]
        if colon and algorithm not in peer.algorithms:
            raise NotFoundError(
                f"{peer_name} has no algorithm {algorithm!r}.", hint=f"There are: {', '.join(peer.algorithms)}."
            )
        pairs += [(peer, one) for one in ([algorithm] if colon else peer.algorithms) if (peer, one) not in pairs]
    return pairs
