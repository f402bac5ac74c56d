"""Two towers: one network makes a vector of the user, another of the item, and a similarity compares them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from penchant.data.dataset import Dataset
from penchant.data.features.pipeline import FeaturePipeline
from penchant.data.histories import Histories
from penchant.errors import UnsupportedError
from penchant.interfaces import FitOptions
from penchant.metrics.similarity import Similarity
from penchant.models.neural.recommender import NeuralRecommender
from penchant.models.neural.towers import TwoTowerConfig, TwoTowerModule
from penchant.models.sequential.windows import NO_TARGET, WindowBatch, input_batch, window_epochs
from penchant.training.devices import device_of
from penchant.training.losses import candidates_softmax_loss, sampled_binary_loss
from penchant.training.scoring_heads import candidate_probabilities, rated_probabilities
from penchant.types import AnyArray, FloatArray

PRIOR_EVENTS = 10.0
"""An item's mean rating is drawn towards the mean of all as by so many ratings."""
NUMBERS_AT_ONCE = 4_000_000


class TwoTower(NeuralRecommender[TwoTowerModule, WindowBatch]):
    """A user vector and an item vector, each made by a network of its own, and a similarity by name.

    ::

        x_i  = γ_i id_i + A [text_i ; attributes_i],   γ_i = n_i / (n_i + gate_events)
        v_i  = item tower(x_i)
        p_k  = average of x_1 … x_L under weights decay_k^(L − l),   for each decay
        u_b  = user tower([p_1 ; … ; p_K ; attributes_b ; own words_b])
        s_bi = e^t similarity(u_b, v_i) + c

    The retrieval model of Covington et al. (2016) and Yi et al. (2019): each event is told from the events of others in
    its batch by a softmax that takes out again how often they come (or by the binary loss). The networks that make the
    vectors are what some call generators; nothing here is adversarial. Item vectors can be computed beforehand, so that
    asking costs one user vector and a search. With ``similarity = "neural"`` a third network compares the two.

    An item without events is placed by its text and attributes, a user without events by his. `fit` raises
    `UnsupportedError` where ``head = "rated_softmax"`` finds no ratings.
    """

    folds_in_items: ClassVar[bool] = True
    reads_text: ClassVar[bool] = True
    name: ClassVar[str] = "two_tower"
    config_class: ClassVar[type[TwoTowerConfig]] = TwoTowerConfig
    config: TwoTowerConfig

    def shape(self, dataset: Dataset, options: FitOptions) -> dict[str, Any]:
        """How many users, items and numbers known of each."""
        users, items = self._facts(dataset, options)
        if self.config.head == "rated_softmax" and dataset.rating_scale is None:
            raise UnsupportedError(
                f"{self.name} with head = 'rated_softmax' needs ratings, and {dataset.name!r} has none.",
                hint="Use head = 'softmax' or 'similarity', which need none.",
            )
        return {
            "n_items": dataset.n_items,
            "n_users": dataset.n_users,
            "item_facts": items.shape[1],
            "user_facts": users.shape[1],
        }

    def build(self, shape: Mapping[str, Any]) -> TwoTowerModule:
        """The module with fresh weights."""
        return TwoTowerModule(self.config, shape)

    def prepare(self, module: TwoTowerModule, dataset: Dataset, options: FitOptions) -> None:
        """Put in what is known of users and items."""
        users, items = self._facts(dataset, options)
        module.counts.copy_(torch.from_numpy(dataset.item_counts()))
        module.item_facts.copy_(torch.from_numpy(items))
        module.user_facts.copy_(torch.from_numpy(users))
        if dataset.rating_scale is not None:
            module.ratings.copy_(torch.from_numpy(_mean_ratings(dataset)))

    def batches(self, dataset: Dataset, *, seed: int) -> Callable[[int], Sequence[WindowBatch]]:
        """Windows of the histories, cut anew in each epoch."""
        length, tokens = self.config.max_length, self.config.batch_tokens
        return window_epochs(dataset.histories(), max_length=length, batch_tokens=tokens, seed=seed, name=self.name)

    def loss(self, module: TwoTowerModule, batch: WindowBatch) -> Tensor:
        """Each event told from others of the batch, but not from those of its own user."""
        batch = batch.to(device_of(module))
        asked = batch.targets_BS != NO_TARGET
        targets, owners = batch.targets_BS[asked], asked.nonzero()[:, 0]
        rows, places = torch.unique(torch.cat([batch.items_BL.flatten(), targets]), return_inverse=True)
        events, wanted = places.split([batch.items_BL.numel(), len(targets)])
        contents = module.contents(rows)
        users = module.users(contents[events.view_as(batch.items_BL)], batch.users_B)[asked]
        items = module.items(contents)
        chosen = torch.randperm(len(targets), device=targets.device)[: self.config.candidates]
        own = module.logits(module.similarity.pairs(users, items[wanted]))
        others = module.logits(module.similarity.table(users, items[wanted[chosen]]))
        counted = (targets[:, None] != targets[chosen]) & (owners[:, None] != owners[chosen])
        if self.config.loss == "binary":
            return sampled_binary_loss(own, others, counted / counted.sum(dim=1, keepdim=True).clamp(min=1))
        log_q = (module.counts[targets[chosen]] / module.counts.sum()).log()
        return candidates_softmax_loss(own, others, log_q, counted)

    def scores(self, module: TwoTowerModule, histories: Histories) -> Tensor:
        """What the head makes of the similarities, (B, I)."""
        users, items = self._users(module, histories), self._items(module)
        wide = self.config.hidden if self.config.similarity == "neural" else 1
        blocks = torch.split(users, max(1, NUMBERS_AT_ONCE // (len(items) * wide)))
        scores = module.logits(torch.cat([module.similarity.table(block, items) for block in blocks]))
        if self.config.head == "softmax":
            return candidate_probabilities(scores)
        return scores if self.config.head == "similarity" else rated_probabilities(scores, module.ratings)

    def user_vectors(self, histories: Histories) -> FloatArray:
        """u, (B, D): the interest after each history's last event."""
        with torch.inference_mode():
            return self._users(self.module, histories).numpy()

    @property
    def item_vectors(self) -> FloatArray:
        """v, (I, D)"""
        with torch.inference_mode():
            return self._items(self.module).numpy()

    @property
    def similarity(self) -> Similarity:
        """The similarity on numpy arrays, as trained: scores are e^t times it, plus c."""
        return self.module.similarity.for_arrays()

    def _users(self, module: TwoTowerModule, histories: Histories) -> Tensor:
        device = device_of(module)
        items, lengths = (part.to(device) for part in input_batch(histories, self.config.max_length))
        contents = module.contents(torch.arange(len(module.counts), device=device))
        states = module.users(contents[items], torch.from_numpy(histories.users.astype(np.int64)).to(device))
        return states[torch.arange(len(states), device=device), lengths]

    def _items(self, module: TwoTowerModule) -> Tensor:
        return module.items(module.contents(torch.arange(len(module.counts), device=device_of(module))))

    def _facts(self, dataset: Dataset, options: FitOptions) -> tuple[FloatArray, FloatArray]:
        """What is known of users (U, ·) and items (I, ·) beside events: attributes and texts, of unit spread."""
        users: list[AnyArray] = [np.zeros((dataset.n_users, 0))]
        items: list[AnyArray] = [np.zeros((dataset.n_items, 0))]
        if self.config.features is not None:
            features = FeaturePipeline.fit(dataset, self.config.features).apply(dataset.users, dataset.items)
            users.append(features.users.toarray())
            items.append(features.items.toarray())
        for parts, vectors in ((users, options.user_vectors), (items, options.item_vectors)):
            if vectors is not None and np.any(vectors):
                parts.append(vectors)
        return _even(users), _even(items)


def _even(parts: Sequence[AnyArray]) -> FloatArray:
    """Parts side by side, each centred over the rows that have it and scaled to a mean length of 1."""
    made = []
    for part in parts:
        present = np.any(part != 0, axis=1, keepdims=True)
        if not present.any():
            continue
        centred = np.where(present, part - part[present[:, 0]].mean(axis=0), 0.0)
        length = np.linalg.norm(centred[present[:, 0]], axis=1).mean()
        made.append(centred / length if length > 0 else centred)
    rows = len(parts[0])
    return np.concatenate([np.zeros((rows, 0)), *made], axis=1).astype(np.float32)


def _mean_ratings(dataset: Dataset) -> FloatArray:
    """Each item's mean rating, drawn towards the mean of all where it has few, (I,)."""
    events = dataset.events
    rated = (events.items >= 0) & ~np.isnan(events.values)
    items, values = events.items[rated], events.values[rated]
    mean = float(values.mean()) if len(values) else 1.0
    sums = np.bincount(items, weights=values, minlength=dataset.n_items)
    counts = np.bincount(items, minlength=dataset.n_items)
    return np.asarray((sums + PRIOR_EVENTS * mean) / (counts + PRIOR_EVENTS), dtype=np.float32)
