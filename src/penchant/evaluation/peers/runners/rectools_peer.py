"""RecTools (MTS): EASE, SASRec, BERT4Rec and eSASRec; all read the history asked with.

Departure from the library's defaults: its transformers train for 3 epochs, which leaves them unfinished on small data.
Here they train until the validation loss has not fallen for `patience` epochs, at most `epochs`, and the best weights
stay.
"""

import copy
import time
import warnings

import numpy as np
import pandas as pd
from plain_split import by_score
from pytorch_lightning import Callback, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset, IdMap, Interactions
from rectools.models import EASEModel
from rectools.models.nn.transformers.bert4rec import BERT4RecModel
from rectools.models.nn.transformers.ligr import LiGRLayers
from rectools.models.nn.transformers.sasrec import SASRecModel

PACKAGE = "rectools"


def ease(split, run, *, regularization=500.0):
    """The history asked with takes the place of the training row."""
    pairs = np.unique(split.users * split.n_items + split.items)
    model = EASEModel(regularization=regularization, recommend_n_threads=run.threads)
    model.fit(_dataset(split, pairs // split.n_items, pairs % split.n_items, np.zeros(len(pairs), dtype=np.int64)))
    run.facts["reads_history"] = True
    return by_score(lambda histories: histories.matrix(split.n_items) @ model.weight)


def sasrec(split, run, **settings):
    """SASRec with the library's softmax loss over all items."""
    return _transformer(split, run, SASRecModel, **settings)


def bert4rec(split, run, **settings):
    """BERT4Rec."""
    return _transformer(split, run, BERT4RecModel, **settings)


def esasrec(split, run, *, n_factors=64, n_heads=2, loss="sampled_softmax", n_negatives=128, **settings):
    """The eSASRec of Tikhonovich et al. (2025): SASRec with LiGR layers and a sampled softmax.

    The library has the parts and no class with defaults; these sizes are ours: at the 256 dimensions and 256 negatives
    of a GPU an epoch of MovieLens-100K takes minutes on a CPU, and 5 GB.
    """
    return _transformer(
        split,
        run,
        SASRecModel,
        n_factors=n_factors,
        n_heads=n_heads,
        loss=loss,
        n_negatives=n_negatives,
        transformer_layers_type=LiGRLayers,
        **settings,
    )


def _transformer(split, run, cls, *, epochs=200, patience=10, **settings):
    warnings.filterwarnings("ignore")
    seed_everything(run.seed, verbose=False)
    validation, truth = split.histories("validation"), split.validation_truth()
    best = Best(run, patience if truth else None)
    model = cls(
        epochs=epochs,
        # Asked of the interactions in their order: training first, then validation.
        get_val_mask_func=_is_validation if truth else None,
        get_val_mask_func_kwargs={"training": len(split.users)} if truth else None,
        get_trainer_func=lambda: Trainer(
            max_epochs=epochs,
            callbacks=[best],
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
            logger=False,
            num_sanity_val_steps=0,
            accelerator="cpu",
            devices=1,
        ),
        recommend_torch_device="cpu",
        **settings,
    )
    users = np.concatenate(
        [split.users, np.repeat(validation.users, np.array([len(one) for one in truth], dtype=np.int64))]
    )
    items = np.concatenate([split.items, *(np.array(one, dtype=np.int64) for one in truth)])
    later = 1 + np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(len(one)) for one in truth)])
    longest = int(split.positions.max(initial=0))
    whole = _dataset(split, users, items, np.concatenate([split.positions, longest + later]))
    model.fit(whole)
    best.restore(model.lightning_model)
    trained = model.data_preparator.train_dataset.interactions.df
    run.facts |= {
        "reads_history": True,
        "epochs": len(best.seconds),
        "best_epoch": best.epoch,
        "epoch_seconds": best.seconds,
        "epoch_cpu_seconds": best.cpu_seconds,
        # Every event of a kept sequence but its first.
        "targets_per_epoch": len(trained) - int(trained[Columns.User].nunique()),
        "cut_short": best.cut_short,
    }

    def rank(histories, n, rng):
        rows, order = np.repeat(np.arange(len(histories)), np.diff(histories.indptr)), np.arange(len(histories.items))
        asked = _dataset(split, rows, histories.items, order, n_users=len(histories))
        known = np.unique(rows)
        # A user all of whose items are unknown to the model has no answer, and the library leaves him out.
        found = model.recommend(
            known, asked, k=min(n, split.n_items), filter_viewed=False, on_unsupported_targets="ignore"
        )
        items = np.full((len(histories), n), -1, dtype=np.int64)
        scores = np.full((len(histories), n), -np.inf, dtype=np.float32)
        place = found[Columns.User].to_numpy(), found[Columns.Rank].to_numpy() - 1
        items[place], scores[place] = found[Columns.Item].to_numpy(), found[Columns.Score].to_numpy()
        return items, scores

    return rank


def _is_validation(interactions, training):
    """Which rows are validation events."""
    return np.arange(len(interactions)) >= training


def _dataset(split, users, items, positions, n_users=None):
    """A RecTools data set whose ids are our rows, so that several agree; positions stand for times."""
    frame = pd.DataFrame(
        {
            Columns.User: users,
            Columns.Item: items,
            Columns.Weight: 1.0,
            Columns.Datetime: pd.Timestamp("2000-01-01") + pd.to_timedelta(positions, unit="s"),
        }
    )
    user_map = IdMap(np.arange(split.n_users if n_users is None else n_users))
    item_map = IdMap(np.arange(split.n_items))
    return Dataset(user_map, item_map, Interactions.from_raw(frame, user_map, item_map))


class Best(Callback):
    """Keeps the weights with the lowest validation loss, and stops after `patience` epochs without a lower one."""

    def __init__(self, run, patience):
        self.run, self.patience = run, patience
        self.loss, self.epoch, self.weights = float("inf"), 0, None
        self.seconds, self.cpu_seconds, self.cut_short = [], [], False
        self._begun = self._trained = (0.0, 0.0)

    def __deepcopy__(self, memo):
        """The library trains with a copy of its trainer; what is kept must be found here."""
        return self

    def on_train_epoch_start(self, trainer, module):
        """Start the epoch's clock."""
        self._begun = time.perf_counter(), time.process_time()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        """Validation runs inside the library's epoch: the last batch ends the part that trains."""
        self._trained = time.perf_counter(), time.process_time()

    def on_train_epoch_end(self, trainer, module):
        """Keep or stop."""
        wall, cpu = (end - start for start, end in zip(self._begun, self._trained, strict=True))
        self.seconds.append(wall)
        self.cpu_seconds.append(cpu)
        if self.patience is not None:
            loss = float(trainer.callback_metrics[module.val_loss_name])
            if loss < self.loss:
                self.loss, self.epoch = loss, len(self.seconds)
                self.weights = copy.deepcopy(module.torch_model.state_dict())
            trainer.should_stop = len(self.seconds) - self.epoch >= self.patience
        if self.run.time_is_up:
            self.cut_short = trainer.should_stop = True

    def restore(self, module):
        """Put the best weights back."""
        if self.weights is not None:
            module.torch_model.load_state_dict(self.weights)


ALGORITHMS = {"ease": ease, "sasrec": sasrec, "bert4rec": bert4rec, "esasrec": esasrec}
