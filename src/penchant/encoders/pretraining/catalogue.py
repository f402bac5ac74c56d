"""The objectives of pre-training by name."""

from penchant.encoders.pretraining.contrast import (
    Contrast,
    ContrastConfig,
    ItemContrast,
    UserContrast,
)
from penchant.encoders.pretraining.language import MaskedConfig, MaskedWords, NextWord
from penchant.encoders.pretraining.objective import Objective, ObjectiveConfig
from penchant.encoders.pretraining.pairs import NextItem, NextText, PairConfig
from penchant.registry import Registry

OBJECTIVES: Registry[Objective] = Registry("objective")
OBJECTIVES.register("mlm", config=MaskedConfig, cls=MaskedWords, summary="hidden words, for BERT-like models")
OBJECTIVES.register("clm", config=ObjectiveConfig, cls=NextWord, summary="each next word, for GPT-like models")
OBJECTIVES.register("next_sentence", config=PairConfig, cls=NextText, summary="whether a sentence follows another")
OBJECTIVES.register("next_item", config=PairConfig, cls=NextItem, summary="whether an item was taken after another")
OBJECTIVES.register("simcse", config=ContrastConfig, cls=Contrast, summary="a text near itself under other dropout")
OBJECTIVES.register(
    "item_item", config=ContrastConfig, cls=ItemContrast, summary="items taken near each other are near"
)
OBJECTIVES.register(
    "user_item", config=ContrastConfig, cls=UserContrast, summary="a user's last items are near his next"
)
