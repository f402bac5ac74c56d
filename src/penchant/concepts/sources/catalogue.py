"""Every source of concepts by name."""

from penchant.concepts.proposals import ConceptSource
from penchant.concepts.sources.attributes import Attributes, AttributesConfig
from penchant.concepts.sources.embedding_phrases import EmbeddingPhrases, EmbeddingPhrasesConfig
from penchant.concepts.sources.given_names import GivenNames, GivenNamesConfig
from penchant.concepts.sources.phrases import Phrases, PhrasesConfig
from penchant.concepts.sources.taxonomy import Taxonomy, TaxonomyConfig
from penchant.concepts.sources.topics import Topics, TopicsConfig
from penchant.registry import Registry

SOURCES: Registry[ConceptSource] = Registry("concept source")
SOURCES.register("attributes", config=AttributesConfig, cls=Attributes, summary="Tags, genres, categories, makers.")
SOURCES.register("phrases", config=PhrasesConfig, cls=Phrases, summary="Key phrases of texts by TF-IDF.")
SOURCES.register(
    "embedding_phrases",
    config=EmbeddingPhrasesConfig,
    cls=EmbeddingPhrases,
    summary="Key phrases nearest to a text's meaning, as the language model reads it.",
)
SOURCES.register("topics", config=TopicsConfig, cls=Topics, summary="Words that occur together (NMF).")
SOURCES.register("taxonomy", config=TaxonomyConfig, cls=Taxonomy, summary="A tree of names from a file.")
SOURCES.register("given_names", config=GivenNamesConfig, cls=GivenNames, summary="Names from a file or the settings.")
