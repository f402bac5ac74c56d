import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.data.importing import ImportConfig, import_source
from penchant.errors import SchemaError
from tests.data.tables import events_of, imported
from tests.data.test_delimited import SLOW

MICROSECONDS = 1_600_000_000_123_456


def stamps(tmp_path: Path, *values: str, **asked: object) -> tuple[list[int], dict[str, int], str]:
    text = "user,item,time\n" + "".join(f'u,i{k},"{value}"\n' for k, value in enumerate(values))
    report, folder = imported(tmp_path, "events.csv", text, **asked)
    rows = sorted(events_of(folder, ["item_id", "timestamp"]))
    return [row[1] for row in rows], dict(report.times), report.clock


@pytest.mark.parametrize(
    ("value", "expected", "unit"),
    [
        ("1600000000", 1_600_000_000_000_000, "seconds"),
        ("1600000000.5", 1_600_000_000_500_000, "seconds"),
        ("1.6e9", 1_600_000_000_000_000, "seconds"),
        ("1600000000123", 1_600_000_000_123_000, "milliseconds"),
        ("1600000000123456", MICROSECONDS, "microseconds"),
        ("1600000000123456789", MICROSECONDS, "nanoseconds"),
        ("2020-09-13T12:26:40.123456Z", MICROSECONDS, "ISO 8601"),
        ("2020-09-13 12:26:40.123456", MICROSECONDS, "ISO 8601"),
        ("2020-09-13T20:26:40.123456+08:00", MICROSECONDS, "ISO 8601"),
        ("2020-09-13", 1_599_955_200_000_000, "ISO 8601"),
        ("2020/09/13", 1_599_955_200_000_000, "ISO 8601"),
        ("20200913", 1_599_955_200_000_000, "dates as given by a format"),
        ("20200913122640", 1_600_000_000_000_000, "dates as given by a format"),
    ],
)
def test_a_time_tells_its_unit(tmp_path: Path, value: str, expected: int, unit: str) -> None:
    found, times, clock = stamps(tmp_path, value)
    assert found == [pytest.approx(expected, abs=1)]
    assert times == {unit: 1}
    assert clock == "time"


def test_units_may_be_mixed(tmp_path: Path) -> None:
    found, times, _ = stamps(tmp_path, "1600000000", "1600000000000", "2020-09-13T12:26:40Z")
    assert set(found) == {1_600_000_000_000_000}
    assert times == {"seconds": 1, "milliseconds": 1, "ISO 8601": 1}


def test_small_numbers_are_positions(tmp_path: Path) -> None:
    found, times, clock = stamps(tmp_path, "3", "1", "2")
    assert (found, times, clock) == ([3, 1, 2], {}, "position")
    found, _, clock = stamps(tmp_path, "3", "1", "2", clock="time")
    assert (found, clock) == ([3_000_000, 1_000_000, 2_000_000], "time")


def test_a_format_can_be_given(tmp_path: Path) -> None:
    found, _, _ = stamps(tmp_path, "13/09/2020", "14/09/2020", time_format="%d/%m/%Y")
    assert found == [1_599_955_200_000_000, 1_600_041_600_000_000]


def test_words_are_no_positions(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="positions"):
        stamps(tmp_path, "monday", clock="position")


@settings(SLOW, max_examples=15)
@given(st.lists(st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2199, 1, 1)), min_size=1, max_size=20))  # noqa: DTZ001
def test_iso_times_are_exact_to_the_microsecond(tmp_path: Path, moments: list[dt.datetime]) -> None:
    lines = "".join(f"u,i{k},{moment.isoformat()}Z\n" for k, moment in enumerate(moments))
    (tmp_path / "e.csv").write_text("user,item,time\n" + lines)
    import_source(tmp_path / "e.csv", tmp_path / "dataset", config=ImportConfig())
    found = dict(events_of(tmp_path / "dataset", ["item_id", "timestamp"]))
    for k, moment in enumerate(moments):
        since = moment.replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        assert found[f"i{k}"] == since // dt.timedelta(microseconds=1)
