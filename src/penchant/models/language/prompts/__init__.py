"""Prompts: a task put into words, and a language model's answer read as a score."""

from penchant.models.language.prompts.cloze import ClozeClassifier, ClozeConfig
from penchant.models.language.prompts.item_likelihood import ItemLikelihood, ItemLikelihoodConfig
from penchant.models.language.prompts.template import PromptTemplate, PromptValues
from penchant.models.language.prompts.verbaliser import Verbaliser

__all__ = [
    "ClozeClassifier",
    "ClozeConfig",
    "ItemLikelihood",
    "ItemLikelihoodConfig",
    "PromptTemplate",
    "PromptValues",
    "Verbaliser",
]
