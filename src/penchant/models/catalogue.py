"""Every recommender by name."""

from pathlib import Path

from penchant.interfaces import Recommender
from penchant.models.content_based import ContentBased, ContentBasedConfig
from penchant.models.ease import EASE, EASEConfig
from penchant.models.graph.lightgcn import LightGCN, LightGCNConfig
from penchant.models.graph.smoothing import GraphSmoothing, GraphSmoothingConfig
from penchant.models.graph.social import Social, SocialConfig
from penchant.models.hybrid import Interest
from penchant.models.hybrid_config import InterestConfig
from penchant.models.language.text_rating import TextRating, TextRatingConfig
from penchant.models.matrix_factorization.als import ALS, ALSConfig
from penchant.models.matrix_factorization.bpr import BPR, BPRConfig
from penchant.models.neighborhood import ItemKNN
from penchant.models.neighborhood_config import ItemKNNConfig
from penchant.models.neural.attentive_cf import AttentiveCF, AttentiveCFConfig
from penchant.models.neural.autoencoder import Autoencoder, AutoencoderConfig
from penchant.models.neural.neumf import NeuMF, NeuMFConfig
from penchant.models.neural.towers import TwoTowerConfig
from penchant.models.neural.two_tower import TwoTower
from penchant.models.popularity import Popularity, PopularityConfig, RandomConfig, RandomOrder
from penchant.models.rating.bayesian_mf import BayesianMF, BayesianMFConfig
from penchant.models.rating.biased_mf import BiasedMF, BiasedMFConfig
from penchant.models.rating.factorization_machine import FactorizationMachine, FactorizationMachineConfig
from penchant.models.rating.knn import RatingKNN, RatingKNNConfig
from penchant.models.rating.means import RatingMeans, RatingMeansConfig
from penchant.models.rating.rating_network import RatingNetwork, RatingNetworkConfig
from penchant.models.rating.svdpp import SVDPP, SVDPPConfig
from penchant.models.recent_popularity import RecentPopularity, RecentPopularityConfig
from penchant.models.saving import saved_name
from penchant.models.sequential.bert4rec import BERT4Rec, BERT4RecConfig
from penchant.models.sequential.caser import Caser, CaserConfig
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.gru4rec import GRU4Rec, GRU4RecConfig
from penchant.models.sequential.interest_tracker import InterestTracker
from penchant.models.sequential.sasrec import SASRec, SASRecConfig
from penchant.models.user_knn import UserKNN, UserKNNConfig
from penchant.registry import Registry

RECOMMENDERS: Registry[Recommender] = Registry("recommender")
RECOMMENDERS.register("random", config=RandomConfig, cls=RandomOrder, summary="Chance, as a floor.")
RECOMMENDERS.register("popularity", config=PopularityConfig, cls=Popularity, summary="What most users touched.")
RECOMMENDERS.register(
    "recent_popularity",
    config=RecentPopularityConfig,
    cls=RecentPopularity,
    summary="What most users touched lately.",
)
RECOMMENDERS.register("user_knn", config=UserKNNConfig, cls=UserKNN, summary="What users with a like history touched.")
RECOMMENDERS.register(
    "item_knn", config=ItemKNNConfig, cls=ItemKNN, summary="What followed the history's items for other users."
)
RECOMMENDERS.register(
    "ease", config=EASEConfig, cls=EASE, summary="Each item foreseen from a history's others by linear weights."
)
RECOMMENDERS.register(
    "als", config=ALSConfig, cls=ALS, summary="Matrix factorisation of touches by alternating least squares."
)
RECOMMENDERS.register(
    "bpr", config=BPRConfig, cls=BPR, summary="Matrix factorisation that puts touched before untouched items."
)
RECOMMENDERS.register(
    "content_based", config=ContentBasedConfig, cls=ContentBased, summary="What reads like the history; needs text."
)
RECOMMENDERS.register(
    "graph_smoothing",
    config=GraphSmoothingConfig,
    cls=GraphSmoothing,
    summary="Item neighbours of neighbours: what the history leads to over the graph of items.",
)
RECOMMENDERS.register(
    "lightgcn", config=LightGCNConfig, cls=LightGCN, summary="Vectors passed along the graph of users and items."
)
RECOMMENDERS.register(
    "social", config=SocialConfig, cls=Social, summary="What the user's friends touched; needs links between users."
)
RECOMMENDERS.register(
    "neumf", config=NeuMFConfig, cls=NeuMF, summary="Factors and a network over the pair of history and item."
)
RECOMMENDERS.register(
    "attentive_cf",
    config=AttentiveCFConfig,
    cls=AttentiveCF,
    summary="A deep network over the pair, with attention over its layers.",
)
RECOMMENDERS.register(
    "autoencoder", config=AutoencoderConfig, cls=Autoencoder, summary="A history squeezed and unfolded (Mult-VAE)."
)
RECOMMENDERS.register(
    "two_tower",
    config=TwoTowerConfig,
    cls=TwoTower,
    summary="A user vector and an item vector from ids, text and attributes, compared by a similarity.",
)
RECOMMENDERS.register(
    "gru4rec", config=GRU4RecConfig, cls=GRU4Rec, summary="A recurrent network reads the history in order."
)
RECOMMENDERS.register("caser", config=CaserConfig, cls=Caser, summary="Convolutions over the last few events.")
RECOMMENDERS.register(
    "sasrec", config=SASRecConfig, cls=SASRec, summary="Self-attention over the history, as published."
)
RECOMMENDERS.register(
    "bert4rec", config=BERT4RecConfig, cls=BERT4Rec, summary="Hidden events guessed from both sides, as published."
)
RECOMMENDERS.register(
    "tracker", config=InterestTrackerConfig, cls=InterestTracker, summary="A sequence model over item vectors."
)
RECOMMENDERS.register(
    "interest", config=InterestConfig, cls=Interest, summary="Tracker and neighbours blended; the default."
)
RECOMMENDERS.register(
    "rating_means", config=RatingMeansConfig, cls=RatingMeans, summary="Ratings by damped means of items and users."
)
RECOMMENDERS.register(
    "rating_knn", config=RatingKNNConfig, cls=RatingKNN, summary="Ratings by what neighbours were given, or gave."
)
RECOMMENDERS.register(
    "biased_mf", config=BiasedMFConfig, cls=BiasedMF, summary="Ratings by biases and what user and item have in common."
)
RECOMMENDERS.register(
    "svdpp", config=SVDPPConfig, cls=SVDPP, summary="The same, and what was rated says something before how."
)
RECOMMENDERS.register(
    "bayesian_mf",
    config=BayesianMFConfig,
    cls=BayesianMF,
    summary="Ratings averaged over all likely factors, with attributes: the most exact.",
)
RECOMMENDERS.register(
    "factorization_machine",
    config=FactorizationMachineConfig,
    cls=FactorizationMachine,
    summary="Ratings by ids, attributes and what every two of them add together.",
)
RECOMMENDERS.register(
    "rating_network",
    config=RatingNetworkConfig,
    cls=RatingNetwork,
    summary="Ratings by a network over who rates and what is rated: as a number, a class, or liked or not.",
)
RECOMMENDERS.register(
    "text_rating",
    config=TextRatingConfig,
    cls=TextRating,
    summary="Ratings read by a language model: the item's text and the user's behaviour as one input.",
)


def load_recommender(folder: Path) -> Recommender:
    """The recommender saved in a folder, whichever it is."""
    return RECOMMENDERS[saved_name(folder)].cls.load(folder)
