"""Alarms in plain words."""

from penchant.interests.drift import Kind


def told(kind: Kind, concept: str, *, touching: int, of: int, first: str, nouns: tuple[str, str]) -> str:
    """An alarm in words: "new interest: horror, since Carrie (4 of 5 books)".

    `touching` of the `of` events between the beginning of the change and its being noticed touch the concept; `first`
    is the title of the first of them.
    """
    things = nouns[0] if of == 1 else nouns[1]
    since = f"since {first}" if first else "lately"
    share = f"({touching} of {of} {things})"
    if kind == "faded":
        return f"faded: {concept}, {since} {share}"
    if kind == "shift":
        return f"{nouns[1]} unlike those before, {since}"
    head = {"new": "new interest", "returning": "back again", "rising": "more than before"}[kind]
    return f"{head}: {concept}, {since} {share}"
