"""What metrics are called where people read them."""

TITLES = {
    "hit_rate": "Hit rate",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "ndcg": "NDCG",
    "map": "MAP",
    "mrr": "MRR",
    "auc": "AUC",
    "coverage": "Coverage",
    "novelty": "Novelty",
    "diversity": "Diversity",
    "stability": "Stability",
    "gini": "Gini",
}

BEYOND_ACCURACY = ("coverage", "novelty", "diversity", "stability", "gini")
"""Metrics that have no better end: what is good depends on the purpose."""


def title(metric: str) -> str:
    """``ndcg@10`` is NDCG@10."""
    name, at, k = metric.partition("@")
    return f"{TITLES.get(name, name)}{at}{k}"


def shown(value: float, metric: str = "") -> str:
    """A value with four digits after the point, two for bits of surprise."""
    return f"{value:.2f}" if metric.startswith("novelty") else f"{value:.4f}"
