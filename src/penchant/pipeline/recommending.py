"""Slates, decisions and discoveries of a fitted model."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from penchant.errors import ConfigError
from penchant.pipeline.discovering import Discoverer
from penchant.pipeline.exploring import Exploration, Share
from penchant.pipeline.named_policy import Chooser, PolicyWish
from penchant.pipeline.questions import MOST_QUESTIONS, Questioner, Questions
from penchant.pipeline.readable import ReadableModel
from penchant.pipeline.slates import Around, Served, serve
from penchant.records import Discoveries, Drift, Slate
from penchant.reranking.rules import Rules
from penchant.reranking.settings import Reranking


class RecommendingModel(ReadableModel):
    """The serving half of `InterestModel`."""

    seed: int
    bundle: str
    _discoverer_kept: Discoverer | None = None
    _questioner_kept: Questioner | None = None

    @abstractmethod
    def drift_of(self, user_id: str) -> Drift:
        """How much what a user takes has changed of late."""

    def recommend(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        explain: bool = True,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
        explore: Share | Mapping[str, Any] | Exploration | None = None,
        policy: PolicyWish | None = None,
    ) -> Slate:
        """The K items for a user, best first, each with its reasons.

        `rerank` names a reranker (``mmr``, ``dpp``, ``calibrated``, ``novelty``, ``popularity_debias``; ``none`` for
        none), `rerank_weight` says how much it counts, from 0 to 1, and `rules` what may appear (see `Rules`), such as
        ``{"deny": ["b17"], "quota": {"categories:Fantasy": {"most": 2}}}``. `explore` is the share of places spent on
        finding out, from 0 to 1 or ``"auto"``, or several settings (see `Exploration`), such as ``{"share": 0.3,
        "most": 2}``: an explored item says which interest it tries, and why. Where they are not given, those of the
        model's settings hold. `policy` names another policy than the dial (see `penchant.exploration.policies`), with
        settings where it has some: ``{"name": "softmax", "temperature": 0.5}``. An item's `score` stays what
        its reasons add up to; what reranker and rules added to it is its `rerank_adjustment`.

        An unknown user, or one without events, gets the popular items, and the slate says so; nothing is explored on
        him. A K above the catalogue gives all that is left. `ConfigError` where k < 1 or a rule or a share is wrong,
        `NotFoundError` for a reranker, or for an item, label or concept that is named and not there.
        """
        chooser = self._asked(explore, policy)
        around = None if chooser.named is None and chooser.exploration.share == 0 else self._around(chooser)
        reranking = Reranking.asked(self.live.config.reranking, name=rerank, weight=rerank_weight, rules=rules)
        return self._serve(user_id, k, around, reranking, exclude_seen=exclude_seen, explain=explain).slate

    def decide(
        self,
        user_id: str,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        explain: bool = True,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
        explore: Share | Mapping[str, Any] | Exploration | None = None,
        policy: PolicyWish | None = None,
        request_id: str | None = None,
    ) -> Served:
        """A slate as `recommend` makes it, and how it was decided: with which probability each item came to its place,
        and what else could have been there. That is what a log must keep for off-policy estimates.
        """
        around = self._around(self._asked(explore, policy), request_id)
        reranking = Reranking.asked(self.live.config.reranking, name=rerank, weight=rerank_weight, rules=rules)
        return self._serve(user_id, k, around, reranking, exclude_seen=exclude_seen, explain=explain)

    def discover(self, user_id: str, limit: int = 5, *, explore: Mapping[str, Any] | None = None) -> Discoveries:
        """Interests that the user is not known to have and that are worth a try, the likeliest first, each with why and
        with items to try it with. Leaves out what he muted, pinned or spoke of himself, and what was tried on him often
        enough. `ConfigError` where limit < 1.
        """
        if limit < 1:
            raise ConfigError(f"limit is {limit}; at least one interest is found.", hint="Ask for limit ≥ 1.")
        return self._discoverer.discover(user_id, self.live.config.exploration.asked(explore), limit=limit)

    def tried(self, user_id: str, concept_ids: tuple[str, ...], at: int) -> None:
        """A slate that tried these interests was served to the user at a moment (UTC microseconds), as in a replay."""
        self._discoverer.attempts.note(user_id, concept_ids, at)

    def _serve(
        self, user_id: str, k: int, around: Around | None, reranking: Reranking, *, exclude_seen: bool, explain: bool
    ) -> Served:
        if k < 1:
            raise ConfigError(f"k is {k}; a slate has at least one item.", hint="Ask for k ≥ 1.")
        return serve(
            self.live,
            user_id,
            k,
            exclude_seen=exclude_seen,
            reranking=reranking,
            explain=explain,
            bundle=self.bundle,
            around=around,
        )

    def questions(self, user_id: str, n: int = 3) -> Questions:
        """The n questions that tell most of a user: whether he likes a concept. An answer is an edit, ``more`` for yes
        and ``less`` for no, and the next questions follow it. `ConfigError` for fewer than 1 or too many at once.
        """
        if not 1 <= n <= MOST_QUESTIONS:
            raise ConfigError(f"n is {n}; a user is asked 1 to {MOST_QUESTIONS} at a time.", hint="Ask again later.")
        if self._questioner_kept is None or self._questioner_kept.live is not self.live:
            self._questioner_kept = Questioner(self.live, seed=self.seed)
        return self._questioner_kept.ask(user_id, n)

    def _asked(self, explore: Share | Mapping[str, Any] | Exploration | None, policy: PolicyWish | None) -> Chooser:
        """The model's settings with what a request says instead; concepts are looked up though nothing be explored."""
        chooser = Chooser.asked(self.live.config.exploration, explore=explore, policy=policy)
        self._discoverer.never(chooser.exploration)
        return chooser

    def _around(self, chooser: Chooser, request_id: str | None = None) -> Around:
        return Around(
            discoverer=self._discoverer,
            settings=chooser.exploration,
            seed=self.seed,
            request_id=request_id,
            named=chooser.named,
        )

    @property
    def _discoverer(self) -> Discoverer:
        if self._discoverer_kept is None or self._discoverer_kept.live is not self.live:
            self._discoverer_kept = Discoverer(
                self.live, self.live.fitted.discovery, drift=lambda user_id: self.drift_of(user_id).score
            )
        return self._discoverer_kept
