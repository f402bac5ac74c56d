"""A text as clauses, so that an opinion goes to what it is about: "loved the plot, hated the romance".

Sentences end at full stops, question and exclamation marks and line breaks. Inside one, words of contrast ("but",
"although", 但是) always part clauses. Commas, "and" and the like part them where both sides name something and say
something of it; otherwise they join a list ("the plot, pace and people are great") or a chain of adjectives.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from penchant.interests.text.lexicon import BESIDES, CONCESSIONS, CONTRASTS, Lexicon
from penchant.interests.text.tokens import Token

BEFORE_CONTRAST, AFTER_CONTRAST = 0.5, 1.5
"""What the sides of a "but" count for in the text as a whole (Hutto and Gilbert 2014)."""
ENDS = frozenset(".!?。！？…")
COMMAS = frozenset(",;:，、；：()（）[]【】|/—–")
JOINING = frozenset(
    {"and", "or", "while", "plus", "also", "because", "since"}
    | {"和", "与", "及", "而", "而且", "并且", "也", "还", "以及"}
)


@dataclass(frozen=True, slots=True)
class Clause:
    """The part of a text that an opinion in it is about."""

    first: int
    last: int
    """Tokens first ≤ t < last."""
    weight: float
    """What it counts for in the text as a whole: less before a contrast, more after it."""
    sentence: int


def named(words: Sequence[Token], spans: Sequence[tuple[int, int]]) -> list[bool]:
    """(tokens,) which tokens are within a name; the spans ascend and do not overlap."""
    inside, at = [], 0
    for token in words:
        while at < len(spans) and spans[at][1] <= token.start:
            at += 1
        inside.append(at < len(spans) and spans[at][0] < token.end)
    return inside


def clauses(words: Sequence[Token], names: Sequence[bool], lexicon: Lexicon) -> list[Clause]:
    """The clauses of a text, in order, together all of its tokens."""
    found: list[Clause] = []
    start = sentence = 0
    for n in range(len(words) + 1):
        if n == len(words) or (words[n].kind in ("mark", "lines") and not names[n] and _ends(words, n)):
            if n > start:
                found += _of_sentence(words, names, lexicon, start, min(n + 1, len(words)), sentence)
                sentence += 1
            elif found and n < len(words):  # "!!!": the marks belong to the sentence that they end
                end = found.pop()
                found.append(Clause(end.first, n + 1, end.weight, end.sentence))
            start = n + 1
    return found


def opinions(words: Sequence[Token], names: Sequence[bool], lexicon: Lexicon) -> list[bool]:
    """(tokens,) which tokens hold an opinion."""
    return [not names[n] and lexicon.at(words, n) != 0 for n in range(len(words))]


def _ends(words: Sequence[Token], n: int) -> bool:
    if words[n].kind == "lines":
        return True
    if words[n].text == "." and 0 < n < len(words) - 1 and words[n + 1].start == words[n].end:
        before, after = words[n - 1].text, words[n + 1].text
        return not (len(before) == 1 or (before.isdigit() and after.isdigit()))  # J.R.R., 3.5
    return words[n].text in ENDS


def _of_sentence(
    words: Sequence[Token], names: Sequence[bool], lexicon: Lexicon, first: int, last: int, sentence: int
) -> list[Clause]:
    """Hard parts at contrasts and concessions, each cut again at commas and "and" where both sides are whole."""
    cuts: list[tuple[int, str]] = [(first, "")]
    conceding, comma = False, first
    for n in range(first, last):
        word = words[n].folded
        if names[n]:
            continue
        if _contrast(words, n, first):
            # 却 stands behind what it is said of: "爱情线却很无聊" begins at the comma.
            cuts.append((comma if word == "却" and comma > cuts[-1][0] else n, "contrast"))
            conceding = False
        elif word in CONCESSIONS:
            cuts.append((n, "concession"))
            conceding = True
        elif conceding and word in COMMAS:
            cuts.append((n, "main"))
            conceding = False
        if word in COMMAS:
            comma = n
    weights: list[float] = []
    for _, kind in cuts:
        if kind == "contrast" and weights and weights[-1] <= 1:
            weights[-1] = BEFORE_CONTRAST
        weights.append({"contrast": AFTER_CONTRAST, "concession": BEFORE_CONTRAST}.get(kind, 1.0))
    ends = [start for start, _ in cuts[1:]] + [last]
    found: list[Clause] = []
    for (start, _), end, weight in zip(cuts, ends, weights, strict=True):
        found += [Clause(a, b, weight, sentence) for a, b in _soft(words, names, lexicon, start, end)]
    return found


def _contrast(words: Sequence[Token], n: int, first: int) -> bool:
    if words[n].folded not in CONTRASTS:
        return False
    said = {token.folded for token in words[max(first, n - 12) : n]}
    also = n + 1 < len(words) and words[n + 1].folded in ("also", "even", "too")
    return not (also and "not" in said and said & BESIDES)


def _soft(
    words: Sequence[Token], names: Sequence[bool], lexicon: Lexicon, first: int, last: int
) -> list[tuple[int, int]]:
    """Pieces between commas, put together again unless both sides name something and have an opinion of it."""
    held = opinions(words[first:last], names[first:last], lexicon)
    bounds = [first]
    for n in range(first + 1, last):
        faced = words[n - 1].kind == "emoji" and words[n].kind != "emoji"  # "plot 👍 romance 👎"
        if faced or (not names[n] and (words[n].folded in COMMAS or words[n].folded in JOINING)):
            bounds.append(n)
    pieces = [(a, b) for a, b in zip(bounds, [*bounds[1:], last], strict=True) if b > a]
    merged: list[tuple[int, int, bool, bool]] = []  # from, to, holds an opinion, names something
    waiting = -1  # where an adjective that goes with the next piece began: "the slow, tedious romance"
    for number, (a, b) in enumerate(pieces):
        start, opinion, name = a, any(held[a - first : b - first]), any(names[a:b])
        if waiting >= 0:
            start, opinion, waiting = waiting, True, -1
        following = pieces[number + 1] if number + 1 < len(pieces) else None
        if (
            merged
            and opinion
            and not name
            and held[b - 1 - first]
            and following
            and _adjective(words, held, following, first)
        ):
            waiting = start
        elif merged and not (all(merged[-1][2:]) and opinion and name):
            merged[-1] = (merged[-1][0], b, merged[-1][2] or opinion, merged[-1][3] or name)
        else:
            merged.append((start, b, opinion, name))
    return [(a, b) for a, b, _, _ in merged]


def _adjective(words: Sequence[Token], held: Sequence[bool], piece: tuple[int, int], first: int) -> bool:
    """Whether a piece is a comma and an opinion: one more adjective of what follows."""
    a, b = piece
    return words[a].folded in COMMAS and a + 1 < b and held[a + 1 - first]
