"""RecBole: SASRec (reads the history asked with), LightGCN and BPR (users' vectors are those of training).

The library reads the training part alone, so its own splitter has nothing to decide. Its trainer, its early stopping
and its patience are used; the value that decides is our NDCG on the validation cases instead of its MRR@10, and the
best weights are kept in memory instead of a checkpoint file, whose loading newer torch refuses.
"""

import copy
import logging
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from plain_split import by_score, validation_ndcg
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.data.utils import create_samplers
from recbole.trainer import Trainer
from recbole.utils import get_model, init_seed

PACKAGE = "recbole"
NAME = "split"


def sasrec(split, run, **settings):
    """SASRec with the library's cross entropy over all items; one training row for each event."""
    return _run(split, run, "SASRec", sequential=True, train_neg_sample_args=None, **settings)


def lightgcn(split, run, **settings):
    """LightGCN."""
    return _run(split, run, "LightGCN", sequential=False, **settings)


def bpr(split, run, **settings):
    """Matrix factorisation by BPR."""
    return _run(split, run, "BPR", sequential=False, **settings)


def _run(split, run, name, *, sequential, **settings):
    folder = Path.cwd() / "atomic" / NAME
    _write_atomic(split, folder)
    config = Config(
        model=name,
        dataset=NAME,
        config_dict={
            "data_path": str(folder.parent),
            "USER_ID_FIELD": "user_id",
            "ITEM_ID_FIELD": "item_id",
            "TIME_FIELD": "timestamp",
            "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id"], "user": ["user_id"]},
            "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}, "group_by": None, "order": "TO", "mode": "full"},
            "use_gpu": False,
            "seed": run.seed,
            "reproducibility": True,
            "show_progress": False,
            "state": "ERROR",
            **settings,
        },
    )
    _refuse_strangers(config, settings)
    logging.disable(logging.ERROR)
    warnings.filterwarnings("ignore")  # those of newer pandas and torch, at every epoch
    init_seed(run.seed, True)
    dataset = create_dataset(config)
    parts = dataset.build()
    sampler = create_samplers(config, dataset, parts)[0]
    loader = TrainDataLoader(config, parts[0], sampler, shuffle=True)
    init_seed(run.seed, True)
    model = get_model(name)(config, parts[0])
    # Their rows begin with padding and are numbered by first appearance; these say which of ours each is.
    items = np.array([int(token) for token in dataset.field2id_token["item_id"][1:]])
    place = {kind: _places(dataset, kind, n) for kind, n in (("item_id", split.n_items), ("user_id", split.n_users))}

    def scores_of(histories):
        model.eval()
        with torch.no_grad():
            if sequential:
                asked = _sequences(model, histories, place["item_id"])
            else:
                users = place["user_id"][histories.users]
                asked = Interaction({"user_id": torch.from_numpy(np.maximum(users, 1))})
            found = model.full_sort_predict(asked).view(len(histories), -1).numpy()
        scores = np.full((len(histories), split.n_items), -np.inf, dtype=np.float32)
        scores[:, items] = found[:, 1:]
        if not sequential:  # a user who was not in training has no vector
            scores[place["user_id"][histories.users] <= 0] = -np.inf
        return scores

    validation, truth = split.histories("validation"), split.validation_truth()
    trainer = Timed(config, model, run, lambda: validation_ndcg(scores_of, validation, truth, run.k))
    with suppress(OutOfTimeError):
        trainer.fit(loader, valid_data=bool(truth), saved=False, verbose=False)
    trainer.restore()
    run.facts |= {
        "reads_history": sequential,
        "epochs": len(trainer.seconds),
        "best_epoch": trainer.best_epoch,
        "epoch_seconds": trainer.seconds,
        "epoch_cpu_seconds": trainer.cpu_seconds,
        "targets_per_epoch": len(parts[0].inter_feat),
        "cut_short": trainer.cut_short,
    }
    return by_score(scores_of)


class OutOfTimeError(Exception):
    """Training has had its time."""


class Timed(Trainer):
    """RecBole's trainer with our validation value, a clock, and the best weights in memory."""

    def __init__(self, config, model, run, validate):
        super().__init__(config, model)
        self.run, self.validate = run, validate
        self.seconds, self.cpu_seconds, self.cut_short = [], [], False
        self.best_epoch, self.best, self.weights = 0, -1.0, None

    def _train_epoch(self, *args, **kwargs):
        begun = time.perf_counter(), time.process_time()
        loss = super()._train_epoch(*args, **kwargs)
        self.seconds.append(time.perf_counter() - begun[0])
        self.cpu_seconds.append(time.process_time() - begun[1])
        return loss

    def _valid_epoch(self, valid_data, show_progress=False):
        value = self.validate()
        if value > self.best:
            self.best, self.best_epoch = value, len(self.seconds)
            self.weights = copy.deepcopy(self.model.state_dict())
        if self.run.time_is_up:
            self.cut_short = True
            raise OutOfTimeError
        return value, {"ndcg": value}

    def restore(self):
        """Put the best weights back."""
        if self.weights is not None:
            self.model.load_state_dict(self.weights)


def _write_atomic(split, folder):
    """Atomic files of the training part, rows as ids; `.item` and `.user` make the whole catalogue known."""
    folder.mkdir(parents=True, exist_ok=True)
    table = np.stack([split.users, split.items, split.positions], axis=1)
    header = "user_id:token\titem_id:token\ttimestamp:float"
    np.savetxt(folder / f"{NAME}.inter", table, fmt="%d", delimiter="\t", header=header, comments="")
    for kind, n in (("item", split.n_items), ("user", split.n_users)):
        np.savetxt(folder / f"{NAME}.{kind}", np.arange(n), fmt="%d", header=f"{kind}_id:token", comments="")


def _places(dataset, field, n):
    """(n,) their row of each of ours; −1 where they have none."""
    places = np.full(n, -1, dtype=np.int64)
    for row, token in enumerate(dataset.field2id_token[field]):
        if row:
            places[int(token)] = row
    return places


def _sequences(model, histories, place):
    """The last events of each history, padded on the right with 0 as the library does."""
    longest = model.max_seq_length
    items = np.zeros((len(histories), longest), dtype=np.int64)
    lengths = np.ones(len(histories), dtype=np.int64)
    for b in range(len(histories)):
        recent = place[histories.of(b)]
        recent = recent[recent > 0][-longest:]
        items[b, : len(recent)] = recent
        lengths[b] = max(1, len(recent))
    return Interaction({model.ITEM_SEQ: torch.from_numpy(items), model.ITEM_SEQ_LEN: torch.from_numpy(lengths)})


def _refuse_strangers(config, settings):
    """The library takes any key and ignores those it does not know; a typo must not pass for a setting."""
    known = set(config.internal_config_dict) | {key for keys in config.parameters.values() for key in keys}
    strangers = sorted(set(settings) - known)
    if strangers:
        raise TypeError(f"RecBole has no setting {', '.join(strangers)}")


ALGORITHMS = {"sasrec": sasrec, "lightgcn": lightgcn, "bpr": bpr}
