"""Every reranker by name."""

from penchant.interfaces import Reranker
from penchant.registry import Registry
from penchant.reranking.calibration import Calibrated, CalibratedConfig
from penchant.reranking.dpp import DPP, DPPConfig
from penchant.reranking.mmr import MMR, MMRConfig
from penchant.reranking.popularity import Novelty, NoveltyConfig, PopularityDebias, PopularityDebiasConfig

RERANKERS: Registry[Reranker] = Registry("reranker")
RERANKERS.register("mmr", config=MMRConfig, cls=MMR, summary="Diversity: unlike the nearest item above.")
RERANKERS.register("dpp", config=DPPConfig, cls=DPP, summary="Diversity: unlike all items above together.")
RERANKERS.register(
    "calibrated", config=CalibratedConfig, cls=Calibrated, summary="Concepts or categories in the history's shares."
)
RERANKERS.register("novelty", config=NoveltyConfig, cls=Novelty, summary="Items that few know.")
RERANKERS.register(
    "popularity_debias",
    config=PopularityDebiasConfig,
    cls=PopularityDebias,
    summary="Scores without what popularity explains of them.",
)
