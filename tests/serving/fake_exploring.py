"""What the fake model explores: interests to discover, questions to ask, and how a slate was decided."""

from math import prod
from typing import Any

from penchant.pipeline.questions import Question, Questions
from penchant.records import Decision, Discoveries, Discovery, Exploring, LoggedSlot, Slate

SHELVES = {
    "epic fantasy": [
        "The Way of Kings",
        "The Name of the Wind",
        "A Game of Thrones",
        "Mistborn",
        "The Eye of the World",
    ],
    "japanese fiction": [
        "Kafka on the Shore",
        "雪国 (Snow Country)",
        "Norwegian Wood",
        "Kokoro",
        "Convenience Store Woman",
    ],
    "dystopia": ["1984", "Brave New World", "The Handmaid's Tale", "Never Let Me Go", "Fahrenheit 451"],
    "popular science": ["Cosmos", "A Brief History of Time", "The Selfish Gene", "Sapiens", "Silent Spring"],
    "crime": ["The Big Sleep", "Gone Girl", "In Cold Blood", "The Hound of the Baskervilles", "Out"],
    "food & travel 🍜": [
        "Kitchen Confidential",
        "A Moveable Feast",
        "<script>alert('x')</script> & <b>Sons</b>",
        "Salt",
        "Heat",
    ],
}
ODD_ITEM = "b/2 <script>?#%2F.."
TRIED = Exploring(concept_id="crime", concept="crime", text="exploring: crime; many come to it")
ODD_USER = "读者 7/ü 🐉?#%2F"


def decision_on(slate: Slate, *, place: int, request_id: str | None) -> Decision:
    """The decision behind a slate, as the `place`-th."""
    return Decision(
        slate_id=slate.slate_id,
        user_id=slate.user_id,
        decided_at=1_700_000_000_000_000 + 1_000 * place,
        policy=slate.policy,
        policy_version="1",
        bundle=slate.bundle,
        slots=tuple(
            LoggedSlot(
                item_id=item.item_id,
                position=item.rank,
                propensity=item.propensity,
                prefix_propensity=prod(before.propensity for before in slate.items[: item.rank]),
                explored=item.explored,
                tries=None if item.exploring is None else item.exploring.concept_id,
            )
            for item in slate.items
        ),
        seed=0,
        eligible=tuple(item.item_id for item in slate.items),
        scores=tuple(item.score for item in slate.items),
        variances=tuple(1.0 for _ in slate.items),
        request_id=request_id,
    )


class FakeExploring:
    """Discovers the shelves that a user read nothing of."""

    attempts: list[tuple[str, str]]
    shelves_of: dict[str, list[str]]
    edits: Any
    _events: Any
    _has: Any

    def questions(self, user_id: str, n: int = 3) -> Questions:
        """Whether he likes the first shelves that he said nothing of."""
        said = {entry.edit.concept_id for entry in self.edits(user_id)}
        found = tuple(
            Question(concept_id=shelf, concept=shelf, parent=None, text=f"Do you like {shelf}?", chance=0.5, gain=0.1)
            for shelf in [shelf for shelf in SHELVES if shelf not in said][:n]
        )
        return Questions(user_id=user_id, questions=found, answered=len(said), unknown=1.0)

    def discover(self, user_id: str, limit: int = 5) -> Discoveries:
        """The shelves that a user read nothing of, in their order."""
        mine = self._events(user_id)
        open_shelves = [shelf for shelf in SHELVES if not any(self._has(event, shelf) for event in mine)]
        found = tuple(
            Discovery(
                concept_id=shelf,
                concept=shelf,
                parent=None,
                chance=1 / len(open_shelves),
                strength=0.0,
                uncertainty=1.0,
                via_id=None,
                via=None,
                text="many come to it",
                items=tuple(item_id for item_id, shelves in self.shelves_of.items() if shelf in shelves)[:5],
            )
            for shelf in open_shelves
        )
        return Discoveries(
            user_id=user_id,
            as_of=len(mine),
            interests=found[:limit],
            known=len(SHELVES) - len(open_shelves),
            cold=not mine,
        )

    def readings(self) -> dict[str, int]:
        return {"fitted": 3, "read": 1}

    def tried(self, user_id: str, concept_ids: tuple[str, ...], at: int) -> None:
        assert at > 0
        self.attempts += [(user_id, concept_id) for concept_id in concept_ids]
