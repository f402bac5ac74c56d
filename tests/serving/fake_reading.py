"""The reading half of the fake model: explanations, concepts and replays one can work out by hand."""

from collections import Counter
from typing import Any

from penchant.errors import ConfigError, NotFoundError
from penchant.interests.explained import (
    Counterfactual,
    EventReadout,
    Explanation,
    KnowledgePath,
    PathStep,
    Readout,
    ScorePart,
)
from penchant.pipeline.concept_views import Axis, ConceptList, ConceptName, ConceptVector, ConceptView
from penchant.pipeline.replaying import Replay, ReplayLine, ReplayMoment
from penchant.records import Evidence, ItemSummary


class FakeReading:
    """For `FakeModel`, whose scores are sums of interests and popularity."""

    titles: dict[str, str]
    shelves_of: dict[str, list[str]]
    events: dict[str, list[Any]]

    def explain(self, user_id: str, item_id: str) -> Explanation:
        if item_id not in self.titles:
            raise NotFoundError(f"No item {item_id!r} in the catalogue.", hint="Search for it by title.")
        title, mine, interests = self.titles[item_id], self.events.get(user_id, []), self._counted(user_id)
        shelf = self.shelves_of[item_id][0]
        popular = sum(event.item_id == item_id for events in self.events.values() for event in events) / 10
        parts = [ScorePart(source="popularity", contribution=popular, text="read by many")]
        behind = tuple(
            Evidence(
                event_id=str(event.event_id),
                item_id=str(event.item_id),
                title=self.titles[str(event.item_id)],
                event_type=event.event_type,
                timestamp=n,
                effect=1.0,
            )
            for n, event in enumerate(mine)
            if shelf in self.shelves_of[str(event.item_id)]
        )
        without: tuple[Counterfactual, ...] = ()
        if interests[shelf]:
            part = ScorePart(
                source="concept",
                contribution=float(interests[shelf]),
                text=f"{shelf}: {interests[shelf]} of your books",
                concept_id=shelf,
                concept=shelf,
                evidence=behind[-5:],
                per_strength=1.0,
            )
            parts.insert(0, part)
            text = f"Without your interest in {shelf} this would be rank 17."
            without = (
                Counterfactual(
                    without="concept",
                    name=shelf,
                    change=part.contribution,
                    score=popular,
                    rank=17,
                    text=text,
                    concept_id=shelf,
                ),
            )
        steps = (
            PathStep(kind="user", id=user_id, label=user_id, edge="rated"),
            PathStep(kind="item", id=item_id, label=title),
        )
        told = tuple(
            EventReadout(
                event_id=e.event_id,
                item_id=str(e.item_id),
                title=e.title,
                event_type=e.event_type,
                timestamp=e.timestamp,
                attention=0.5 / len(behind),
                gradient=0.25,
            )
            for e in behind
        )
        return Explanation(
            user_id=user_id,
            item_id=item_id,
            title=title,
            rank=3,
            candidates=20,
            score=sum(part.contribution for part in parts),
            standing="seen" if any(event.item_id == item_id for event in mine) else "recommendable",
            parts=tuple(parts),
            sentence=f"{title} is number 3 for you: {parts[0].text}.",
            counterfactuals=without,
            readout=Readout(events=told, start=0.5, others=0.0, gradient_total=0.25 * len(told)) if mine else None,
            paths=(KnowledgePath(steps=steps, text=f"rated → {title}", items=2),) if mine else (),
            cold=not mine,
            note="" if mine else f"{user_id} is not known: the score is how popular the book is.",
        )

    def concepts_found(self) -> list[ConceptView]:
        names = list(dict.fromkeys(shelf for shelves in self.shelves_of.values() for shelf in shelves))
        found = []
        for n, name in enumerate(names):
            items = [item for item, shelves in self.shelves_of.items() if name in shelves]
            examples = tuple(ItemSummary(item_id=item, title=self.titles[item], events=1) for item in items[:3])
            found.append(
                ConceptView(
                    concept_id=name,
                    concept=name,
                    kind="shelf",
                    depth=min(n, 1),
                    broad=n == 0,
                    fine=n > 0,
                    parent=None if n == 0 else ConceptName(concept_id=names[0], concept=names[0]),
                    children=tuple(ConceptName(concept_id=c, concept=c) for c in names[1:]) if n == 0 else (),
                    examples=examples,
                    size=len(items),
                    purity=0.25,
                    users=sum(self._counted(user)[name] > 0 for user in self.events),
                )
            )
        return found

    def concepts(self, query: str = "", *, level: str | None = None, limit: int = 50) -> list[ConceptView]:
        if level not in {None, "broad", "fine"}:
            raise ConfigError(f"No level is called {level!r}.", hint="There are: broad, fine.")
        found = [view for view in self.concepts_found() if query.casefold() in view.concept]
        return [view for view in found if level is None or getattr(view, level)][:limit]

    def concept(self, concept_id: str) -> ConceptView:
        for view in self.concepts_found():
            if view.concept_id == concept_id:
                return view
        raise NotFoundError(f"No concept is called {concept_id!r}.", hint="Search the concepts by a word.")

    def concept_vector(self, user_id: str, *, level: str | None = None, nearest: int = 10) -> ConceptVector:  # noqa: ARG002
        counted, n = self._counted(user_id), len(self.concepts(level=level))
        axes = tuple(Axis(concept_id=c, concept=c, value=float(v)) for c, v in counted.most_common() if v)
        return ConceptVector(
            user_id=user_id, level=None, concepts=n, sparsity=1 - len(axes) / n, axes=axes, nearest=(), cold=not axes
        )

    def concept_lists(self, user_id: str, *, level: str = "broad", k: int = 5, limit: int = 6) -> list[ConceptList]:  # noqa: ARG002
        counted = self._counted(user_id)
        return [ConceptList(concept_id=c, concept=c, interests=(), items=()) for c, _ in counted.most_common(limit)]

    def replay(self, user_id: str, *, every: int | None = None, limit: int = 8) -> Replay:
        mine, step = self.events.get(user_id, []), every or 1
        ends = sorted({*range(step, len(mine) + 1, step), len(mine)}) if mine else []
        counted = [self._counted(user_id, end) for end in ends]
        names = [name for name, _ in (counted[-1] if counted else Counter()).most_common(limit)]
        values = {name: tuple(float(counts[name]) for counts in counted) for name in names}
        return Replay(
            user_id=user_id,
            clock="position",
            events=len(mine),
            every=step,
            moments=tuple(
                ReplayMoment(
                    as_of=end,
                    events=end,
                    event_id=str(mine[end - 1].event_id),
                    item_id=str(mine[end - 1].item_id),
                    title=self.titles[str(mine[end - 1].item_id)],
                    event_type=mine[end - 1].event_type,
                    leading=counts.most_common(1)[0][0],
                )
                for end, counts in zip(ends, counted, strict=True)
            ),
            lines=tuple(
                ReplayLine(
                    concept_id=name,
                    concept=name,
                    parent=None,
                    strength=told,
                    short_term=tuple(0.0 for _ in told),
                    long_term=told,
                    count=tuple(map(int, told)),
                )
                for name, told in values.items()
            ),
            cold=not mine,
            note="" if mine else f"{user_id} is not known: there is nothing to replay.",
        )

    def _counted(self, user_id: str, end: int | None = None) -> Counter[str]:
        mine = self.events.get(user_id, [])[:end]
        return Counter(shelf for event in mine for shelf in self.shelves_of[str(event.item_id)])
