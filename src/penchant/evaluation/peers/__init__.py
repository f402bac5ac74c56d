"""Other libraries on the same split, each in an environment and a process of its own, scored by our metric code."""

from penchant.evaluation.peers.comparing import compare_with_peers
from penchant.evaluation.peers.results import PeerComparison

__all__ = ["PeerComparison", "compare_with_peers"]
