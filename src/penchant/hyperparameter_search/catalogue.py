"""The ways of choosing settings, and of giving trials up, by name."""

from penchant.hyperparameter_search.hyperopt_sampling import HyperoptConfig, HyperoptSampler
from penchant.hyperparameter_search.optuna_sampling import GPConfig, GPSampler, TPEConfig, TPESampler
from penchant.hyperparameter_search.pruning import HalvingConfig, HalvingPruner, MedianConfig, MedianPruner, Pruner
from penchant.hyperparameter_search.sampling import GridConfig, GridSampler, RandomConfig, RandomSampler, Sampler
from penchant.registry import Registry

SAMPLERS: Registry[Sampler] = Registry("search method")
SAMPLERS.register("random", config=RandomConfig, cls=RandomSampler, summary="independent draws")
SAMPLERS.register("grid", config=GridConfig, cls=GridSampler, summary="every point of a grid once")
SAMPLERS.register("tpe", config=TPEConfig, cls=TPESampler, summary="tree-structured Parzen estimators, by Optuna")
SAMPLERS.register("gp", config=GPConfig, cls=GPSampler, summary="a Gaussian process, by Optuna")
SAMPLERS.register("hyperopt", config=HyperoptConfig, cls=HyperoptSampler, summary="Hyperopt's own TPE")

PRUNERS: Registry[Pruner] = Registry("way of pruning")
PRUNERS.register("median", config=MedianConfig, cls=MedianPruner, summary="below the median of the others")
PRUNERS.register("halving", config=HalvingConfig, cls=HalvingPruner, summary="one of three goes on, rung by rung")
