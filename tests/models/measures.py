"""One figure for a model: how well it ranks the held-out items."""

from penchant.data.dataset import Dataset
from penchant.data.histories import Cases
from penchant.interfaces import Recommender
from penchant.models.holdout import catalogue_ties, validation_ndcg


def ndcg(model: Recommender, cases: Cases, data: Dataset) -> float:
    """Mean NDCG@10, history excluded."""
    return validation_ndcg(model.score, cases, ties=catalogue_ties(data, 0))
