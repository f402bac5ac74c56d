"""Protocols, comparisons and reports."""

from penchant.evaluation.evaluating import evaluate
from penchant.evaluation.results import EvaluationResult

__all__ = ["EvaluationResult", "evaluate"]
