"""The model that answers and the stores that remember, kept in step."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any
from uuid import uuid4

from penchant.errors import PenchantError, StoreError
from penchant.feedback import Stores
from penchant.pipeline.exploring import Exploration, Share
from penchant.pipeline.named_policy import PolicyWish, over
from penchant.pipeline.questions import Questions
from penchant.pipeline.slates import Served
from penchant.progress import SILENT, Progress
from penchant.records import (
    Discoveries,
    DriftHistory,
    Edit,
    EditEntry,
    EditResult,
    Event,
    HistoryEvent,
    ItemSummary,
    ItemView,
    ModelCard,
    ObserveResult,
    PopulationDrift,
    Profile,
    Rejection,
    SimilarItem,
    Slate,
    UserSummary,
)
from penchant.reranking.rules import Rules
from penchant.serving.experiments import Trial
from penchant.serving.monitoring import Monitoring
from penchant.serving.reading import Reader
from penchant.serving.served_model import ServedModel

_log = logging.getLogger("penchant.serving")
_BATCH = 1_000


class LiveModel(Reader):
    """Asks the model one thing at a time, and writes what users do to the stores *before* the model takes it.

    So nothing the model stands on is missing from the disk: a crash between the two steps is mended by the replay at
    the next start, which hands the model the same entries in the same order.
    """

    _model: ServedModel

    def __init__(
        self,
        model: ServedModel,
        stores: Stores,
        *,
        trial: Trial | None = None,
        monitoring: Monitoring | None = None,
        policy: PolicyWish | None = None,
    ) -> None:
        self.stores = stores
        self.monitoring = monitoring or Monitoring()
        self.slates_not_kept = 0
        self._model = model
        self._trial = trial
        self._policy = policy
        self._others = () if trial is None else trial.others
        self._lock = RLock()

    def replay(self, *, progress: Progress = SILENT) -> int:
        """Hand the model all stored events and edits in their order; the number of entries it took.

        An entry the model refuses, such as an event on an item that a newer bundle has no more, is left in the log and
        counted in a warning.
        """
        counts = self.stores.counts()
        taken = refused = 0
        waiting: list[Event] = []

        def hand_over() -> None:
            nonlocal taken, refused
            if waiting:
                result = self._model.observe(waiting)
                for other in self._others:
                    other.observe(waiting)
                taken, refused = taken + result.accepted, refused + len(result.rejected)
                waiting.clear()

        with self._lock, progress.task("replay", counts["events"] + counts["edits"]) as advance:
            for logged in self.stores.log():
                entry = logged.entry
                if isinstance(entry, Event):
                    waiting.append(entry)
                    if len(waiting) == _BATCH:
                        hand_over()
                else:
                    hand_over()
                    try:
                        taken += self._model.take(entry)
                    except PenchantError:
                        refused += 1
                    self._tell_others(entry)
                advance()
            hand_over()
            for decision in self.stores.decisions():
                for model in (self._model, *self._others):
                    model.tried(decision.user_id, decision.tries, decision.decided_at)
        if refused:
            _log.warning("%d stored events or edits do not fit this bundle; they stay in the store.", refused)
        return taken

    def observe(self, events: Sequence[Event]) -> ObserveResult:
        """Store events, then let the model take them. What the model refuses is taken out of the store again."""
        now = time.time_ns() // 1_000
        events = [
            replace(
                event,
                event_id=event.event_id or uuid4().hex,
                timestamp=now if event.timestamp is None else event.timestamp,
            )
            for event in events
        ]
        accepted = duplicates = 0
        rejected: list[Rejection] = []
        waiting = list(range(len(events)))
        with self._lock:
            while waiting:
                stored = self.stores.add_events([events[place] for place in waiting])
                places = [place for place, new in zip(waiting, stored, strict=True) if new]
                fresh = [events[place] for place in places]
                try:
                    result = self._model.observe(fresh) if fresh else ObserveResult(accepted=0, duplicates=0)
                except Exception:
                    self.stores.withdraw_events([event.event_id or "" for event in fresh])
                    raise
                faults = {fresh[fault.index].event_id or "": fault for fault in result.rejected}
                # What one model's catalogue lacks it leaves out, as a replay does; an event that no model takes goes.
                for other in self._others if fresh else ():
                    lacking = {fresh[fault.index].event_id for fault in other.observe(fresh).rejected}
                    faults = {id_: fault for id_, fault in faults.items() if id_ in lacking}
                refused = set(faults)
                self.stores.withdraw_events(list(refused))
                # An event that repeats the id of a refused one of its batch is no duplicate: its turn comes now.
                repeats = [place for place, new in zip(waiting, stored, strict=True) if not new]
                waiting = [place for place in repeats if events[place].event_id in refused]
                accepted += result.accepted + len(result.rejected) - len(faults)
                duplicates += result.duplicates
                duplicates += len(repeats) - len(waiting)
                rejected += [replace(fault, index=places[fault.index]) for fault in faults.values()]
        result = ObserveResult(
            accepted=accepted,
            duplicates=duplicates,
            rejected=tuple(sorted(rejected, key=lambda fault: fault.index)),
        )
        self.monitoring.took(events, result)
        return result

    def edit(self, edit: Edit) -> EditResult:
        """Complete an edit, store it, then let the model take it. What the model refuses is not in the store."""
        with self._lock:
            edit = self._model.complete(edit)
            stored = self.stores.add_edit(edit)
            try:
                result = self._model.change(edit)
            except Exception:
                if stored:
                    self.stores.withdraw_edit(edit.edit_id)
                raise
            self._tell_others(edit)
            return result

    def _tell_others(self, edit: Edit) -> None:
        """Let the models of an experiment's arms take an edit; of a concept that one lacks it takes nothing."""
        for other in self._others:
            try:
                other.take(edit)
            except PenchantError as error:
                _log.warning("Edit %s does not fit the bundle of an arm: %s", edit.edit_id, error.message)

    def edits(self, user_id: str, *, limit: int) -> Sequence[EditEntry]:
        """A user's edits, newest first."""
        with self._lock:
            return self._model.edits(user_id, limit=limit)

    def recommend(
        self,
        user_id: str,
        k: int,
        *,
        exclude_seen: bool,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
        explore: Share | Mapping[str, Any] | Exploration | None = None,
        policy: PolicyWish | None = None,
        request_id: str | None = None,
    ) -> Slate:
        """A slate, kept in the store with how it was decided, so that events can name it. A request that comes again
        with its `request_id` gets the slate that it got: one decision, counted once.

        A store that fails does not stop recommendations: the loss is logged and counted in `slates_not_kept`.
        """
        if request_id is not None and (answered := self._answered(user_id, request_id)) is not None:
            self.monitoring.served(answered, repeated=True)
            return answered
        asked = {"rerank": rerank, "rerank_weight": rerank_weight, "explore": explore, "policy": policy}
        arm, model = self._arm(user_id, asked)
        with self._lock:
            served = model.decide(
                user_id, k, exclude_seen=exclude_seen, rules=rules, request_id=request_id, **self._wishes(arm, asked)
            )
        served = self._exposed(served, arm)
        slate = served.slate
        try:
            self.stores.add_slate(slate, served.decision)
        except StoreError as error:
            self.slates_not_kept += 1
            _log.error("Slate %s was served and not kept: %s", slate.slate_id, error.message)
            self.monitoring.served(slate, kept=False)
            return slate
        # Of two tries that came at once the first that was kept stands for both.
        first = slate if request_id is None else self._answered(user_id, request_id) or slate
        self.monitoring.served(first, repeated=first.slate_id != slate.slate_id)
        return first

    def _arm(self, user_id: str, asked: Mapping[str, Any]) -> tuple[str | None, ServedModel]:
        """The arm of an experiment that a request falls to, None for none, and the model that answers."""
        arm = None if self._trial is None else self._trial.arm(user_id, asked)
        if arm is None or self._trial is None:
            return None, self._model
        return arm, self._trial.models.get(arm, self._model)

    def _wishes(self, arm: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What a request, its arm and the server say, the first of them that says it."""
        wishes = dict(asked) if arm is None or self._trial is None else {**asked, **self._trial.wishes(arm)}
        if wishes["policy"] is None and wishes["explore"] is None:
            wishes["policy"] = self._policy
        elif wishes["policy"] is None:  # who turns the dial wants the dial
            wishes["explore"] = over(self._policy, wishes["explore"])
        return wishes

    def _exposed(self, served: Served, arm: str | None) -> Served:
        """What was served, with the arm that it is an exposure to, on the slate and in the log."""
        if arm is None or self._trial is None:
            return served
        decision = served.decision
        if decision is not None:
            told = {"experiment": self._trial.settings.name, "arm": arm}
            decision = replace(decision, context={**decision.context, **told})
        return Served(slate=replace(served.slate, arm=arm), decision=decision)

    def recommend_by_text(
        self,
        text: str,
        k: int,
        *,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
    ) -> Slate:
        """A slate for words alone. It is nobody's, and is not kept: there is no user whose feedback could name it."""
        with self._lock:
            return self._model.recommend_by_text(text, k, rerank=rerank, rerank_weight=rerank_weight, rules=rules)

    def _answered(self, user_id: str, request_id: str) -> Slate | None:
        try:
            return self.stores.slate_for(user_id, request_id)
        except StoreError as error:
            _log.error("Whether request %s was answered before cannot be told: %s", request_id, error.message)
            return None

    def discover(self, user_id: str, *, limit: int) -> Discoveries:
        """Interests worth a try."""
        with self._lock:
            return self._model.discover(user_id, limit)

    def questions(self, user_id: str, *, n: int) -> Questions:
        """What to ask a user."""
        with self._lock:
            return self._model.questions(user_id, n)

    def card(self) -> ModelCard:
        """What the model is."""
        with self._lock:
            return self._model.card()

    def interests(self, user_id: str, *, as_of: int | None, limit: int) -> Profile:
        """A user's interests."""
        with self._lock:
            return self._model.interests(user_id, as_of=as_of, limit=limit)

    def drift(self, user_id: str, *, as_of: int | None) -> DriftHistory:
        """A user's drift, event by event."""
        with self._lock:
            return self._model.drift(user_id, as_of=as_of)

    def population_drift(self) -> PopulationDrift:
        """Changes in what all users take."""
        with self._lock:
            found = self._model.population_drift()
        # What was noticed in the dataset itself is no news: it would raise the alert for as long as the bundle serves.
        self.monitoring.found_drift(sum(alarm.event > found.baseline for alarm in found.alarms))
        return found

    def look_for_drift(self) -> None:
        """Read drift where it has a bound and was not read for long."""
        if self.monitoring.claims_drift():
            self.population_drift()

    def readings(self) -> Mapping[str, int]:
        """How often a user was read, by where his vector came from."""
        with self._lock:
            return dict(self._model.readings())

    def history(self, user_id: str, *, limit: int, before: int | None) -> Sequence[HistoryEvent]:
        """A user's events, newest first."""
        with self._lock:
            return self._model.history(user_id, limit=limit, before=before)

    def similar(self, item_id: str, k: int) -> Sequence[SimilarItem]:
        """An item's neighbours."""
        with self._lock:
            return self._model.similar(item_id, k)

    def item(self, item_id: str) -> ItemView:
        """An item as shown to a person."""
        with self._lock:
            return self._model.item(item_id)

    def find_users(self, query: str, limit: int) -> Sequence[UserSummary]:
        """Users that match a query."""
        with self._lock:
            return self._model.find_users(query, limit)

    def find_items(self, query: str, limit: int) -> Sequence[ItemSummary]:
        """Items that match a query."""
        with self._lock:
            return self._model.find_items(query, limit)
