import numpy as np
import pytest
import scipy.sparse as sp
import torch

from penchant.training.pairs import PairBatches

MATRIX = sp.csr_array(np.array([[1, 1, 0, 0, 1], [0, 0, 0, 0, 0], [0, 1, 1, 1, 1], [1, 1, 1, 1, 1]]))


def batches(size: int = 4, *, unwanted: int = 3, seed: int = 0, epoch: int = 1) -> PairBatches:
    return PairBatches(MATRIX, size=size, unwanted=unwanted, seed=seed, epoch=epoch)


def test_an_epoch_holds_every_entry_once_in_an_order_of_its_own():
    pairs = [(int(u), int(i)) for b in batches() for u, i in zip(b.users_N, b.wanted_N, strict=True)]
    assert sorted(pairs) == [(u, i) for u in range(4) for i in range(5) if MATRIX[u, i]]
    assert [len(b.users_N) for b in batches()] == [4, 4, 4]
    other = [(int(u), int(i)) for b in batches(epoch=2) for u, i in zip(b.users_N, b.wanted_N, strict=True)]
    assert pairs != other
    assert sorted(other) == sorted(pairs)


def test_unwanted_items_are_not_the_users_own_and_all_others_come():
    seen: dict[int, set[int]] = {0: set(), 2: set(), 3: set()}
    for epoch in range(40):
        for batch in batches(epoch=epoch):
            for user, items in zip(batch.users_N.tolist(), batch.unwanted_NS.tolist(), strict=True):
                seen[user].update(items)
    assert seen[0] == {2, 3}
    assert seen[2] == {0}
    assert seen[3] <= set(range(5))  # a user who has everything still gets rows


def test_a_batch_is_the_same_whenever_it_is_asked_for():
    one, again = batches(), batches()
    assert torch.equal(one[2].unwanted_NS, again[2].unwanted_NS)
    assert torch.equal(again[2].unwanted_NS, one[2].unwanted_NS)
    assert not torch.equal(one[0].users_N, batches(seed=1)[0].users_N)
    assert [len(b.users_N) for b in one[1:]] == [4, 4]
    with pytest.raises(IndexError):
        one[3]
