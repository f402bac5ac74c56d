"""The split as plain files: what a peer sees is what we split, and no more."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.histories import Cases
from penchant.data.splitting import split
from penchant.evaluation.peers.catalogue import RUNNER
from penchant.evaluation.peers.exchange import AnswerError, read_answer, read_outcome, write_split
from penchant.metrics.ranking import ndcg_at, target_ranks
from penchant.seeding import tie_breaks
from tests.evaluation.worlds import make_world

AWKWARD = ('a,b"c', "line\nbreak", "tab\tand space", "日本", "7", " padded ", "", "\u2028")


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    """The module that the runners read the split with, imported as they do: from its file."""
    spec = importlib.util.spec_from_file_location("plain_split", RUNNER.with_name("plain_split.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_read_is_what_was_split(plain, tmp_path):
    made = split(make_world(40))
    write_split(made, tmp_path / "split")
    read = plain.PlainSplit(tmp_path / "split")
    events = made.train.events
    assert read.item_ids == list(made.train.items.ids)
    np.testing.assert_array_equal(read.users, events.users)
    np.testing.assert_array_equal(read.items, events.items)
    np.testing.assert_array_equal(read.timestamps, events.timestamps)
    assert (np.diff(read.positions)[np.diff(read.users) == 0] == 1).all()
    for part, cases in (("validation", made.validation), ("test", made.test)):
        histories = read.histories(part)
        np.testing.assert_array_equal(histories.users, cases.histories.users)
        np.testing.assert_array_equal(histories.indptr, cases.histories.indptr)
        np.testing.assert_array_equal(histories.items, cases.histories.items)
    assert read.validation_truth() == [made.validation.targets(b).tolist() for b in range(len(made.validation))]
    dense = read.train_matrix().toarray()
    assert set(np.unique(dense)) == {0.0, 1.0}
    assert dense.sum() == len(set(zip(events.users.tolist(), events.items.tolist(), strict=True)))


def test_no_file_holds_the_truth_of_the_test(tmp_path):
    """Each user's last item is one that nobody else ever touched: it must not be in any event or history."""
    n = 5
    users, items = np.repeat(np.arange(n), 4), np.concatenate([[0, 1, 2, 10 + u] for u in range(n)])
    data = Dataset.of_rows(
        name="marked",
        users=Table(tuple(f"u{u}" for u in range(n))),
        items=Table(tuple(f"secret-{i}" if i >= 10 else f"i{i}" for i in range(10 + n))),
        user_rows=users,
        item_rows=items,
    )
    write_split(split(data), tmp_path / "split")
    files = sorted(file.name for file in (tmp_path / "split").iterdir())
    assert files == [
        "items.json",
        "test.jsonl",
        "train.csv",
        "users.json",
        "validation-truth.jsonl",
        "validation.jsonl",
    ]
    for name in files:
        assert ("secret" in (tmp_path / "split" / name).read_text()) == (name == "items.json"), name


def test_awkward_ids_come_through(plain, tmp_path):
    n = len(AWKWARD)
    data = Dataset.of_rows(
        name="awkward",
        users=Table(AWKWARD),
        items=Table(AWKWARD),
        user_rows=np.repeat(np.arange(n), n),
        item_rows=np.tile(np.arange(n), n),
    )
    write_split(split(data), tmp_path / "split")
    read = plain.PlainSplit(tmp_path / "split")
    assert (tuple(read.user_ids), tuple(read.item_ids)) == (AWKWARD, AWKWARD)
    assert read.users.tolist() == np.repeat(np.arange(n), n - 2).tolist()
    assert len(read.histories("test")) == n


def test_events_without_an_item_stay_at_home(plain, tmp_path):
    data = Dataset.of_rows(
        name="searches",
        users=Table(("u",)),
        items=Table(("a", "b", "c", "d")),
        user_rows=np.zeros(6, dtype=np.int64),
        item_rows=np.array([0, -1, 1, 2, -1, 3]),
        values=np.array([5.0, np.nan, 3.5, np.nan, 1.0, 2.0]),
    )
    write_split(split(data), tmp_path / "split")
    assert (tmp_path / "split" / "train.csv").read_text().splitlines()[1:] == ["u,a,0,5.0", "u,b,2,3.5"]


def test_validation_value_equals_ours(plain):
    rng = np.random.default_rng(0)
    made = split(make_world(80))
    for cases in (made.validation, several(made.validation, rng)):
        # Hardly any ties: they count half there and by a hash here.
        scores = rng.random((len(cases), 50)).astype(np.float32)
        ties = tie_breaks(made.train.items.ids)
        ranks = target_ranks(scores, cases, ties=ties, exclude_history=True)
        ours = ndcg_at(ranks, cases.target_indptr, 10).mean()
        histories = plain.Histories(
            np.arange(len(cases)), [cases.histories.items[cases.histories.of(b)] for b in range(len(cases))]
        )
        truth = [cases.targets(b).tolist() for b in range(len(cases))]
        theirs = plain.validation_ndcg(lambda part: scores[part.users], histories, truth, 10, at_once=7)  # noqa: B023
        assert theirs == pytest.approx(float(ours), abs=1e-9)


def several(cases: Cases, rng: np.random.Generator) -> Cases:
    """The same histories with one to four things to find."""
    lists = [rng.choice(50, size=int(rng.integers(1, 5)), replace=False) for _ in range(len(cases))]
    return Cases(
        histories=cases.histories,
        target_indptr=np.cumsum([0, *map(len, lists)]).astype(np.int64),
        target_items=np.concatenate(lists).astype(np.int32),
    )


def test_a_constant_scorer_is_worth_chance_there(plain):
    """Ties count half: a scorer that says nothing must not look perfect to early stopping."""
    histories = plain.Histories(np.arange(4), [[0]] * 4)
    value = plain.validation_ndcg(lambda part: np.zeros((len(part), 101)), histories, [[7]] * 4, 10)
    assert value == 0.0  # rank 49.5 of 100


def test_ranking_by_score_breaks_ties_at_random_and_pads(plain):
    scores = np.array([[3, 1, 1, 1, 1, 1, -np.inf, np.nan]] * 400)
    rank = plain.by_score(lambda _: scores)
    items, kept = rank(None, 8, np.random.default_rng(0))
    assert items[0, 0] == 0
    assert sorted(items[0, :6]) == [0, 1, 2, 3, 4, 5]
    assert items[0, 6:].tolist() == [-1, -1]
    assert kept[0, 6:].tolist() == [-np.inf, -np.inf]
    seconds = {int(rank(None, 2, np.random.default_rng(seed))[0][0, 1]) for seed in range(60)}
    assert seconds == {1, 2, 3, 4, 5}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read"),
        ("[1]", "cannot be read"),
        ('{"version": 1}', "fit_seconds"),
        ('{"version": 1, "fit_seconds": "fast", "score_seconds": 1}', "could not convert"),
        ('{"version": 1, "fit_seconds": 1, "score_seconds": 1, "variants": ["both"]}', "both"),
        ('{"version": 1, "fit_seconds": 1, "score_seconds": 1, "facts": 3}', "cannot be read"),
    ],
)
def test_an_outcome_that_says_nothing_is_refused(tmp_path, text, said):
    (tmp_path / "outcome.json").write_text(text)
    with pytest.raises(AnswerError, match=said):
        read_outcome(tmp_path / "outcome.json")


def test_an_outcome_that_is_not_there(tmp_path):
    with pytest.raises(AnswerError, match="ended without saying"):
        read_outcome(tmp_path / "outcome.json")
    with pytest.raises(AnswerError, match="cannot be used"):
        read_answer(tmp_path / "test.jsonl")


def test_an_outcome_says_which_rankings_its_lists_allow(tmp_path):
    said = {"version": "1", "fit_seconds": 1, "score_seconds": 2}
    path: Path = tmp_path / "outcome.json"
    path.write_text(json.dumps(said))
    assert read_outcome(path).variants == (True, False)
    path.write_text(json.dumps({**said, "variants": ["excluded"]}))
    assert read_outcome(path).variants == (True,)
