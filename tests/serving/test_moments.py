"""Moments as clients write them."""

import pytest

from penchant.serving.moments import microseconds

MOMENT = 1_700_000_000_123_456


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (MOMENT, MOMENT),
        (MOMENT // 1_000, MOMENT // 1_000 * 1_000),
        (1_700_000_000, 1_700_000_000_000_000),
        (1_700_000_000.5, 1_700_000_000_500_000),
        ("2023-11-14T22:13:20.123456Z", MOMENT),
        ("2023-11-14T22:13:20.123456+00:00", MOMENT),
        (" 2023-11-14 22:13:20.123456 ", MOMENT),
        ("2023-11-15T06:13:20.123456+08:00", MOMENT),
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        (MOMENT * 1_000, MOMENT),
        (0, 0),
    ],
)
def test_every_way_of_writing_a_moment(written, read):
    assert microseconds(written) == read


@pytest.mark.parametrize("written", ["", "soon", "14/11/2023", 10**19, -(10**19), float("inf"), float("nan")])
def test_what_is_no_moment(written):
    with pytest.raises(ValueError, match=r"ISO 8601|too large"):
        microseconds(written)
