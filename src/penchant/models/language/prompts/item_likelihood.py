"""A writing model's answer, read as scores of a fixed list of items: none is made up, and no text is parsed."""

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import Field

from penchant.config import Config
from penchant.encoders.checkpoint import positions_of
from penchant.errors import ConfigError, DataError
from penchant.models.language.prompts.causal import load_causal
from penchant.models.language.prompts.template import MASK, PromptTemplate, PromptValues
from penchant.progress import SILENT, Progress
from penchant.types import DoubleArray, IntArray


class ItemLikelihoodConfig(Config):
    """The model, the prompt that items are answers to, and how answers are made comparable."""

    path: str
    """A GPT-like checkpoint: its folder or hub id."""
    revision: str | None = None
    template: PromptTemplate
    """What comes before the item; without ``{item}`` and ``{mask}``."""
    per_token: bool = True
    """The mean over an item's tokens rather than their sum, which favours short names."""
    content_free: str | None = "N/A"
    """Every item's score after the prompt filled with this is taken off: a name that is likely anywhere says nothing of
    this user (A. Holtzman et al., "Surface form competition", 2021). None: it stays."""
    max_length: int = Field(default=256, ge=8)
    """Tokens of prompt and item at most; of a longer prompt the oldest items of its lists go."""
    batch: int = Field(default=32, ge=1)


class ItemLikelihood:
    """``score(i | user) = (1/T) Σ_t log P(token t of i | prompt, tokens before) − the same after an empty prompt``.

    Raises `NotFoundError` where there is no such model, `UnsupportedError` for one that does not write from left to
    right or has no head, `ConfigError` for a template with ``{item}`` or ``{mask}``.
    """

    def __init__(self, config: ItemLikelihoodConfig) -> None:
        if placed := [slot for slot in ("item", MASK) if slot in config.template.slots]:
            raise ConfigError(
                f"The prompt has a slot {{{placed[0]}}}; items are what comes after it.", hint="Leave the slot out."
            )
        checkpoint, self.tokenizer, self.network = load_causal(config.path, revision=config.revision)
        self.config = config
        self.max_length = min(config.max_length, positions_of(checkpoint.architecture) or config.max_length)

    def scores(
        self, prompts: Sequence[PromptValues], items: Sequence[str], *, progress: Progress = SILENT
    ) -> DoubleArray:
        """(prompts, items) scores, higher for likelier answers. `DataError` for an item without words."""
        answers = [self._ids(f" {' '.join(item.split())}") for item in items]
        if empty := [place for place, ids in enumerate(answers) if not ids or not items[place].strip()]:
            raise DataError(f"Item {empty[0]} of the list has no words.", hint="Leave items without a text out.")
        longest = max(map(len, answers), default=0)
        found = np.zeros((len(prompts), len(items)))
        with progress.task("Items", total=len(prompts)) as advance:
            for row, values in enumerate(prompts):
                found[row] = self._answers(self._prompt(values, longest), answers)
                advance()
        if self.config.content_free is not None and len(prompts) and len(items):
            free = PromptValues.content_free(self.config.content_free)
            found -= self._answers(self._prompt(free, longest), answers)
        return found

    def rank(self, values: PromptValues, items: Sequence[str]) -> IntArray:
        """Places of the items in the list, the likeliest answer first; equal ones as they came."""
        return np.argsort(-self.scores([values], items)[0], kind="stable").astype(np.int64)

    def _answers(self, prompt: list[int], answers: Sequence[list[int]]) -> DoubleArray:
        found = np.zeros(len(answers))
        order = sorted(range(len(answers)), key=lambda n: len(answers[n]))  # little padding
        device = next(self.network.parameters()).device
        for start in range(0, len(order), self.config.batch):
            rows = order[start : start + self.config.batch]
            length = len(prompt) + max(len(answers[row]) for row in rows)
            ids_NL, mask_NL = torch.zeros(len(rows), length, dtype=torch.long), torch.zeros(len(rows), length)
            for n, row in enumerate(rows):
                whole = prompt + answers[row]
                ids_NL[n, : len(whole)], mask_NL[n, : len(whole)] = torch.tensor(whole), 1.0
            with torch.inference_mode():
                logits = self.network(input_ids=ids_NL.to(device), attention_mask=mask_NL.long().to(device)).logits
                # The state before a token foretells it.
                log_p = logits[:, len(prompt) - 1 : -1].float().log_softmax(-1).cpu()
            said = log_p.gather(2, ids_NL[:, len(prompt) :, None])[..., 0].double()
            kept = mask_NL[:, len(prompt) :].double()
            totals = (said * kept).sum(1)
            found[rows] = (totals / kept.sum(1) if self.config.per_token else totals).numpy()
        return found

    def _prompt(self, values: PromptValues, room: int) -> list[int]:
        start = self.tokenizer.bos_token_id
        for most in range(min(values.longest, self.config.template.max_items), -1, -1):
            ids = self._ids(self.config.template.fill(values.shortened(most)).rstrip())
            if start is not None and (not ids or ids[0] != start):
                ids = [int(start), *ids]
            if len(ids) + room <= self.max_length:
                return ids
        raise DataError(
            f"A prompt of {len(ids)} tokens and an item of {room} are longer than the {self.max_length} that the model "
            "takes, even without a history.",
            hint="Lower max_words of the template, or shorten the items' texts.",
        )

    def _ids(self, text: str) -> list[int]:
        # Whether it is too long is looked at here; the tokenizer would tell the terminal.
        return [int(token) for token in self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]]
