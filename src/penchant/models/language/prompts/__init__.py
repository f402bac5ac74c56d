"""Prompts: a task put into words, and a language model's answer read as a score, a rating or items."""

from penchant.models.language.prompts.answers import NamedItems, PromptedItems, TitleIndex, rating_in
from penchant.models.language.prompts.cloze import ClozeClassifier, ClozeConfig
from penchant.models.language.prompts.item_likelihood import ItemLikelihood, ItemLikelihoodConfig
from penchant.models.language.prompts.template import PromptTemplate, PromptValues
from penchant.models.language.prompts.verbaliser import Verbaliser
from penchant.models.language.prompts.writer import Writer, WriterConfig

__all__ = [
    "ClozeClassifier",
    "ClozeConfig",
    "ItemLikelihood",
    "ItemLikelihoodConfig",
    "NamedItems",
    "PromptTemplate",
    "PromptValues",
    "PromptedItems",
    "TitleIndex",
    "Verbaliser",
    "Writer",
    "WriterConfig",
    "rating_in",
]
