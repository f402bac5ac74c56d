"""Propagation, scores and loss of LightGCN agree with PyTorch Geometric's, from the same weights."""

import warnings

import numpy as np
import pytest
import torch

from penchant.models.graph.interactions import InteractionGraph
from penchant.models.graph.propagation import GraphModule
from penchant.training.losses import bpr_loss
from penchant.training.pairs import PairBatch
from tests.worlds import genre_world

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # in its own imports
    from torch_geometric.nn import LightGCN as Reference

WORLD = genre_world(users=30)
LAYERS = 3


@pytest.fixture(scope="module")
def both() -> tuple[GraphModule, Reference, torch.Tensor]:
    graph = InteractionGraph.of(WORLD)
    torch.manual_seed(0)
    ours = GraphModule(graph, dim=7, layers=LAYERS, spread=0.1)
    users, items = graph.edges_UI.shape
    theirs = Reference(users + items, 7, LAYERS)
    with torch.no_grad():
        theirs.embedding.weight.copy_(ours.start())
    rows, columns = graph.adjacency.nonzero()
    return ours, theirs, torch.from_numpy(np.stack([rows, columns]).astype(np.int64))


def test_propagated_vectors_agree(both) -> None:
    ours, theirs, edges = both
    torch.testing.assert_close(ours.propagation(ours.start()), theirs.get_embedding(edges), atol=1e-6, rtol=1e-5)


def test_the_loss_and_its_gradients_agree(both) -> None:
    ours, theirs, edges = both
    batch = PairBatch(
        users_N=torch.tensor([0, 3, 3, 29]),
        wanted_N=torch.tensor([5, 1, 40, 59]),
        unwanted_NS=torch.tensor([[9], [2], [33], [0]]),
    )
    users = batch.users_N
    wanted, unwanted = batch.wanted_N + ours.n_users, batch.unwanted_NS[:, 0] + ours.n_users
    ranks = theirs(edges, torch.stack([users.repeat(2), torch.cat([wanted, unwanted])])).chunk(2)
    reference = theirs.recommendation_loss(*ranks, torch.cat([users, wanted, unwanted]).unique(), lambda_reg=0.0)
    loss = ours.loss(batch, 0.0)
    assert loss.item() == pytest.approx(reference.item(), rel=1e-5)
    loss.backward()
    reference.backward()
    gradient = torch.cat([ours.users.grad, ours.items.grad])
    torch.testing.assert_close(gradient, theirs.embedding.weight.grad, atol=1e-7, rtol=1e-4)


def test_bpr_is_the_reference_s(both) -> None:
    from torch_geometric.nn.models.lightgcn import BPRLoss

    wanted, unwanted = torch.tensor([1.0, -2.0, 30.0]), torch.tensor([0.5, 3.0, -40.0])
    assert bpr_loss(wanted, unwanted).item() == pytest.approx(BPRLoss(0.0)(wanted, unwanted).item(), rel=1e-6)
