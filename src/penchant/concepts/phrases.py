"""Key phrases of titles, for catalogues without tags or categories."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a about all an and are as at be but by can do for from get has have he her his how i if in into is it its my
        new no not of off on one or our out over set she so that the their them they this to up us was we what when
        who will with you your pack size inch oz ounce count pcs piece pieces volume vol edition book part
        """,
    )
)
WORD = re.compile(r"[^\W\d_][\w'’]*", re.UNICODE)


def key_phrases(titles: Sequence[str], *, min_items: int, max_per_title: int = 3) -> Iterator[list[str]]:
    """For each title its most telling phrases of one or two words.

    A phrase counts where at least `min_items` titles have it. Within a title, phrases are taken from the rarest up
    (inverse document frequency), two words before one where both have equal support; words of a chosen pair are not
    chosen again alone.
    """
    documents = [list(dict.fromkeys(_phrases(title))) for title in titles]
    frequency = Counter(phrase for document in documents for phrase in document)
    for document in documents:
        known = [p for p in document if frequency[p] >= min_items]
        known.sort(key=lambda p: (frequency[p], -p.count(" "), p))
        chosen: list[str] = []
        for phrase in known:
            if len(chosen) < max_per_title and not any(set(phrase.split()) & set(c.split()) for c in chosen):
                chosen.append(phrase)
        yield chosen


def _phrases(title: str) -> Iterator[str]:
    words = [w.casefold() for w in WORD.findall(title)]
    telling = [len(w) > 2 and w not in STOP_WORDS for w in words]
    for i, word in enumerate(words):
        if telling[i]:
            yield word
            if i + 1 < len(words) and telling[i + 1]:
                yield f"{word} {words[i + 1]}"
