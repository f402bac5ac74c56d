"""From a reader's shelf names, as goodbooks-10k has them, to genres a person would say.

A shelf name is reduced to one genre by the first rule whose pattern it matches; shelves that say nothing about the book
("to-read", "award-winner", "fiction", "20th-century-fiction") match no rule and are dropped.
"""

import math
import re
from collections.abc import Iterable, Sequence

UNTELLING = re.compile(r"award|^historical$|(sci|sf).*fantasy|fantasy.*(sci|sf)|speculative|vaginal")
"""Shelves that would mislead: prizes, and shelves that hold science fiction and fantasy alike."""

RULES: tuple[tuple[str, str], ...] = (
    (r"true-crime", "true crime"),
    (r"(shoujo|shojo)", "shoujo manga"),
    (r"manga|manhwa|anime", "manga"),
    (r"superhero|dc-comics|comics-dc", "superhero comics"),
    (r"comic-fantasy|fantasy-hum", "comic fantasy"),
    (r"graphic-novel|comic", "comics & graphic novels"),
    (r"picture-book|caldecott", "picture books"),
    (r"chapter-book", "chapter books"),
    (r"dystopia", "dystopia"),
    (r"urban", "urban fantasy"),
    (r"(fantasy-(high|epic)|heroic-fantasy|medieval-fantasy)", "epic fantasy"),
    (r"historical-fantasy", "historical fantasy"),
    (r"(animal-f|warriors)", "animal stories"),
    (r"(vampire)", "vampires"),
    (r"(paranormal|para-romance|supernatural-romance)", "paranormal romance"),
    (r"(witch|wizard)", "witches & wizards"),
    (r"dragon", "dragons"),
    (r"ghost", "ghost stories"),
    (r"(fairy-tales|folklore|traditional-literature)", "fairy tales & folklore"),
    (r"mytholog", "mythology"),
    (r"(gothic)", "gothic"),
    (r"(magical?-realism)", "magical realism"),
    (r"(space|alien)", "space & aliens"),
    (r"military-(sf|sci|science)", "military science fiction"),
    (r"hard-sci", "hard science fiction"),
    (r"cyberpunk", "cyberpunk"),
    (r"(alternat|alt-hist)", "alternate history"),
    (r"(nordic|scandinavian)", "Nordic noir"),
    (r"cozy|mystery-cozy", "cozy mystery"),
    (r"(historical-myster|mystery-historical)", "historical mystery"),
    (r"(legal)", "legal thrillers"),
    (r"(spy|cold-war)", "spy thrillers"),
    (r"(political-thriller)", "political thrillers"),
    (r"(techno|medical-thriller)", "techno-thrillers"),
    (r"(psychological-(thriller|suspense))", "psychological thrillers"),
    (r"(noir)", "noir"),
    (r"(detective|forensic)", "detective stories"),
    (r"(regency|historical-romance|historic-romance|romance-historical)", "historical romance"),
    (r"(erotic)", "erotic romance"),
    (r"(new-adult|college-romance|sports-romance|second-chance)", "new adult romance"),
    (r"(romantic-suspense|romance-suspense|suspense-romance|mystery-romance)", "romantic suspense"),
    (r"(contemp\w*-romance|romance-contemporary|modern-romance)", "contemporary romance"),
    (r"(chick-lit|women)", "women's fiction"),
    (r"(christian|inspirational|religious-fiction)", "Christian"),
    (r"(religion)", "religion"),
    (r"(world-war|military-history|civil-war)", "World War II & military history"),
    (r"((^|-)wars?(-|$)|warfare|military)", "war"),
    (r"(american-history|us-history|u-s-history|history-american)", "American history"),
    (r"((ancient|world|european|british|english|general)-hist|history-books|microhist)", "history"),
    (r"(historical-non|historical-fic|historicalfic|historic-fic|fiction-hist|historical-novel|historicals)",
     "historical fiction"),
    (r"(natural-history|science$|non-fiction-science)", "popular science"),
    (r"(economic|business)", "economics & business"),
    (r"politic", "politics"),
    (r"psycholog", "psychology"),
    (r"philosoph", "philosophy"),
    (r"(memoir|autobiog|auto-biog)", "memoir"),
    (r"(biograph|bio-|bios)", "biography"),
    (r"(poetry|plays)", "poetry & plays"),
    (r"(royal)", "royalty"),
    (r"(russian)", "Russian literature"),
    (r"(japanese|j-fiction)", "Japanese literature"),
    (r"(french)", "French literature"),
    (r"(german)", "German literature"),
    (r"(latin-american|spanish)", "Latin American & Spanish literature"),
    (r"(arabic)", "Arabic literature"),
    (r"(indian)", "Indian literature"),
    (r"(irish)", "Irish literature"),
    (r"(canadian)", "Canadian literature"),
    (r"(african-american)", "African American literature"),
    (r"(southern)", "Southern literature"),
    (r"(asian)", "Asian literature"),
    (r"(victorian|19th)", "Victorian literature"),
    (r"(short-fiction)", "short stories"),
    (r"(metafiction|transgressive|weird-fiction)", "experimental fiction"),
    (r"(middle-grade|juvenile|junior)", "middle grade"),
    (r"(child|kids)", "children's books"),
    (r"(ya-contemp|contemporary-ya|ya-realistic|realistic-fiction)", "realistic fiction"),
    (r"(ya-|-ya|^ya$|young-adult|teen|youth)", "young adult"),
    (r"(sci-?fi|science-?fiction|^sf-|-sf$|hugo)", "science fiction"),
    (r"(fantasy|magic)", "fantasy"),
    (r"(horror|creepy)", "horror"),
    (r"(thriller|suspense)", "thriller"),
    (r"(myster|crime)", "mystery & crime"),
    (r"(romance|love-story)", "romance"),
    (r"(american-lit|american-classics)", "American literature"),
    (r"(british-lit|english-lit|british-fic|english-classics)", "British literature"),
    (r"(classic)", "classics"),
    (r"(literary|pulitzer|modern-classics|national-book)", "literary fiction"),
    (r"(histor)", "history"),
    (r"(non-?fiction)", "nonfiction"),
    (r"(contemporary)", "contemporary"),
)  # fmt: skip

_COMPILED = [(re.compile(pattern), genre) for pattern, genre in RULES]


def genre_of(shelf: str) -> str | None:
    """The genre a shelf name stands for, or None where it says nothing about the book."""
    if UNTELLING.search(shelf):
        return None
    return next((genre for pattern, genre in _COMPILED if pattern.search(shelf)), None)


def genres_of(shelves: Iterable[str]) -> dict[str, int]:
    """Genre → how many of a book's shelves stand for it."""
    votes: dict[str, int] = {}
    for genre in map(genre_of, shelves):
        if genre is not None:
            votes[genre] = votes.get(genre, 0) + 1
    return votes


def choose(votes: Sequence[dict[str, int]], *, most: int = 5) -> list[list[str]]:
    """At most `most` genres a book, those with the highest votes × log(books / books with the genre)."""
    books_with: dict[str, int] = {}
    for book in votes:
        for genre in book:
            books_with[genre] = books_with.get(genre, 0) + 1

    def weight(book: dict[str, int], genre: str) -> float:
        return math.sqrt(book[genre]) * math.log(1 + len(votes) / books_with[genre])

    return [sorted(book, key=lambda g, b=book: (-weight(b, g), g))[:most] for book in votes]  # type: ignore[misc]
