"""Generators in a world of genres: what they make, what the discriminators see, and what is kept."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from penchant.data.dataset import Dataset, Table
from penchant.errors import BundleError, DataError, UnsupportedError
from penchant.models.adversarial.behaviour_gan import (
    BehaviourGAN,
    BehaviourGANConfig,
    draw,
    shown,
    zero_reconstruction,
)
from penchant.models.adversarial.generator import AdversarialGenerator, RowBatch
from penchant.models.adversarial.resampling import Resampling
from penchant.models.adversarial.rows import AttributeCoding, Rows, first_rows, repeats_of, windows
from penchant.models.adversarial.sequence_gan import SequenceGAN, SequenceGANConfig, advantages
from penchant.training.adversarial import discriminator_loss
from tests.worlds import genre_world

USERS, NEWCOMERS, LENGTH = 160, 24, 7
BOTH = (BehaviourGAN, SequenceGAN)
CONTEST = {
    "discriminator_rate": 3e-3,
    "pretraining_rate": 1e-2,
    "first_epochs": 3,
    "pretraining_epochs": 6,
    "epochs": 3,
}
SETTINGS = {"most_items": LENGTH, "most_given": 3, "batch_rows": 16, "noise": 4, "contest": CONTEST}


def world() -> Dataset:
    """Users keep to one genre and never repeat themselves; newcomers say which they like and have done nothing."""
    both = genre_world(users=USERS, newcomers=NEWCOMERS)
    start = both.select(both.events.timestamps < LENGTH)
    once = np.unique(start.events.users.astype(np.int64) * 60 + start.events.items, return_index=True)[1]
    return start.select(np.isin(np.arange(len(start.events)), once))


def untrained(cls: type[AdversarialGenerator[Any, Any]]) -> AdversarialGenerator[Any, Any]:
    if cls is BehaviourGAN:
        return BehaviourGAN(BehaviourGANConfig.of({**SETTINGS, "hidden": 64}))
    contest = {**CONTEST, "discriminator_rate": 1e-2}
    return SequenceGAN(SequenceGANConfig.of({**SETTINGS, "hidden": 48, "dim": 24, "contest": contest}))


def brief(cls: type[AdversarialGenerator[Any, Any]], **settings: object) -> AdversarialGenerator[Any, Any]:
    """One epoch of each phase."""
    contest = {"epochs": 1, "pretraining_epochs": 1}
    made = untrained(cls)
    return cls(type(made.config).of({"most_items": LENGTH, "hidden": 8, "contest": contest, **settings}))


@pytest.fixture(scope="module", params=BOTH, ids=lambda cls: cls.name)
def trained(request) -> AdversarialGenerator[Any, Any]:
    return untrained(request.param).fit(world(), seed=0)


def conditions(generator: AdversarialGenerator[Any, Any] | Resampling, users: np.ndarray, *, given: int) -> Rows:
    data = world()
    sizes = np.full(len(users), given), np.full(len(users), LENGTH)
    histories = data.histories(users.astype(np.int32))
    return first_rows(histories, generator.attributes(data.users, users), given=sizes[0], lengths=sizes[1])


def test_rows_keep_to_the_genre_they_begin_with(trained):
    """Chance is one in four."""
    made = trained.generate(conditions(trained, np.arange(USERS), given=2), seed=1)
    shares = [(made.made(b) // 15 == made.items[b, 0] // 15).mean() for b in range(USERS)]
    assert np.mean(shares) > 0.75


def test_rows_of_nobody_yet_keep_to_what_he_says_he_likes(trained):
    users = np.arange(USERS, USERS + NEWCOMERS)
    made = trained.generate(conditions(trained, users, given=0), seed=1)
    assert np.mean([(made.made(b) // 15 == user % 4).mean() for b, user in enumerate(users)]) > 0.5


def test_a_sequence_follows_the_order_of_the_world(trained):
    """85 % of steps go to the next volume; a random one does in 2 %. A set has no order to follow."""
    made = trained.generate(conditions(trained, np.arange(USERS), given=1), seed=1)
    steps = np.diff(made.items, axis=1) % 15 == 1
    assert steps.mean() > (0.55 if trained.name == "sequence_gan" else 0.05)


def test_the_discriminator_sees_first_and_not_in_the_end(trained):
    first = [epoch.accuracy for epoch in trained.epochs if epoch.phase == "first"]
    assert first[-1] > 0.6
    assert abs(trained.epochs[-1].accuracy - 0.5) < 0.15
    assert all(
        epoch.discriminator_loss and epoch.generator_loss for epoch in trained.epochs if epoch.phase == "contest"
    )


def test_it_has_not_collapsed(trained):
    last = trained.epochs[-1].checks
    assert min(last["distinct"], last["entropy"], last["coverage"]) > 0.8


def test_rows_are_valid(trained):
    asked = conditions(trained, np.arange(USERS), given=3)
    made = trained.generate(asked, seed=5)
    assert (made.lengths == LENGTH).all()
    assert (made.items[:, :3] == asked.items[:, :3]).all()
    assert made.items.min() >= 0
    assert made.items.max() < 60
    assert repeats_of(world()) == "never"
    assert all(len(set(row.tolist())) == LENGTH for row in made.items)


def test_one_seed_makes_one_row_and_saving_keeps_every_bit(trained, tmp_path):
    asked = conditions(trained, np.arange(40), given=2)
    trained.save(tmp_path)
    loaded = type(trained).load(tmp_path)
    made, again, other = (trained.generate(asked, seed=seed).items for seed in (3, 3, 4))
    assert (made == again).all()
    assert (made != other).any()
    assert (loaded.generate(asked, seed=3).items == made).all()
    for mine, theirs in zip(trained.learned[1:], loaded.learned[1:], strict=True):
        assert all(torch.equal(v, theirs.state_dict()[k]) for k, v in mine.state_dict().items())
    assert loaded.epochs == trained.epochs
    assert not list(tmp_path.glob("*.p*k*l*"))
    with pytest.raises(BundleError):
        (SequenceGAN if type(trained) is BehaviourGAN else BehaviourGAN).load(tmp_path)


@pytest.mark.parametrize("cls", BOTH)
def test_one_seed_gives_one_training_and_torch_is_left_alone(cls):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, two, other = (brief(cls).fit(world(), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert one.epochs == two.epochs != other.epochs


@pytest.mark.parametrize("cls", BOTH)
def test_observed_rows_reach_the_discriminator(cls):
    """Its logits on the observed side change with the observed rows, and those on the generated side do not."""
    generator = brief(cls, dropout=0.0) if cls is SequenceGAN else brief(cls)
    generator.fit(world(), seed=0)
    histories, nobody = (
        world().histories(np.arange(8, dtype=np.int32)),
        generator.attributes(world().users, np.arange(8)),
    )
    asked = first_rows(histories, nobody, given=histories.lengths, lengths=histories.lengths, width=LENGTH)
    moved = np.where(asked.items < 0, asked.items, (asked.items + 15) % 60)
    rows, others = (
        Rows(items=items, given=np.zeros(8, dtype=np.int64), lengths=asked.lengths, attributes=nobody)
        for items in (asked.items, moved)
    )
    judged = []
    for one in (rows, others):
        torch.manual_seed(0)
        judged.append(generator.judge(generator.learned, RowBatch.of(one)))
    assert not torch.allclose(judged[0][0], judged[1][0])
    assert torch.equal(judged[0][1], judged[1][1])


@pytest.mark.parametrize("cls", BOTH)
def test_gradients_reach_both_networks(cls):
    generator = brief(cls)
    generator.fit(world(), seed=0)
    rows = windows(
        world().histories(),
        generator.attributes(world().users, np.arange(USERS + NEWCOMERS)),
        most=LENGTH,
        most_given=3,
        rng=np.random.default_rng(0),
    )
    batch = RowBatch.of(rows.take(slice(0, 32)))
    _, maker, judge = generator.learned
    observed, made = generator.judge(generator.learned, batch)
    discriminator_loss(observed, made).backward()
    assert all(p.grad is None or not p.grad.any() for p in maker.parameters())
    assert all(p.grad is not None and p.grad.any() for p in judge.parameters())
    generator.persuade(generator.learned, batch)[1].backward()
    assert all(p.grad is not None and p.grad.any() for p in maker.parameters())


def test_draw_zero_reconstruction_and_masking_by_hand():
    torch.manual_seed(0)
    logits = torch.log(torch.tensor([[3.0, 1.0, 1.0, 1e-30]])).expand(4000, 4).requires_grad_()
    rows = draw(logits, torch.full((4000,), 2), temperature=0.5)
    assert torch.allclose(rows.sum(dim=1), torch.tensor(2.0), atol=1e-4)
    # without replacement: item 0 is in unless both others come first, 2 · (1/5)(1/4) = 1/10
    assert rows[:, 0].mean().item() == pytest.approx(0.9, abs=0.02)
    (gradient,) = torch.autograd.grad(rows[:, 0].sum(), logits)
    assert gradient.any()
    two = torch.tensor([[math.log(3.0), 0.0]])
    assert zero_reconstruction(two, torch.tensor([1]), torch.tensor([[0.0, 1.0]])).item() == pytest.approx(1 / 16)
    mask = shown(torch.tensor([[1.0, 0.0] * 500]), masking=0.25)
    assert mask[:, ::2].all()
    assert mask[:, 1::2].mean().item() == pytest.approx(0.75, abs=0.06)
    assert shown(torch.zeros(2, 3), masking=0.0).all()


def test_advantages_are_those_of_the_docstring():
    rewards = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    found = advantages(rewards, torch.ones(2, 2, dtype=torch.bool), discount=1.0)
    assert torch.allclose(found, torch.tensor([[1.41421, 0.0], [-1.41421, 0.0]]), atol=1e-4)
    short = advantages(
        torch.tensor([[1.0, 9.0], [0.0, 0.0]]), torch.tensor([[True, False], [True, False]]), discount=1.0
    )
    assert torch.allclose(short, torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), atol=1e-4)


def test_resampled_rows_are_stretches_of_somebodys():
    data = world()
    drawn = Resampling().fit(data)
    made = drawn.generate(conditions(drawn, np.arange(40), given=0), seed=1)
    whole = {tuple(data.histories().items[data.histories().of(b)].tolist()) for b in range(USERS)}
    assert sum(tuple(row.tolist()) in whole for row in made.items) > 20
    with pytest.raises(UnsupportedError):
        Resampling().generate(conditions(drawn, np.arange(4), given=0), seed=1)


def test_attributes_with_few_values_are_read_and_ids_are_not():
    users = Table(
        ("a", "b", "c"),
        {
            "likes": np.array(["chess", None, "opera"], dtype=object),
            "tags": np.array([["x", "y"], ["y"], None], dtype=object),
            "one": np.array(["same"] * 3, dtype=object),
        },
    )
    coding = AttributeCoding.fit(users)
    assert coding.matrix(users, np.arange(3)).tolist() == [[1, 0, 1, 1], [0, 0, 0, 1], [0, 1, 0, 0]]
    many = Table(tuple(map(str, range(40))), {"name": np.array([f"n{k}" for k in range(40)], dtype=object)})
    assert AttributeCoding.fit(many).width == 0


@pytest.mark.parametrize("cls", [*BOTH, Resampling])
def test_nothing_to_learn_from_is_refused(cls):
    data = world()
    one_item = Dataset.of_rows(
        name="one", users=Table(("u",)), items=Table(("i",)), user_rows=np.zeros(3, int), item_rows=np.zeros(3, int)
    )
    for bad in (one_item, data.select(np.zeros(len(data.events), dtype=bool)), data.select(data.events.timestamps < 1)):
        with pytest.raises(DataError, match="Nothing to"):
            cls().fit(bad)
    with pytest.raises(DataError, match="Nothing to"):
        cls().fit(data, users=np.zeros(0, dtype=np.int64))
