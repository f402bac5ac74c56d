"""What users write, read as evidence of interest: names and meanings found in it, and what is thought of them."""

from penchant.interests.text.evidence import TextEvidence, TextWeights, concept_totals, evidence
from penchant.interests.text.gazetteer import Gazetteer
from penchant.interests.text.lexicon import Lexicon
from penchant.interests.text.meaning import Meaning, best_threshold
from penchant.interests.text.reading import Mention, ReadingConfig, Span, TextReader, TextReading, read_texts
from penchant.interests.text.sentiment import LexiconSentiment, Passage, Sentiment

__all__ = [
    "Gazetteer",
    "Lexicon",
    "LexiconSentiment",
    "Meaning",
    "Mention",
    "Passage",
    "ReadingConfig",
    "Sentiment",
    "Span",
    "TextEvidence",
    "TextReader",
    "TextReading",
    "TextWeights",
    "best_threshold",
    "concept_totals",
    "evidence",
    "read_texts",
]
