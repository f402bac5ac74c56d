"""Prompt learning with masked language models: which label's words does the model put into the gap?"""

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from penchant.config import Config
from penchant.encoders.checkpoint import is_causal, locate, positions_of, read_checkpoint
from penchant.encoders.tokenization import check_vocabulary
from penchant.encoders.transformer import load_language_model, load_tokenizer
from penchant.errors import ConfigError, DataError, UnsupportedError
from penchant.models.language.prompts.template import MASK, PromptTemplate, PromptValues
from penchant.models.language.prompts.verbaliser import Verbaliser
from penchant.progress import SILENT, Progress
from penchant.seeding import derive, numpy_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingConfig, TrainingRecord, train
from penchant.training.minibatches import Minibatches
from penchant.types import DoubleArray, IntArray

FINE_TUNING = TrainingConfig(learning_rate=1e-3, weight_decay=0.01, max_epochs=10)


class ClozeConfig(Config):
    """The model, the prompt and the words that are read in its gap."""

    path: str
    """A checkpoint with a masked-word head: its folder or hub id."""
    revision: str | None = None
    template: PromptTemplate
    """With a ``{mask}``."""
    verbaliser: Verbaliser
    max_length: int = Field(default=128, ge=8)
    """Tokens of a prompt, fewer where the model takes less; of a longer one the oldest items of its lists go."""
    content_free: tuple[str, ...] = ("N/A", "[MASK]", "")
    """Words that say nothing, put into every slot to see which label the model leans to before it is told anything.
    None of them: its scores are taken as they are."""
    batch: int = Field(default=32, ge=1)
    training: TrainingConfig = FINE_TUNING
    """How `fit` fine-tunes the whole model."""


class ClozeClassifier(nn.Module):
    """``score(l | prompt) = log (1/|W_l|) Σ_{w in W_l} P([MASK] = w | prompt)``, the words W_l of label l by the
    verbaliser; ``P(l) = softmax_l(score − log p̄)``.

    p̄_l is the softmax of the scores with every slot filled by a word that says nothing, averaged over such words (T.
    Zhao et al., "Calibrate before use", 2021): a model that finds ``good`` likelier than ``bad`` whatever it reads is
    not believed for it. It works with no example (zero shots); `fit` trains on k of them by the same words (T. Schick
    and H. Schütze 2021).

    Raises `NotFoundError` where there is no such model, `UnsupportedError` for one that reads left to right or has no
    masked-word head of its own (all-MiniLM-L6-v2 has none: a fresh one would answer at random), and `ConfigError` for a
    template without ``{mask}``, a tokenizer without such a token and words that are not one token.
    """

    def __init__(self, config: ClozeConfig) -> None:
        super().__init__()
        config.template.need([MASK], why="there the model answers")
        checkpoint = read_checkpoint(locate(config.path, revision=config.revision))
        if is_causal(checkpoint.architecture) or checkpoint.architecture.get("is_encoder_decoder"):
            raise UnsupportedError(
                f"{checkpoint.folder} does not fill gaps: it writes on from left to right.",
                hint="Give a BERT-like checkpoint, or score items with ItemLikelihood.",
            )
        check_vocabulary(checkpoint)
        self.config = config
        self.tokenizer = load_tokenizer(checkpoint)
        if self.tokenizer.mask_token_id is None:
            raise ConfigError(f"{checkpoint.folder}'s tokenizer has no mask token.", hint="Give one that has.")
        with torch.random.fork_rng(devices=[]):
            self.network, own_head = load_language_model(checkpoint, causal=False)
        if not own_head:
            raise UnsupportedError(
                f"{checkpoint.folder} has no masked-word head: it was saved as an encoder only.",
                hint="Pre-train it on your texts by masked words and give the checkpoint that comes of it.",
            )
        self._words = [torch.tensor(ids) for ids in config.verbaliser.tokens(self.tokenizer)]
        limits = (config.max_length, positions_of(checkpoint.architecture), checkpoint.max_length)
        self.max_length = min(limit for limit in limits if limit)
        self._lower_case = checkpoint.lower_case
        self._lean: Tensor | None = None
        self.eval()

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the scores' columns."""
        return self.config.verbaliser.labels

    def prompt(self, values: PromptValues) -> list[int]:
        """Token ids of the prompt, its gap among them. The oldest items of the lists go until it is short enough;
        `DataError` where it is too long without any.
        """
        for most in range(min(values.longest, self.config.template.max_items), -1, -1):
            # What is filled in may hold "[MASK]" too: only the template's own gap is one.
            around = (
                part.replace(self.tokenizer.mask_token, " ")
                for part in self.config.template.around(values.shortened(most))
            )
            before, after = (part.lower() if self._lower_case else part for part in around)
            ids = list(self.tokenizer(f"{before}{self.tokenizer.mask_token}{after}", truncation=False)["input_ids"])
            if len(ids) <= self.max_length:
                return ids
        raise DataError(
            f"A prompt has {len(ids)} tokens without any history; the model takes {self.max_length}.",
            hint="Lower max_words of the template, or give a shorter text.",
        )

    def forward(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Scores before calibration, (N, labels)."""
        length = max(map(len, prompts))
        pad = self.tokenizer.pad_token_id or 0
        ids_NL = torch.tensor([[*one, *[pad] * (length - len(one))] for one in prompts])
        mask_NL = torch.tensor([[1] * len(one) + [0] * (length - len(one)) for one in prompts])
        gaps = torch.tensor([self._gap(one) for one in prompts])
        device = next(self.network.parameters()).device
        logits = self.network(input_ids=ids_NL.to(device), attention_mask=mask_NL.to(device)).logits
        log_p = logits[torch.arange(len(prompts)), gaps].float().log_softmax(-1)  # (N, V)
        columns = [log_p[:, words].logsumexp(1) - float(np.log(len(words))) for words in self._words]
        return torch.stack(columns, dim=1)

    def probabilities(self, values: Sequence[PromptValues], *, progress: Progress = SILENT) -> DoubleArray:
        """P(label) of each prompt, (N, labels), in the order of `labels`."""
        found = (self._scores(values, progress) - self._leaning()).softmax(1)
        return np.asarray(found.double().numpy(), dtype=np.float64)

    def log_odds(self, values: Sequence[PromptValues], label: str, *, progress: Progress = SILENT) -> DoubleArray:
        """``log P(label) − log P(another)`` of each prompt, (N,). `ConfigError` for a label that does not exist."""
        if label not in self.labels:
            raise ConfigError(f"No label is called {label!r}.", hint=f"There are: {', '.join(self.labels)}.")
        scores = (self._scores(values, progress) - self._leaning()).double()
        own = self.labels.index(label)
        others = [column for column in range(len(self.labels)) if column != own]
        return np.asarray((scores[:, own] - scores[:, others].logsumexp(1)).numpy(), dtype=np.float64)

    def fit(
        self,
        values: Sequence[PromptValues],
        labels: Sequence[str],
        *,
        seed: int,
        device: str = "auto",
        progress: Progress = SILENT,
    ) -> TrainingRecord:
        """Fine-tune the model on k examples: cross-entropy of the uncalibrated scores, over the labels alone.

        After it the scores are calibrated no more: what the model leans to is then learned. `device` is that of
        `FitOptions`. `DataError` for no example, labels that do not exist, or all of one label.
        """
        if unknown := sorted(set(labels) - set(self.labels)):
            raise DataError(f"No label is called {', '.join(unknown)}.", hint=f"There are: {', '.join(self.labels)}.")
        if len(values) != len(labels) or len(set(labels)) < 2:
            raise DataError(
                f"{len(values)} prompts came with {len(labels)} labels of {len(set(labels))} kinds.",
                hint="Give one label a prompt, of two kinds at least; without examples the model answers as it is.",
            )
        prompts = [self.prompt(one) for one in values]
        targets = torch.tensor([self.labels.index(label) for label in labels])

        def batches(epoch: int) -> Minibatches[IntArray]:
            order = numpy_rng(seed, "cloze", str(epoch)).permutation(len(prompts))
            return Minibatches(order, size=self.config.batch, make=lambda rows: rows)

        def loss(rows: IntArray) -> Tensor:
            scores = self([prompts[row] for row in rows])
            return nn.functional.cross_entropy(scores, targets[rows].to(scores.device))

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive(seed, "cloze"))
            record = train(
                self,
                batches=batches,
                loss=loss,
                evaluate=None,
                config=self.config.training,
                progress=progress,
                device=chosen_device(device),
            )
        self.cpu().eval()
        self._lean = torch.zeros(len(self.labels))
        return record

    def _scores(self, values: Sequence[PromptValues], progress: Progress) -> Tensor:
        if not values:
            return torch.zeros(0, len(self.labels))
        prompts = [self.prompt(one) for one in values]
        order = sorted(range(len(prompts)), key=lambda n: len(prompts[n]))  # little padding
        found = torch.zeros(len(prompts), len(self.labels))
        with torch.inference_mode(), progress.task("Prompts", total=len(prompts)) as advance:
            for start in range(0, len(order), self.config.batch):
                rows = order[start : start + self.config.batch]
                found[rows] = self([prompts[row] for row in rows]).cpu()
                advance(len(rows))
        return found

    def _leaning(self) -> Tensor:
        """What the model leans to, log p̄, (labels,)."""
        if self._lean is None:
            free = [PromptValues.content_free(word) for word in self.config.content_free]
            lean = torch.zeros(len(self.labels))
            self._lean = self._scores(free, SILENT).softmax(1).mean(0).log() if free else lean
        return self._lean

    def _gap(self, ids: Sequence[int]) -> int:
        return list(ids).index(int(self.tokenizer.mask_token_id))
