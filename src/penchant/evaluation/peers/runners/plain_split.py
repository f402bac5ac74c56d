"""The split as plain files, read with numpy and the standard library alone: what every peer's runner shares.

The folder holds ``items.json`` and ``users.json`` (ids; an id's row is its place), ``train.csv`` (user_id, item_id,
timestamp, value; sorted by user and time), ``validation.jsonl`` and ``test.jsonl`` (``{"user_id", "items"}``: the
history a user is asked with, oldest first) and ``validation-truth.jsonl`` (the items that came after). The truth of the
test is not in it.
"""

import csv
import json
import time
from itertools import pairwise
from pathlib import Path

import numpy as np


class Histories:
    """B users and their items, oldest first: user b owns ``items[indptr[b]:indptr[b + 1]]``."""

    def __init__(self, users, lists):
        self.users = np.asarray(users, dtype=np.int64)
        self.indptr = np.concatenate([[0], np.cumsum([len(one) for one in lists])]).astype(np.int64)
        self.items = np.concatenate([np.asarray(one, dtype=np.int64) for one in [*lists, []]])

    def __len__(self):
        return len(self.users)

    def of(self, b):
        """The items of case b."""
        return self.items[self.indptr[b] : self.indptr[b + 1]]

    def take(self, rows):
        """Some of the cases, in the order given."""
        return Histories(self.users[rows], [self.of(b) for b in rows])

    def matrix(self, n_items, dtype=np.float32):
        """Compressed rows of ones, (B, I): an item counts once however often it was touched."""
        from scipy.sparse import csr_matrix

        rows = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        ones = csr_matrix((np.ones(len(rows), dtype=dtype), (rows, self.items)), shape=(len(self), n_items))
        ones.sum_duplicates()
        ones.data[:] = 1
        return ones


class PlainSplit:
    """Everything a peer may see, in rows."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.item_ids = json.loads((self.folder / "items.json").read_text(encoding="utf-8"))
        self.user_ids = json.loads((self.folder / "users.json").read_text(encoding="utf-8"))
        self._items = {id_: row for row, id_ in enumerate(self.item_ids)}
        self._users = {id_: row for row, id_ in enumerate(self.user_ids)}
        users, items, times = [], [], []
        with (self.folder / "train.csv").open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            next(rows)
            for user, item, timestamp, _ in rows:
                users.append(self._users[user])
                items.append(self._items[item])
                times.append(int(timestamp))
        self.users = np.array(users, dtype=np.int64)
        """(N,) of the training events, sorted by user and time"""
        self.items = np.array(items, dtype=np.int64)
        self.timestamps = np.array(times, dtype=np.int64)
        first = np.searchsorted(self.users, self.users, side="left")
        self.positions = np.arange(len(self.users)) - first
        """(N,) a user's first event is 0: an order without ties"""

    @property
    def n_users(self):
        """U"""
        return len(self.user_ids)

    @property
    def n_items(self):
        """I"""
        return len(self.item_ids)

    def histories(self, part):
        """The histories that ``validation`` or ``test`` is asked with."""
        users, lists = self._lines(f"{part}.jsonl")
        return Histories(users, lists)

    def validation_truth(self):
        """The items that came after each validation history, a list for each."""
        return self._lines("validation-truth.jsonl")[1]

    def train_histories(self):
        """Every user's training items, in row order."""
        cuts = np.searchsorted(self.users, np.arange(self.n_users + 1))
        return Histories(np.arange(self.n_users), [self.items[a:b] for a, b in pairwise(cuts)])

    def train_matrix(self, dtype=np.float32):
        """Users × items, one where a user touched an item in training."""
        return self.train_histories().matrix(self.n_items, dtype)

    def _lines(self, name):
        users, lists = [], []
        with (self.folder / name).open(encoding="utf-8") as file:
            for line in file:
                one = json.loads(line)
                users.append(self._users[one["user_id"]])
                lists.append([self._items[item] for item in one["items"]])
        return users, lists


class Run:
    """What a run was asked: seed, threads, how long training may take. Algorithms add `facts` that they found out."""

    def __init__(self, *, seed, threads, seconds):
        self.seed = seed
        self.threads = threads
        self.started = time.perf_counter()
        self.seconds = seconds
        self.facts = {}

    @property
    def time_is_up(self):
        """Whether training should stop and answer with what it has."""
        return time.perf_counter() - self.started > self.seconds


def by_score(scores_of):
    """A ranker out of ``scores_of(histories) -> (B, I)``, where −inf is an item that the model cannot rank.

    Equal scores are ordered at random by the seed, so that neither file order nor popularity decides a tie.
    """

    def rank(histories, n, rng):
        scores = np.array(scores_of(histories), dtype=np.float32)
        shuffled = rng.permutation(scores.shape[1])
        scores = np.where(np.isnan(scores), -np.inf, scores)[:, shuffled]
        n = min(n, scores.shape[1])
        pool = np.argpartition(-scores, n - 1, axis=1)[:, :n]
        kept = np.take_along_axis(scores, pool, axis=1)
        order = np.argsort(-kept, axis=1, kind="stable")
        kept, items = np.take_along_axis(kept, order, axis=1), shuffled[np.take_along_axis(pool, order, axis=1)]
        return np.where(np.isfinite(kept), items, -1), kept

    return rank


def validation_ndcg(scores_of, histories, truth, k, at_once=512):
    """Mean NDCG@k of validation cases, the history out of the ranking: what decides early stopping.

    The k is that of the comparison; a case with several items to find is divided by what k allows.
    """
    gains = np.zeros(len(histories))
    for start in range(0, len(histories), at_once):
        part = histories.take(np.arange(start, min(start + at_once, len(histories))))
        scores = np.array(scores_of(part), dtype=np.float32)
        wanted = [np.unique(one) for one in truth[start : start + len(part)]]
        rows, items = np.repeat(np.arange(len(part)), [len(one) for one in wanted]), np.concatenate(wanted)
        own = scores[rows, items]
        scores[np.repeat(np.arange(len(part)), np.diff(part.indptr)), part.items] = -np.inf
        scores[rows, items] = own
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        for j in range(int(place.max(initial=-1)) + 1):  # the j-th item of every case that has one
            at = np.flatnonzero(place == j)
            others = scores if len(at) == len(scores) else scores[rows[at]]
            above = (others > own[at, None]).sum(axis=1)
            ranks = above + ((others == own[at, None]).sum(axis=1) - 1) / 2  # a tie counts half
            gains[start + rows[at]] += np.where(ranks < k, 1 / np.log2(ranks + 2), 0.0)
    ideal = np.cumsum(1 / np.log2(np.arange(k) + 2))
    best = ideal[np.minimum(k, [len(set(one)) for one in truth]) - 1] if truth else 1.0
    return float(np.mean(gains / best)) if len(gains) else 0.0
