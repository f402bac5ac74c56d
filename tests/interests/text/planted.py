"""PLANTED TEXTS: everything here is made up for the tests. Nobody wrote these reviews; no result on them is a result on
people. They say whether the code finds what was put in, and how a lexicon and a trained head differ where it is known.

A review names one to three of ten concepts, each with an opinion in words that were written by hand: plain ("the plot
was brilliant"), denied ("was not convincing"), and idioms that no lexicon has ("I gave up on"). Each group is split in
two, and the second half of every group is used in test reviews only, so that a head cannot know it by heart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from penchant.concepts.vocabulary import Concept, Vocabulary
from penchant.data.dataset import Table
from penchant.seeding import numpy_rng
from penchant.types import AnyArray

CONCEPTS = (
    "romance",
    "space opera",
    "courtroom drama",
    "cooking",
    "travel",
    "horror",
    "magic system",
    "world war",
    "football",
    "philosophy",
)
ALIASES = {"space opera": ("space operas", "galactic empire"), "football": ("soccer",)}
FOR = {
    "plain": (
        "the {c} was brilliant",
        "I loved the {c}",
        "the {c} is excellent",
        "a beautiful take on {c}",
        "I really enjoyed the {c}",
        "the {c} is delightful",
        "very well done {c}",
        "such wonderful {c}",
    ),
    "denied": (
        "the {c} is not bad at all",
        "never a boring moment in the {c}",
        "you will not regret the {c}",
        "I had no complaints about the {c}",
        "the {c} does not disappoint",
        "the {c} never gets tedious",
        "nothing wrong with the {c}",
        "the {c} isn't dull for a second",
    ),
    "idiom": (
        "I could not put the {c} down",
        "the {c} kept me up all night",
        "I would read ten more volumes of the {c}",
        "the {c} had me from page one",
        "take my money for more {c}",
        "I keep coming back to the {c}",
        "the {c} made the whole thing",
        "I finished the {c} in one sitting",
    ),
}
AGAINST = {
    "plain": (
        "the {c} was awful",
        "I hated the {c}",
        "the {c} is boring",
        "a terrible take on {c}",
        "I really disliked the {c}",
        "the {c} is disappointing",
        "very badly done {c}",
        "such dreadful {c}",
    ),
    "denied": (
        "the {c} is not good",
        "the {c} was never convincing",
        "I did not enjoy the {c}",
        "hardly an interesting moment in the {c}",
        "the {c} isn't worth it",
        "I can't recommend the {c}",
        "no fun in the {c} at all",
        "the {c} does not impress",
    ),
    "idiom": (
        "I gave up on the {c} halfway",
        "the {c} put me to sleep",
        "the {c} went nowhere",
        "I want my evening back after the {c}",
        "I skimmed the {c}",
        "the {c} could have been half as long",
        "the {c} was a chore to get through",
        "I kept checking how many pages of {c} were left",
    ),
}
PLAIN = ("It arrived on Tuesday.", "I borrowed it from the library.", "My sister has the same edition.", "")


MEANT = {
    "romance": (
        "The two of them fall in love slowly over a summer.",
        "Their first kiss came two hundred pages too late.",
        "A love story between a nurse and a soldier.",
        "Will they or won't they get together, and then a wedding.",
        "She cannot choose between the two men who adore her.",
        "A tender affair that ends in marriage.",
    ),
    "space opera": (
        "Starships, alien fleets and an emperor who rules a thousand planets.",
        "Interstellar war among far colonies of mankind.",
        "A captain and her crew flee across the galaxy.",
        "The fate of many worlds hangs on one spaceship.",
        "Laser battles between the stars.",
        "An epic of alien civilisations and faster than light ships.",
    ),
    "courtroom drama": (
        "The lawyer's closing speech to the jury.",
        "A trial in which the judge knows more than he says.",
        "The defence attorney finds a witness who lied under oath.",
        "Objections, cross-examinations and a surprising verdict.",
        "An innocent man waits for the jury to come back.",
        "Prosecutors and lawyers fight over one piece of evidence.",
    ),
    "cooking": (
        "Recipes for stews, breads and sauces.",
        "How to roast a chicken so that the skin is crisp.",
        "A chef tells what happens in his kitchen.",
        "I baked three of the cakes at the weekend.",
        "Everything about spices and how to season a dish.",
        "Dinner for six from one pot.",
    ),
    "travel": (
        "Six months with a backpack through South America.",
        "A journey by train from Paris to Istanbul.",
        "Tips on hotels, flights and sights in Japan.",
        "Walking from village to village in foreign countries.",
        "A tourist's diary of Rome and Naples.",
        "Where to go on your next holiday abroad.",
    ),
    "horror": (
        "Something with teeth lives under the stairs.",
        "A haunted house from which nobody returns.",
        "The ghosts scared me so much that I left the lights on.",
        "Blood, screams and a masked man with an axe.",
        "Zombies crawl out of their graves.",
        "It gave me nightmares for a week, so frightening.",
    ),
    "magic system": (
        "Spells cost the wizard a memory each, and the rules are strict.",
        "Metals are swallowed to gain supernatural powers.",
        "How sorcery works in this world is explained in detail.",
        "Mages draw runes to bend fire and water.",
        "The rules of enchantment are clever and consistent.",
        "Every witch has one gift, and using it has a price.",
    ),
    "world war": (
        "Soldiers in the trenches of 1916.",
        "D-Day as seen by a paratrooper.",
        "How the Allies defeated Nazi Germany.",
        "A family in London during the Blitz.",
        "The battle of Stalingrad, street by street.",
        "Tanks, bombers and the occupation of France in 1940.",
    ),
    "football": (
        "The striker scored in the last minute of the cup final.",
        "How a small club won the league.",
        "A goalkeeper's memories of the World Cup.",
        "Tactics, passing and pressing explained by a coach.",
        "Fans in the stadium sang until the final whistle.",
        "Penalties, offside and a red card.",
    ),
    "philosophy": (
        "What Kant and Plato thought of the good life.",
        "Is there free will, and what is consciousness?",
        "An essay on ethics and the meaning of existence.",
        "Stoics on how to bear misfortune.",
        "Arguments about truth, knowledge and being.",
        "Nietzsche for beginners.",
    ),
}
"""What means a concept and does not name it: the first three of each to choose a threshold on, the others to judge."""


@dataclass(frozen=True)
class Review:
    """One planted review."""

    text: str
    polarity: dict[str, int]
    """+1 or −1 of each concept it names"""
    rating: int
    """1 to 5: more for than against is 4 or 5, less is 1 or 2, as many 3"""
    kinds: frozenset[str]
    """Which groups of wording it uses"""


def named(names: Sequence[str], activations: AnyArray | None = None) -> Vocabulary:
    """A vocabulary of names, and what (I, C) items activate them: none where nothing is given."""
    concepts = tuple(
        Concept(id=f"tags:{n.replace(' ', '-')}", name=n, kind="tags", parent=None, items=5) for n in names
    )
    given = np.zeros((0, len(names))) if activations is None else activations
    return Vocabulary(concepts=concepts, activations=sp.csr_array(given.astype(np.float32)))


def vocabulary() -> Vocabulary:
    """The ten concepts, without items."""
    return named(CONCEPTS)


def aliases() -> dict[str, tuple[str, ...]]:
    """Other names, by concept id."""
    return {f"tags:{c.replace(' ', '-')}": names for c, names in ALIASES.items()}


def reviews(n: int, *, seed: int, unseen: bool = False) -> list[Review]:
    """N planted reviews; `unseen` takes the half of the wordings that is kept for tests."""
    rng = numpy_rng(seed, "planted reviews", str(unseen))
    made = []
    for _ in range(n):
        chosen = rng.choice(len(CONCEPTS), size=int(rng.integers(1, 4)), replace=False)
        signs = {CONCEPTS[c]: int(rng.choice([-1, 1])) for c in chosen}
        parts, kinds = [], set()
        for name, sign in signs.items():
            kind = str(rng.choice(list(FOR)))
            kinds.add(kind)
            wordings = (FOR if sign > 0 else AGAINST)[kind]
            half = wordings[len(wordings) // 2 :] if unseen else wordings[: len(wordings) // 2]
            shown = str(rng.choice((name, *ALIASES.get(name, ()))))
            parts.append(str(rng.choice(half)).format(c=shown))
        total = sum(signs.values())
        rating = 3 if total == 0 else int(rng.choice((4, 5) if total > 0 else (1, 2)))
        made.append(Review(_joined(parts, list(signs.values()), rng), signs, rating, frozenset(kinds)))
    return made


def _joined(parts: list[str], signs: list[int], rng: np.random.Generator) -> str:
    text = parts[0]
    for n in range(1, len(parts)):
        differs = signs[n] != signs[n - 1]
        text += str(rng.choice((" but ", ", but ", ". ") if differs else (" and ", ", and ", ". "))) + parts[n]
    text = ". ".join(s[:1].upper() + s[1:] for s in text.split(". ")) + "."
    return " ".join(filter(None, (text, str(rng.choice(PLAIN)))))


def books() -> tuple[Vocabulary, Table]:
    """A catalogue with difficult titles: common words, one word, several, brackets, Chinese; and their makers."""
    titles = ("It", "Dune (Dune, #1)", "Holes", "The Hobbit: There and Back Again", "Harry Potter", "三体")
    makers = (
        "Stephen King",
        "Frank Herbert",
        "Louis Sachar",
        "J.R.R. Tolkien",
        "J.K. Rowling, Mary GrandPré",
        "刘慈欣",
    )
    names = ("horror", "sci-fi", "mystery", "travel", "romance", "科幻小说", "爱情", "plot", "fantasy", "science")
    on = ((0,), (1, 9), (2,), (3, 8), (4, 8), (1, 5))
    activations = np.zeros((len(titles), len(names)))
    for row, concepts in enumerate(on):
        activations[row, list(concepts)] = len(concepts) ** -0.5
    columns = {"title": np.array(titles, dtype=object), "authors": np.array(makers, dtype=object)}
    return named(names, activations), Table(ids=tuple(f"b{n}" for n in range(len(titles))), columns=columns)
