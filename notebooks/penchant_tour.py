# %% [markdown]
# # A tour of Penchant
#
# From books and readers to interests in words, a list with reasons, an encoder of one's own, likes from a few labels,
# and a look around: offline, on a part of the bundled books that is small enough for a laptop.

# %%
# In Colab, or wherever it is not installed yet
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("penchant") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "penchant"], check=True)

# %% [markdown]
# ## Data
#
# The 400 books that are read most, and the 300 readers who read most of them: two tables, written as files, and
# imported as any other source is.

# %%
import tempfile
from pathlib import Path

import duckdb

import penchant
from penchant.bundled import BOOKS
from penchant.data.importing import ImportConfig, import_source

place = Path(tempfile.mkdtemp(prefix="penchant-tour-"))
(place / "books").mkdir()
with duckdb.connect() as sql:
    sql.execute(f"CREATE VIEW reads AS SELECT * FROM '{BOOKS}/interactions.parquet'")
    sql.execute("CREATE TABLE books AS SELECT item_id FROM reads GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 400")
    sql.execute(
        "CREATE TABLE readers AS SELECT user_id FROM reads SEMI JOIN books USING (item_id) "
        "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 300"
    )
    sql.execute(
        f"COPY (SELECT * FROM reads SEMI JOIN books USING (item_id) SEMI JOIN readers USING (user_id) "
        f"ORDER BY user_id, position) TO '{place}/books/interactions.parquet'"
    )
    sql.execute(
        f"COPY (SELECT * FROM '{BOOKS}/items.parquet' SEMI JOIN books USING (item_id)) TO '{place}/books/items.parquet'"
    )

report = import_source(place / "books", place / "data", config=ImportConfig(name="books", rating_scale=(1, 5)))
data = penchant.Dataset.load(place / "data")
print(f"{report.events:,} ratings of {data.n_items} books by {data.n_users} readers, {report.quarantined} set aside")

# %% [markdown]
# ## What is each reader interested in?
#
# A small model: texts are read by TF-IDF, learned here, and the tracker trains for a few epochs only. `penchant fit`
# and `InterestModel()` without settings do it properly, with a language model.

# %%
from penchant.pipeline.encoding import cached_encoder
from penchant.pipeline.fitting import InterestModelConfig

settings = {
    "nouns": ["book", "books"],
    "model": {"sources": ["knn"], "tracker": {"dim": 32, "training": {"max_epochs": 3, "warmup_steps": 20}}},
    "vocabulary": {"min_items": 5},
    "exploration": {"discovery": {"max_share": 0.3}},
}
model = penchant.InterestModel(config=InterestModelConfig.of(settings), encoder=cached_encoder("tfidf", data.items))
model.fit(data)

reader = data.users.ids[0]
for interest in model.interests(reader, limit=5).interests:
    print(f"{interest.concept:28} {interest.summary}")

# %% [markdown]
# ## What should they read next, and why?
#
# Every number is a part of the score, and they add up to it.

# %%
for item in model.recommend(reader, 3).items:
    print(f"{item.rank}. {item.title}  {item.score:.2f}")
    for reason in item.reasons:
        print(f"     {reason.contribution:+.2f}  {reason.text}")
    total = sum(reason.contribution for reason in item.reasons) + item.other + item.residual
    assert abs(total - item.score) < 1e-4

# %%
# Turn an interest down, and the list follows
leading = model.interests(reader).interests[0]
result = model.edit(reader, leading.concept_id, "mute")
print(f"Without {leading.concept}:", "; ".join(item.title for item in model.recommend(reader, 3, explain=False).items))
_ = model.edit(reader, action="undo")

# %% [markdown]
# ## An encoder of your own
#
# A language model from scratch learns the catalogue's words, then what is read after what. This one is tiny; leave
# `start` out to go on from the embedded MiniLM, or name any Hugging Face folder or id.

# %%
from penchant.pipeline.finetuning import FineTuningConfig, finetune_encoder
from penchant.pipeline.pretraining import PretrainingConfig, pretrain_encoder

scratch = PretrainingConfig.of(
    {
        "start": "scratch",
        "architecture": {"max_length": 24},
        "tokenizer": {"vocabulary": 1500},
        "training": {"max_epochs": 3, "warmup_steps": 5},
    }
)
read = pretrain_encoder(data, place / "read", scratch)
masked = read.objectives[0]
print(f"hidden words, loss on held-out texts: {masked['before']['loss']:.2f} → {masked['after']['loss']:.2f}")

tuned = finetune_encoder(
    data,
    place / "tuned",
    FineTuningConfig.of(
        {
            "encoder": {"path": str(place / "read"), "max_length": 24, "method": {"name": "full"}},
            "training": {"max_epochs": 3, "learning_rate": 1e-3, "evaluate_every": 1, "evaluate_start": True},
        }
    ),
)
print(f"{tuned.trained:,} weights trained; the next book found by texts alone, NDCG@10:")
for kind, before in tuned.before.items():
    print(f"  {kind:6} books {before:.3f} → {tuned.after[kind]:.3f}")
# `penchant fit --encoder` and cached_encoder(...) read the folder

# %% [markdown]
# ## Likes from a few labels
#
# Sixteen labels of some readers (4 and 5 stars: liked; 1 and 2: not), and nothing else that anybody rated: what is read
# after what, and what the books are about, is learned from without labels. Asked are other readers.

# %%
import numpy as np

from penchant.metrics.roc import roc_auc
from penchant.models.language.few_shot.behaviour_features import BehaviourFeatures
from penchant.models.language.few_shot.like_dislike import LikeDislike
from penchant.pipeline.encoding import item_vectors

histories = data.histories()
owners = np.repeat(np.arange(len(histories)), histories.lengths)
rated = np.flatnonzero(histories.values != 3)
liked = (histories.values >= 4).astype(int)
rng = np.random.default_rng(0)
labelled = rng.permutation(rated[owners[rated] < 50])
labelled = np.concatenate([labelled[liked[labelled] == 1][:8], labelled[liked[labelled] == 0][:8]])
asked = rated[owners[rated] >= 250]

features = BehaviourFeatures.fit(histories, item_vectors(data.items, cached_encoder("tfidf", data.items)))
head = LikeDislike.fit(features, features.of(histories, owners[labelled], histories.items[labelled]), liked[labelled])
chances = head.probabilities(features.of(histories, owners[asked], histories.items[asked]))
print(
    f"AUC of likes from {len(labelled)} labels: {roc_auc(liked[asked], chances):.3f}, {len(asked):,} ratings of others"
)

# %% [markdown]
# ## No reader at all
#
# Words alone find books, too.

# %%
for item in model.recommend_by_text("a detective solves a murder mystery", 3).items:
    print(f"{item.rank}. {item.title}")

# %% [markdown]
# ## A look around
#
# Which interests that this reader does not have are worth a try? And a list of which a share of the places is spent on
# finding out, each with the probability by which it was drawn, as a log needs it.

# %%
for found in model.discover(reader, 3).interests:
    print(f"{found.concept:28} {found.text}")

served = model.decide(reader, 10, explain=False, explore=0.5)
for item, slot in zip(served.slate.items, served.decision.slots, strict=True):
    note = item.exploring.text if item.exploring else ""
    print(f"{item.rank:2}. {item.title[:48]:50} p = {slot.propensity:.3f}  {note}")

# %% [markdown]
# The whole loop, from data to a new version that learned from feedback, is one command:
# `penchant run configs/run.toml --to books.run`.
