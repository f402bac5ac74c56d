"""Strengths, trends and reasons in plain words."""

from penchant.records import Trend

VERBS = {
    "purchase": "bought",
    "buy": "bought",
    "rating": "rated",
    "review": "reviewed",
    "click": "clicked on",
    "view": "viewed",
    "watch": "watched",
    "play": "played",
    "listen": "listened to",
    "read": "read",
    "like": "liked",
    "add_to_cart": "put in the cart",
}


def shortened(text: str, most: int = 120) -> str:
    """A text in one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def strength_word(strength: float) -> str:
    """A strength in standard deviations over users, as a word."""
    for floor, word in ((2.0, "very strong"), (1.0, "strong"), (0.4, "moderate"), (-0.4, "slight")):
        if strength >= floor:
            return word
    return "below most users"


def summary(strength: float, trend: Trend, *, count: int, recent: int, last: str, nouns: tuple[str, str]) -> str:
    """An interest in words: "strong and rising (14 books, 3 lately, last: Dune)"."""
    support = f"{count} {nouns[0] if count == 1 else nouns[1]}" if count else "no " + nouns[1]
    if trend in ("rising", "new") and 0 < recent < count:
        support += f", {recent} lately"
    tail = f", last: {last}" if last else ""
    direction = f" and {trend}" if strength >= -0.4 else ""
    return f"{strength_word(strength)}{direction} ({support}{tail})"


def because_of_event(event_type: str, title: str) -> str:
    """Why a neighbour of something in the history is here."""
    verb = VERBS.get(event_type)
    return f"because you {verb} {title}" if verb else f"because of {title}"


def because_of_concept(concept: str, *, count: int, last: str, contribution: float, nouns: tuple[str, str]) -> str:
    """Why an item with this concept is here, or what speaks against it."""
    if contribution < 0:
        return f"{concept}: less your thing"
    if not count:
        return f"{concept}: close to what you like"
    support = f"{count} of your {nouns[1]}" if count > 1 else f"one of your {nouns[1]}"
    return f"{concept}: {support}, such as {last}"


def why_to_discover(sign: str, concept: str, *, via: str) -> str:
    """Why an interest is worth a try: by which sign (`penchant.exploration.interest_discovery.FEATURES`)."""
    if sign == "reached":
        return f"many who like {via} come to {concept} later"
    if sign == "meaning":
        return f"it is close to {via}, which you know"
    if sign == "popular":
        return "many come to it"
    return f"what you took last points to it, by way of {via}"


def did_what(event_type: str) -> str:
    """What the user did, as in "had you not read it" or "you read it"; "chosen" where there is no word for it."""
    return VERBS.get(event_type, "chosen")


def why(place: str, reasons: list[str]) -> str:
    """Where an item stands and the reasons for it, as one sentence."""
    if not reasons:
        return f"{place}: nothing in particular speaks for it."
    return f"{place}: {' and '.join(reasons)}."
