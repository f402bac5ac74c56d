"""Moments in time as clients write them, in UTC microseconds; units by size as in `penchant.data.moments`."""

from datetime import UTC, datetime

_LONGEST_SECONDS = 10**11  # in seconds the year 5138, in milliseconds 1973
_LONGEST_MILLISECONDS = 10**14
_LONGEST_MICROSECONDS = 10**17
_LONGEST_NANOSECONDS = 2**62


def microseconds(moment: int | float | str) -> int:
    """UTC microseconds of a moment in seconds, milli-, micro- or nanoseconds since 1970, or in ISO 8601.

    The unit of a number is read off its size, as the import does, which is unambiguous from March 1973 to the year
    2116; an ISO moment without an offset is UTC. Raises `ValueError`, whose message says what is allowed.
    """
    if isinstance(moment, str):
        try:
            parsed = datetime.fromisoformat(moment.strip())
        except ValueError:
            raise ValueError("not a moment in ISO 8601, such as 2026-05-01T12:30:00Z") from None
        if parsed.tzinfo is None:
            parsed = parsed.replace(tzinfo=UTC)
        since = parsed - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    size = abs(moment)
    if not size < _LONGEST_NANOSECONDS:
        raise ValueError("too large for nanoseconds since 1970")
    if size < _LONGEST_SECONDS:
        return round(moment * 1_000_000)
    if size < _LONGEST_MILLISECONDS:
        return round(moment * 1_000)
    if size < _LONGEST_MICROSECONDS:
        return round(moment)
    return round(moment / 1_000)
