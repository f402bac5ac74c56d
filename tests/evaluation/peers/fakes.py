"""The peer that `fake_peer.py` stands in for, and its environment."""

import sys
from collections.abc import Mapping
from pathlib import Path

from penchant.evaluation.peers.catalogue import Peer
from penchant.hyperparameter_search.space import Choice, Space

RUNNER = Path(__file__).with_name("fake_peer.py")
PLAIN: Space = {}
ALGORITHMS: Mapping[str, Space] = {
    "walker": PLAIN,
    "crash": PLAIN,
    "killed": PLAIN,
    "sleeper": PLAIN,
    "silent": PLAIN,
    "garbage": PLAIN,
    "boaster": PLAIN,
    "tuned": {"steps": Choice((1, 2, 3, 4, 5))},
    "sloppy": PLAIN,
    "short": PLAIN,
    "masked": PLAIN,
    "witness": PLAIN,
}
CATALOGUE = {
    "fake": Peer(name="fake", requirements=("fake==9.9",), algorithms=ALGORITHMS, runner=RUNNER),
    "absent": Peer(name="absent", requirements=("absent==1",), algorithms={"any": PLAIN}, runner=RUNNER),
}


def make_environment(folder: Path) -> Path:
    """A folder of environments with one for the fake peer: the python of these tests."""
    place = folder / "fake" / "bin"
    place.mkdir(parents=True)
    (place / "python").symlink_to(sys.executable)
    return folder
