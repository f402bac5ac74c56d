"""A small model that keeps the promises of `ServedModel`, with answers one can work out by hand.

A user's interest in a concept is the sum over his events on items with that concept of +1, or −2 for
``not_interested``, plus 3 for each ``more`` or ``add``, 5 for a ``pin`` and −3 for each ``less``. An item's score is
the sum of the user's interests in its concepts, plus a tenth of its number of events.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from penchant.errors import ConfigError, NotFoundError
from penchant.pipeline.exploring import Exploration, Share
from penchant.pipeline.named_policy import PolicyWish
from penchant.pipeline.slates import Served
from penchant.records import (
    ConceptMatch,
    Drift,
    DriftHistory,
    DriftPoint,
    Edit,
    EditEntry,
    EditResult,
    Event,
    Evidence,
    HistoryEvent,
    Interest,
    ItemSummary,
    ItemView,
    ModelCard,
    MovedItem,
    ObserveResult,
    PopulationDrift,
    Profile,
    Reason,
    RecommendedItem,
    Rejection,
    SimilarItem,
    Slate,
    UserSummary,
)
from penchant.reranking.rules import Rules
from tests.serving.fake_exploring import ODD_ITEM, ODD_USER, SHELVES, TRIED, FakeExploring, decision_on
from tests.serving.fake_reading import FakeReading

__all__ = ["ODD_ITEM", "ODD_USER", "SHELVES", "FakeModel"]


class FakeModel(FakeExploring, FakeReading):
    """Users `reader-0` … `reader-9` and one with an odd id; six shelves of five books, each on one shelf or two."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.shelves_of: dict[str, list[str]] = {}
        for shelf, titles in SHELVES.items():
            for n, title in enumerate(titles):
                item_id = ODD_ITEM if title.startswith("<script>") else f"book-{len(self.titles)}"
                self.titles[item_id] = title
                self.shelves_of[item_id] = [shelf]
                if n == 4:  # the last of a shelf stands on the next one too
                    shelves = list(SHELVES)
                    self.shelves_of[item_id].append(shelves[(shelves.index(shelf) + 1) % len(shelves)])
        self.events: dict[str, list[Event]] = {}
        self.log: list[Edit] = []
        self.ids: set[str] = set()
        self.calls: list[str] = []
        self.wishes: dict[str, Any] = {}
        self.attempts: list[tuple[str, str]] = []
        items = list(self.titles)
        for n, user_id in enumerate([*(f"reader-{n}" for n in range(10)), ODD_USER]):
            for step in range(4 + n):
                self._take(
                    Event(
                        user_id=user_id,
                        item_id=items[(n * 7 + step) % len(items)],
                        event_type="rating",
                        event_id=f"{user_id}-{step}",
                        value=float(3 + (n + step) % 3),
                    )
                )

    def card(self) -> ModelCard:
        return ModelCard(
            bundle="shelves",
            dataset="shelves",
            clock="position",
            users=len(self.events),
            items=len(self.titles),
            events=sum(map(len, self.events.values())),
            concepts=len(SHELVES),
            nouns=("book", "books"),
        )

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
        """Of rules it keeps `deny` only; what else was wished for is in `wishes`."""
        self.calls.append(f"recommend {user_id}")
        rules = rules if isinstance(rules, Rules) else Rules.of(rules)
        self.wishes = {
            "rerank": rerank,
            "rerank_weight": rerank_weight,
            "rules": rules,
            "explore": explore,
            "policy": policy,
        }
        mine = self._events(user_id)
        seen = {event.item_id for event in mine} if exclude_seen else set()
        refused = {event.item_id for event in mine if event.event_type == "not_interested"}
        muted = {concept for concept in SHELVES if "mute" in self._edits(user_id, concept)}
        interests = self._interests(user_id)
        popularity = Counter(event.item_id for events in self.events.values() for event in events)
        ranked = []
        for item_id, title in self.titles.items():
            if item_id in seen | refused | set(rules.deny) or muted & set(self.shelves_of[item_id]):
                continue
            reasons = [
                Reason(
                    source="concept",
                    contribution=float(interests[concept]),
                    concept_id=concept,
                    concept=concept,
                    text=f"{concept}: {sum(self._has(e, concept) for e in mine)} of your books",
                )
                for concept in self.shelves_of[item_id]
                if interests.get(concept)
            ]
            reasons.append(Reason(source="popularity", contribution=popularity[item_id] / 10, text="read by many"))
            ranked.append((sum(reason.contribution for reason in reasons), item_id, title, tuple(reasons)))
        ranked.sort(key=lambda entry: (-entry[0], entry[1]))
        share = explore if isinstance(explore, float) else 0.0
        slate = Slate(
            user_id=user_id,
            slate_id=f"slate-{len(self.calls)}",
            generated_at="2026-01-01T00:00:00+00:00",
            bundle="shelves",
            policy="dial" if share else "greedy",
            exploration_share=share,
            items=tuple(
                RecommendedItem(
                    item_id=item_id,
                    title=title,
                    rank=rank,
                    score=score,
                    explored=rank == 4,
                    propensity=0.25 if rank == 4 else 1.0,
                    exploring=TRIED if rank == 4 else None,
                    reasons=reasons if explain else (),
                    other=0.0 if explain else score,
                )
                for rank, (score, item_id, title, reasons) in enumerate(ranked[:k], start=1)
            ),
            timings_ms={"retrieve": 1.25, "score": 0.5},
            cold=not mine,
            note="" if mine else f"{user_id} is not known: these are the most read.",
        )
        return Served(slate=slate, decision=decision_on(slate, place=len(self.calls), request_id=request_id))

    def recommend_by_text(
        self,
        text: str,
        k: int = 10,
        *,
        explain: bool = True,
        rerank: str | None = None,
        rerank_weight: float | None = None,
        rules: Rules | Mapping[str, Any] | None = None,
    ) -> Slate:
        """Items whose title holds the text; it can read no digits."""
        if text.isdigit() or not text.strip():
            raise ConfigError(f"The text {text!r} has no letter.", hint="Say what is wanted.")
        self.wishes = {"rerank": rerank, "rerank_weight": rerank_weight, "rules": rules, "explain": explain}
        found = [one for one in self.titles.items() if text in one[1]][:k]
        items = tuple(
            RecommendedItem(item_id=item_id, title=title, rank=rank, score=1.0, other=1.0)
            for rank, (item_id, title) in enumerate(found, start=1)
        )
        return Slate(
            user_id="", slate_id="of words", generated_at="", bundle="shelves", policy="zero_shot", items=items
        )

    def interests(self, user_id: str, *, as_of: int | None = None, limit: int = 12) -> Profile:
        mine = self._events(user_id)[:as_of]
        found = []
        for concept, strength in sorted(self._interests(user_id, as_of).items(), key=lambda pair: -pair[1]):
            places = [n for n, event in enumerate(mine) if self._has(event, concept)]
            edits = self._edits(user_id, concept)
            found.append(
                Interest(
                    concept_id=concept,
                    concept=concept,
                    parent=None,
                    strength=float(strength),
                    confidence=min(1.0, 0.2 * len(places)),
                    trend="rising" if strength > 3 else "fading" if strength < 0 else "steady",
                    short_term=1.0,
                    long_term=float(strength) - 1.0,
                    first_seen=places[0] if places else 0,
                    last_seen=places[-1] if places else 0,
                    count=len(places),
                    source="explicit" if edits else "behaviour",
                    evidence=tuple(self._evidence(mine[n], n) for n in places[-5:]),
                    summary=f"{len(places)} books",
                    muted="mute" in edits,
                    pinned="pin" in edits,
                )
            )
        return Profile(
            user_id=user_id, as_of=len(mine), interests=tuple(found[:limit]), events=len(mine), cold=not mine
        )

    def drift(self, user_id: str, *, as_of: int | None = None) -> DriftHistory:
        own = self.events.get(user_id, [])
        return DriftHistory(
            user_id=user_id,
            as_of=len(own) if as_of is None else as_of,
            drift=Drift(score=0.25, watched=len(own)),
            points=tuple(DriftPoint(event_id=f"e{n}", timestamp=n, score=0.25) for n in range(len(own))),
        )

    def population_drift(self) -> PopulationDrift:
        return PopulationDrift(alarms=(), events=100, baseline=100, watched=3)

    def history(self, user_id: str, *, limit: int = 50, before: int | None = None) -> list[HistoryEvent]:
        mine = self._events(user_id)
        return [
            HistoryEvent(
                event_id=str(event.event_id),
                item_id=event.item_id,
                title=self.titles[str(event.item_id)],
                event_type=event.event_type,
                timestamp=position,
                position=position,
                value=event.value,
            )
            for position, event in reversed(list(enumerate(mine)))
            if before is None or position < before
        ][:limit]

    def similar(self, item_id: str, k: int = 10) -> list[SimilarItem]:
        mine = set(self.item(item_id).concepts)
        near = [
            SimilarItem(
                item_id=other, title=title, similarity=len(mine & set(theirs)) / 2, shared=tuple(mine & set(theirs))
            )
            for other, title in self.titles.items()
            if (theirs := self.shelves_of[other]) and other != item_id
        ]
        return sorted(near, key=lambda item: (-item.similarity, item.item_id))[:k]

    def item(self, item_id: str) -> ItemView:
        if item_id not in self.titles:
            raise NotFoundError(f"No item {item_id!r} in the catalogue.", hint="Search for it by title.")
        return ItemView(
            item_id=item_id,
            title=self.titles[item_id],
            text="",
            attributes={"authors": ["Ann <b>Author</b>", "周"], "year": 1999},
            concepts=tuple(self.shelves_of[item_id]),
            events=sum(event.item_id == item_id for events in self.events.values() for event in events),
        )

    def find_users(self, query: str, limit: int) -> list[UserSummary]:
        found = [user for user in self.events if query.casefold() in user.casefold()]
        return [UserSummary(user_id=user, events=len(self.events[user])) for user in found[:limit]]

    def find_items(self, query: str, limit: int) -> list[ItemSummary]:
        found = [i for i, title in self.titles.items() if query.casefold() in f"{title} {i}".casefold()]
        return [ItemSummary(item_id=i, title=self.titles[i], events=self.item(i).events) for i in found[:limit]]

    def observe(self, events: Sequence[Event]) -> ObserveResult:
        accepted = duplicates = 0
        rejected = []
        for index, event in enumerate(events):
            if event.item_id not in self.titles:
                rejected.append(Rejection(index=index, column="item_id", reason=f"no item {event.item_id!r}"))
            elif event.event_id in self.ids:
                duplicates += 1
            else:
                self._take(event)
                accepted += 1
        return ObserveResult(accepted=accepted, duplicates=duplicates, rejected=tuple(rejected))

    def complete(self, edit: Edit) -> Edit:
        """A typed word is taken for the first shelf whose name holds it."""
        edit = replace(edit, edit_id=edit.edit_id or f"edit-{len(self.log)}", edited_at=len(self.log))
        if edit.text is not None and edit.concept_id is None:
            edit = replace(edit, concept_id=next((s for s in SHELVES if edit.text in s), edit.text))
        if edit.action == "undo" and edit.undoes is None:
            if not (mine := [e for e in self._standing(edit.user_id) if e.action != "undo"]):
                raise NotFoundError("There is nothing to undo.", hint="Edit first.")
            edit = replace(edit, undoes=mine[-1].edit_id)
        if edit.concept_id is not None and edit.concept_id not in SHELVES:
            raise NotFoundError(
                f"No concept is called {edit.concept_id!r}.", hint="Take one from the user's interests."
            )
        if edit.event_id is not None and edit.event_id not in [e.event_id for e in self._events(edit.user_id)]:
            raise NotFoundError(f"No event {edit.event_id!r}.", hint="Take one from the history.")
        return edit

    def take(self, edit: Edit) -> bool:
        if edit.edit_id in {e.edit_id for e in self.log}:
            return False
        self.log.append(self.complete(edit))
        return True

    def change(self, edit: Edit) -> EditResult:
        before = self.decide(edit.user_id, 20).slate.items
        repeated = not self.take(edit)
        after = self.decide(edit.user_id, 20).slate.items
        ranks = {item.item_id: item for item in before}
        profile = self.interests(edit.user_id)
        return EditResult(
            **{field.name: getattr(profile, field.name) for field in fields(Profile)},
            edit=edit,
            repeated=repeated,
            moved=tuple(
                MovedItem(
                    item_id=item.item_id,
                    title=item.title,
                    rank_before=ranks[item.item_id].rank if item.item_id in ranks else None,
                    rank_after=item.rank,
                    score_before=ranks[item.item_id].score if item.item_id in ranks else None,
                    score_after=item.score,
                    change=item.score - ranks[item.item_id].score if item.item_id in ranks else None,
                )
                for item in after
            ),
            entered=tuple(item.item_id for item in after if item.item_id not in ranks),
            left=tuple(ranks.keys() - {item.item_id for item in after}),
            matches=tuple(
                ConceptMatch(concept_id=shelf, concept=shelf, similarity=0.5, how="words")
                for shelf in [edit.concept_id, *(s for s in SHELVES if s != edit.concept_id)][:3]
                if edit.text is not None and shelf is not None
            ),
        )

    def edits(self, user_id: str, *, limit: int = 50) -> list[EditEntry]:
        standing = self._standing(user_id)
        mine = [e for e in self.log if e.user_id == user_id][::-1][:limit]
        return [EditEntry(edit=e, concept=e.concept_id, standing=e in standing) for e in mine]

    def _standing(self, user_id: str) -> list[Edit]:
        standing: list[Edit] = []
        for edit in self.log:
            if edit.user_id != user_id:
                continue
            if edit.action == "undo":
                standing = [e for e in standing if e.edit_id != edit.undoes]
            elif edit.action == "reset":
                standing = [e for e in standing if edit.concept_id not in {None, e.concept_id}]
            else:
                standing.append(edit)
        return standing

    def _edits(self, user_id: str, concept: str) -> list[str]:
        return [e.action for e in self._standing(user_id) if e.concept_id == concept]

    def _events(self, user_id: str) -> list[Event]:
        gone = {e.event_id for e in self._standing(user_id) if e.action == "forget"}
        return [event for event in self.events.get(user_id, []) if event.event_id not in gone]

    def _take(self, event: Event) -> None:
        self.ids.add(str(event.event_id))
        self.events.setdefault(event.user_id, []).append(event)

    def _has(self, event: Event, concept: str) -> bool:
        return concept in self.shelves_of[str(event.item_id)]

    def _interests(self, user_id: str, as_of: int | None = None) -> Counter[str]:
        strengths: Counter[str] = Counter()
        for event in self._events(user_id)[:as_of]:
            for concept in self.shelves_of[str(event.item_id)]:
                strengths[concept] += -2 if event.event_type == "not_interested" else 1
        for edit in self._standing(user_id):
            if edit.concept_id is not None:
                strengths[edit.concept_id] += {"more": 3, "add": 3, "pin": 5, "less": -3}.get(edit.action, 0)
        return strengths

    def _evidence(self, event: Event, position: int) -> Evidence:
        return Evidence(
            event_id=str(event.event_id),
            item_id=str(event.item_id),
            title=self.titles[str(event.item_id)],
            event_type=event.event_type,
            timestamp=position,
            effect=-2.0 if event.event_type == "not_interested" else 1.0,
        )
