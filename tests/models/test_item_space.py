import numpy as np
import torch

from penchant.models.sequential.item_space import TEXT_SPREAD, ItemSpace

COUNTS = np.array([0, 3, 1000, 0, 3])
TEXT = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
TEXT[3:] = 0.0


def space(**settings) -> ItemSpace:
    torch.manual_seed(0)
    return ItemSpace(**{"dim": 4, "counts": COUNTS, "text": TEXT, "gate_events": 3.0, **settings})


def test_vectors_are_the_gated_sum_of_text_and_id():
    made = space()
    with torch.no_grad():
        z = made()
        assert made.projection is not None
        v = made.projection(made.text) + made.ids * torch.tensor([[0.0], [0.5], [1000 / 1003], [0.0], [0.5]])
    torch.testing.assert_close(z, v / v.norm(dim=1, keepdim=True).clamp(min=1e-12))
    torch.testing.assert_close(z.norm(dim=1), torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0]))  # item 3: nothing is known


def test_a_new_item_rests_on_its_text_alone():
    made = space()
    with torch.no_grad():
        before = made()[0].clone()
        made.ids.add_(5.0)
        torch.testing.assert_close(made()[0], before)


def test_id_dropout_hides_ids_in_training_only_and_only_where_there_is_text():
    made = space(id_dropout=0.5)
    with torch.no_grad():
        served = made.eval()()
        trained = torch.stack([made.train()() for _ in range(40)])
        assert made.projection is not None
        bare = made.projection(made.text)[2]
    torch.testing.assert_close(served, space().eval()())
    hidden = torch.isclose(trained[:, 2], bare / bare.norm(), atol=1e-6).all(dim=1)
    assert 10 < int(hidden.sum()) < 30
    torch.testing.assert_close(trained[~hidden][:, 2], served[2].expand(int((~hidden).sum()), -1))
    torch.testing.assert_close(trained[:, 4], served[4].expand(40, -1))  # no text: the id stays


def test_the_projection_begins_with_the_principal_axes():
    made = space()
    assert made.projection is not None
    with torch.no_grad():
        projected = made.projection(made.text)
    assert abs(float(projected.std(correction=0)) - TEXT_SPREAD) < 0.02
    gram = made.projection.weight @ made.projection.weight.T
    torch.testing.assert_close(gram, torch.diag(gram.diagonal()), atol=1e-6, rtol=0)


def test_graph_vectors_stand_beside_the_text():
    graph = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    graph[3] = 0.0
    made = space(graph=graph)
    assert made.text is not None
    assert made.text.shape == (5, 11)
    with torch.no_grad():
        torch.testing.assert_close(made().norm(dim=1), torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0]))
        assert made()[4].abs().sum() != space()()[4].abs().sum()  # no text, but edges


def test_without_text_the_ids_stand_alone():
    made = space(text=None, gate_events=0.0)
    with torch.no_grad():
        torch.testing.assert_close(made().norm(dim=1), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0]))


def test_more_dimensions_than_the_text_has():
    with torch.no_grad():
        assert torch.isfinite(space(dim=16)()).all()


def test_texts_that_are_all_alike_or_absent():
    for text in (np.ones((5, 8), np.float32), np.zeros((5, 8), np.float32)):
        with torch.no_grad():
            assert torch.isfinite(space(text=text)()).all()
