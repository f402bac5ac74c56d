"""Fine-tuning on behaviour: the texts of what is taken together come near each other, new items' too."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from penchant.data.dataset import Dataset
from penchant.data.histories import Histories
from penchant.encoders import load_encoder, render_items
from penchant.encoders.fine_tuning.catalogue import METHODS
from penchant.errors import CheckpointError, ConfigError, DataError, UnsupportedError
from penchant.interfaces import FitOptions
from penchant.models.language import item_spaces, next_item_tuning
from penchant.models.language.consumed_together import Contexts, neighbour_batches
from penchant.models.language.item_spaces import ItemSpace, LinearSpace, TextSpace, whitening_of
from penchant.models.language.next_item_loss import NextItemLoss
from penchant.models.language.next_item_tuning import NextItemTuning, NextItemTuningConfig
from tests.models.language.tiny import save_words
from tests.models.rating.worlds import rated

NUMBERS = tuple(f"n{k}" for k in range(10))
COLOURS = tuple(f"c{k}" for k in range(12))


def number_world(*, users: int = 150, seed: int = 0) -> Dataset:
    """Items are a colour and a number. Who takes one takes others of its number; the colour says nothing."""
    rng = np.random.default_rng(seed)
    titles = [f"{colour} {number}" for colour in COLOURS for number in NUMBERS]
    rows = []
    for user in range(users):
        own = np.arange(len(COLOURS)) * len(NUMBERS) + user % len(NUMBERS)
        rows += [(user, item, np.nan) for item in rng.permutation(own)[:7].tolist()]
    return rated(rows, n_users=users, n_items=len(titles), items={"title": list(titles)})


DATA = number_world()
EXACT = {"precision": "float32"}


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_words(tmp_path_factory.mktemp("words"), [*NUMBERS, *COLOURS], layers=1)


def settings(path: Path, **further: Any) -> NextItemTuningConfig:
    encoder = {"path": str(path), "max_length": 8} | {
        name: further.pop(name) for name in ("method", "words") if name in further
    }
    encoder.setdefault("method", "full")
    training = {"learning_rate": 3e-3, "max_epochs": 4, "warmup_steps": 4, "evaluate_every": 1, "evaluate_start": True}
    few = {"batch": 40, "new_share": 0.1, "head_training": {**training, "max_epochs": 2}, "training": training}
    return NextItemTuningConfig.of({"encoder": encoder, **few, **further})


@pytest.fixture(scope="module")
def tuned(words: Path) -> NextItemTuning:
    return NextItemTuning(settings(words)).fit(DATA)


def test_what_is_taken_together_is_near_known_and_new(tuned: NextItemTuning):
    """The untrained model goes by colour as much as by number. Who goes by number alone ranks the next item evenly
    among the six of the number that are left of a history of six, or the few more of a shorter one.
    """
    best = float(np.mean([1 / np.log2(rank + 1) for rank in range(1, 7)]))
    assert set(tuned.before) == {"known", "new"}
    assert tuned.before["known"] < 0.75 * best
    assert tuned.after["known"] > 0.85 * best
    assert tuned.after["new"] > 1.2 * tuned.before["new"]
    assert set(tuned.records) == {"head", "encoder"}


def test_the_saved_encoder_gives_the_vectors_that_were_measured(tuned: NextItemTuning, tmp_path: Path):
    tuned.save(tmp_path / "encoder")
    texts = render_items(DATA.items)
    with torch.inference_mode():
        own = functional.normalize(tuned.encoder([(text, None) for text in texts]), dim=1).numpy()
    loaded = load_encoder(str(tmp_path / "encoder"), settings=EXACT)
    np.testing.assert_allclose(loaded.encode(texts), own, atol=1e-5)


def test_without_the_words_beside_it_sentence_transformers_reads_it_too(words: Path, tmp_path: Path):
    from sentence_transformers import SentenceTransformer

    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    NextItemTuning(settings(words, words=False, training=epoch, head_training=epoch)).fit(DATA).save(
        tmp_path / "encoder"
    )
    texts = render_items(DATA.items)[:5]
    theirs = SentenceTransformer(str(tmp_path / "encoder"), device="cpu").encode(texts)
    np.testing.assert_allclose(theirs, load_encoder(str(tmp_path / "encoder"), settings=EXACT).encode(texts), atol=1e-5)


def test_many_texts_are_run_a_few_at_a_time_and_come_back_in_order(tuned: NextItemTuning):
    texts = [*render_items(DATA.items)[:70], "n1", "n2 c3 c4 c5"]
    with torch.inference_mode():
        together = tuned.encoder([(text, None) for text in texts])
        alone = torch.cat([tuned.encoder([(text, None)]) for text in texts])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_without_new_items_all_are_learned_from_and_known_ones_decide(words: Path):
    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    tuned = NextItemTuning(settings(words, method="head_only", new_share=0.0, head_training=epoch)).fit(DATA)
    assert set(tuned.before) == set(tuned.after) == {"known"}


@pytest.mark.parametrize("loss", ["pairwise", "binary"])
def test_the_other_losses_learn_it_too(words: Path, loss: str):
    tuned = NextItemTuning(settings(words, loss=loss)).fit(DATA)
    assert tuned.after["known"] > 1.2 * tuned.before["known"]


def test_the_head_alone_leaves_the_model_as_it_was(words: Path):
    tuned = NextItemTuning(settings(words, method="head_only")).fit(DATA)
    assert set(tuned.records) == {"head"}
    assert tuned.encoder.trainable_count == 64 * 64 + 64  # 32 of the model's, 32 of the words'
    assert tuned.after["known"] >= tuned.before["known"]


@pytest.mark.parametrize("method", [m for m in METHODS if m not in {"full", "head_only"}])
def test_every_method_is_taken(words: Path, method: str, tmp_path: Path):
    """One epoch of each; what it saves is what it measured."""
    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    tuned = NextItemTuning(settings(words, method=method, training=epoch, head_training=epoch)).fit(DATA)
    tuned.save(tmp_path / "encoder")
    texts = render_items(DATA.items)[::9]
    with torch.inference_mode():
        own = functional.normalize(tuned.encoder([(text, None) for text in texts]), dim=1).numpy()
    np.testing.assert_allclose(load_encoder(str(tmp_path / "encoder"), settings=EXACT).encode(texts), own, atol=1e-5)


def test_equal_seeds_give_equal_encoders(words: Path):
    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    one, other = (
        NextItemTuning(settings(words, method="lora", training=epoch, head_training=epoch)).fit(
            DATA, options=FitOptions(seed=7)
        )
        for _ in range(2)
    )
    for name, value in one.encoder.state_dict().items():
        assert torch.equal(value, other.encoder.state_dict()[name]), name


def histories_of(*items: list[int]) -> Histories:
    return rated([(user, item, np.nan) for user, own in enumerate(items) for item in own]).histories()


def test_a_context_is_the_fading_history_before_its_item():
    histories = histories_of([2, 0, 2, 1], [3])
    contexts = Contexts.of(histories, n_items=4, decay=0.5, most=2)
    assert contexts.targets.tolist() == [0, 2, 1]  # the second user's only event came after nothing
    dense = np.asarray(contexts.before.todense())
    assert dense.tolist() == [[0, 0, 1, 0], [1, 0, 0.5, 0], [0.5, 0, 1, 0]]
    assert contexts.cases_of(np.array([1, 2], dtype=np.int32)).tolist() == [2, 1]


def test_batches_hold_every_item_once_and_neighbours_together():
    contexts = Contexts.of(DATA.histories(), n_items=DATA.n_items, decay=0.8, most=12)
    items = np.arange(0, DATA.n_items - 3, dtype=np.int32)
    rng = np.random.default_rng(0)
    batches = list(neighbour_batches(contexts, items, size=16, neighbours=5, rng=rng))
    assert [len(batch) for batch in batches[:-1]] == [16] * (len(batches) - 1)
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), items)
    alike = np.mean([np.mean(batch[:-1] % 10 == batch[1:] % 10) for batch in batches])
    drawn = list(neighbour_batches(contexts, items, size=16, neighbours=0, rng=rng))
    assert alike > 3 * np.mean([np.mean(batch[:-1] % 10 == batch[1:] % 10) for batch in drawn])


class _Given(ItemSpace):
    """Vectors that are parameters themselves."""

    def __init__(self, vectors: torch.Tensor) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(vectors)
        self.register_buffer("bank", vectors.detach().clone())

    def forward(self, items: Any) -> torch.Tensor:
        return functional.normalize(self.weight[torch.from_numpy(items.astype(np.int64))], dim=1)


def test_the_loss_is_the_mean_over_the_batchs_events_told_by_hand():
    histories = histories_of([0, 1, 2], [3, 2])
    contexts = Contexts.of(histories, n_items=4, decay=0.5, most=9)
    vectors = functional.normalize(torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [-1.0, 0.0]]), dim=1)
    config = NextItemTuningConfig(temperature=0.5, prior=1.0)
    step = NextItemLoss(_Given(vectors), contexts, config, np.random.default_rng(0))
    found = step(np.array([1, 2], dtype=np.int32)).item()
    # 1 came after 0, 2 after 0 and 1 (which is then no candidate), 2 after 3; log counts of 1 and 2: log 1, log 2.
    first = torch.tensor([0.6 / 0.5, 0.0 / 0.5 + np.log(2.0)]).log_softmax(0)[0]
    third = torch.tensor([-0.6 / 0.5, 0.0 / 0.5 + np.log(2.0)]).log_softmax(0)[1]
    assert found == pytest.approx(-(first + third).item() / 3, abs=1e-6)


def test_a_pair_without_another_candidate_teaches_nothing():
    contexts = Contexts.of(histories_of([0, 1]), n_items=2, decay=0.5, most=9)
    step = NextItemLoss(_Given(torch.eye(2)), contexts, NextItemTuningConfig(loss="pairwise"), np.random.default_rng(0))
    found = step(np.array([0, 1], dtype=np.int32))
    found.backward()
    assert found.item() == 0  # not NaN, which would end the training
    assert all(p.grad is None or p.grad.isfinite().all() for p in step.parameters())


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("whitening", [0.0, 0.75])
def test_the_text_space_begins_at_what_the_linear_space_says(words: Path, beside: bool, whitening: float):
    from penchant.encoders.fine_tuning.encoder import FineTunedEncoder

    config = settings(words, words=beside)
    texts = render_items(DATA.items)
    encoder = FineTunedEncoder(config.encoder, seed=0)
    tokens = encoder.tokenize([(text, None) for text in texts])
    start = load_encoder(str(words), settings=EXACT).encode(texts)
    means = encoder.mean_embeddings(tokens) if beside else None
    linear = LinearSpace(start, words_IW=means, whitening=whitening)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(linear.weight.shape, generator=torch.Generator().manual_seed(0)))
    items = np.arange(DATA.n_items, dtype=np.int32)
    space = TextSpace(encoder, tokens, linear)
    with torch.inference_mode():
        np.testing.assert_allclose(space(items).numpy(), linear(items).numpy(), atol=1e-4)
        np.testing.assert_array_equal(space.bank.numpy(), linear(items).numpy())
    order = np.random.default_rng(0).permutation(items)
    with torch.inference_mode():
        np.testing.assert_allclose(space(order).numpy(), space(items).numpy()[order], atol=1e-5)


def test_a_whitening_raises_the_directions_in_which_little_differs():
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    vectors = ((rng.normal(size=(20_000, 4)) * [4, 2, 1, 0.5]) @ turned).astype(np.float32)
    for power, spread in ((1.0, [1, 1, 1, 1]), (0.5, [8, 4, 2, 1])):
        covariance = np.cov((vectors @ whitening_of(vectors, power).T).T)
        np.testing.assert_allclose(covariance / covariance[3, 3], np.diag(spread), atol=0.05 * max(spread))
    assert np.isfinite(whitening_of(np.zeros((5, 3), np.float32), 1.0)).all()


def test_where_few_texts_tell_of_few_directions_the_others_are_not_blown_up():
    """Three texts in eight directions: what they leave out is raised a little, not without bound."""
    vectors = np.zeros((3, 8), np.float32)
    vectors[:, :2] = [[1, 0], [0, 1], [-1, -1]]
    values = np.linalg.norm(whitening_of(vectors, 1.0), axis=1)
    assert values.max() / values.min() < 10


@pytest.mark.parametrize(("gain", "dim"), [(0.9, 32), (1.1, 64)])
def test_vectors_are_whitened_where_that_is_better_on_validation(
    words: Path, monkeypatch: pytest.MonkeyPatch, gain: float, dim: int
):
    """As they came they have the numbers of the model's vectors alone: words have no weight there at first."""

    def judged(self: object, after: dict[str, float], before: dict[str, float]) -> float:
        return 1.0 if after is before else gain

    monkeypatch.setattr(next_item_tuning._Judge, "gain", judged)
    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    tuned = NextItemTuning(settings(words, method="head_only", head_training=epoch)).fit(DATA)
    assert tuned.encoder.dim == dim


def test_a_state_of_another_beginning_is_refused(words: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Where whitened or not is nearly a tie, another machine's rounding may choose otherwise."""
    epoch = {"learning_rate": 1e-3, "max_epochs": 1, "warmup_steps": 1}
    for gain in (1.1, 0.9):
        monkeypatch.setattr(
            next_item_tuning._Judge, "gain", lambda _, after, before, g=gain: g if after is not before else 1.0
        )
        tuning = NextItemTuning(settings(words, method="head_only", head_training=epoch))
        options = FitOptions(checkpoints=tmp_path / "states", resume=True)
        with nullcontext() if gain > 1 else pytest.raises(CheckpointError, match="another shape"):
            tuning.fit(DATA, options=options)


def test_without_a_whitening_a_training_that_brings_nothing_leaves_the_vectors_as_they_came(words: Path):
    epoch = {"learning_rate": 1e-12, "max_epochs": 1, "warmup_steps": 1}
    tuned = NextItemTuning(settings(words, method="head_only", head_training=epoch, whitening=0.0)).fit(DATA)
    assert tuned.after == pytest.approx(tuned.before, rel=1e-3)
    texts = render_items(DATA.items)[::9]
    with torch.inference_mode():
        found = functional.normalize(tuned.encoder([(text, None) for text in texts]), dim=1)
    np.testing.assert_allclose(found.numpy(), load_encoder(str(words), settings=EXACT).encode(texts), atol=1e-4)


def test_a_state_holds_the_directions_that_it_was_trained_in(monkeypatch: pytest.MonkeyPatch):
    """Of equal eigenvalues another machine finds other eigenvectors; a training goes on in those that it began with."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 32)).astype(np.float32)
    one = LinearSpace(vectors, whitening=1.0)
    with torch.no_grad():
        one.weight.copy_(torch.from_numpy(rng.normal(size=(32, 32)).astype(np.float32)))
    turned = np.linalg.qr(rng.normal(size=(32, 32)))[0].astype(np.float32)
    own = whitening_of
    monkeypatch.setattr(item_spaces, "whitening_of", lambda centred, power: turned @ own(centred, power))
    other = LinearSpace(vectors, whitening=1.0)
    other.load_state_dict(one.state_dict())
    items = np.arange(20, dtype=np.int32)
    torch.testing.assert_close(other(items), one(items))
    torch.testing.assert_close(other.layer, one.layer)


@pytest.mark.parametrize("read", [0, 1])
def test_where_there_are_not_two_texts_there_is_nothing_to_whiten(read: int):
    vectors = np.zeros((3, 4), np.float32)
    vectors[:read, 1] = 1
    np.testing.assert_array_equal(LinearSpace(vectors, whitening=1.0).bank.numpy(), vectors)


def test_what_cannot_be_learned_from_is_refused(words: Path):
    bare = rated([(0, 0, np.nan), (0, 1, np.nan)], n_users=1, n_items=2)
    with pytest.raises(UnsupportedError, match="no item texts"):
        NextItemTuning(settings(words)).fit(bare)
    lonely = rated([(u, u, np.nan) for u in range(6)], n_users=6, n_items=6, items={"title": list(NUMBERS[:6])})
    with pytest.raises(DataError, match="no user with two training events"):
        NextItemTuning(settings(words, new_share=0.0)).fit(lonely)
    with pytest.raises(ConfigError, match="temperature"):
        NextItemTuningConfig.of({"temperature": 0.0})


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_tunes_too(words: Path, precision: str):
    training = {"learning_rate": 3e-3, "max_epochs": 2, "warmup_steps": 4, "evaluate_every": 1, "precision": precision}
    few = settings(words, head_training=training, training=training)
    tuned = NextItemTuning(few).fit(number_world(users=60))
    for record in tuned.records.values():
        assert np.isfinite([epoch.loss for epoch in record.epochs]).all()
        if precision == "bfloat16":  # float16 leaves out steps until its scale fits
            assert record.epochs[-1].loss < record.epochs[0].loss
    assert next(tuned.encoder.parameters()).dtype == torch.float32
