import csv
import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from penchant.data.scanning import TextFile
from penchant.data.sources.delimited import Delimited
from penchant.errors import SourceError
from tests.data.tables import staged

SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

FIELD = st.text(
    st.one_of(
        st.sampled_from("\",\n\r\t; '\\|\x1b\x1f#"), st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    ),
    max_size=8,
)


def physical_lines(text: str) -> int:
    return len(list(io.StringIO(text, newline="")))


@SLOW
@given(
    width=st.integers(1, 4),
    data=st.data(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block=st.sampled_from([5, 16, 64, 1 << 20]),
)
def test_rows_of_a_well_formed_file_are_those_of_the_csv_module(
    tmp_path: Path, width: int, data: st.DataObject, end: str, quoting: Literal[0, 1], block: int
) -> None:
    rows = data.draw(st.lists(st.lists(FIELD, min_size=width, max_size=width), max_size=12))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, quoting=quoting)
    writer.writerow([f"c{k}" for k in range(width)])
    writer.writerows(rows)
    path = tmp_path / "table.csv"
    path.write_bytes(out.getvalue().encode())
    with path.open(newline="", encoding="utf-8") as file:
        expected = [tuple(row) for row in csv.reader(file) if row][1:]
    assume(expected == [tuple(row) for row in rows])  # Python 3.11 writes a lone CR without quotes

    account, found, bad = staged(Delimited(TextFile(path=path, block_bytes=block)), tmp_path / "work")

    assert found == expected
    assert not bad
    assert account.records == account.rows == len(rows)


SOUP = st.text(st.sampled_from('aé中",\n\r'), max_size=60)


@SLOW
@given(body=SOUP, block=st.sampled_from([3, 8, 1 << 20]), limit=st.sampled_from([12, 1 << 20]))
def test_every_line_of_any_text_is_kept_set_aside_or_dropped(tmp_path: Path, body: str, block: int, limit: int) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n" + body.encode())
    reader = Delimited(TextFile(path=path, block_bytes=block, max_record_bytes=limit))

    account, found, bad = staged(reader, tmp_path / "work")

    assert account.records == account.rows + account.quarantined + sum(account.dropped.values())
    assert len(found) == account.rows
    assert len(bad) == account.quarantined
    kept_lines = sum(physical_lines(raw) for _, _, raw, _ in account.show(np.arange(account.rows)))
    over_long = [row for row in bad if "longer than" in row["reason"]]
    if not over_long:  # their raw text is cut
        bad_lines = sum(physical_lines(row["raw"]) for row in bad)
        assert kept_lines + bad_lines + sum(account.dropped.values()) == physical_lines(body)
    try:
        strict = [tuple(row) for row in csv.reader(io.StringIO(body, newline=""), strict=True) if row]
    except csv.Error:
        return
    if limit > len(body.encode()) and all(len(row) == 2 for row in strict):
        assert found == strict


@SLOW
@given(body=st.binary(max_size=80), block=st.sampled_from([4, 1 << 20]))
def test_any_bytes_are_accounted_for(tmp_path: Path, body: bytes, block: int) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n1,2\n" + body)
    try:
        account, found, bad = staged(Delimited(TextFile(path=path, block_bytes=block)), tmp_path / "work")
    except SourceError:  # refused whole as binary
        assert body.count(0) > len(body) // 20
        return
    assert account.records == len(found) + len(bad) + sum(account.dropped.values())
    assert found[0] == ("1", "2")


@SLOW
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.sampled_from("ab é中1"), min_size=1, max_size=6)] * 3), min_size=1, max_size=30
    ),
    delimiter=st.sampled_from([",", "\t", ";", "|", "::"]),
    block=st.sampled_from([9, 1 << 20]),
)
def test_plain_lines_and_parsed_ones_give_the_same_rows(
    tmp_path: Path, rows: list[tuple[str, ...]], delimiter: str, block: int
) -> None:
    """The vector path and the parser agree: a quote in the last line sends the whole file through the parser."""
    plain, quoted = tmp_path / "plain.txt", tmp_path / "quoted.txt"
    text = "".join(delimiter.join(row) + "\n" for row in [("x", "y", "z"), *rows])
    plain.write_bytes(text.encode())
    quote = "" if len(delimiter) > 1 else '"'
    last = delimiter.join(["q", "r", "s"]) if not quote else delimiter.join(['"q"', '"r"', "s"])
    quoted.write_bytes((text + last + "\n").encode())

    _, fast, _ = staged(Delimited(TextFile(path=plain), delimiter=delimiter, quote=quote), tmp_path / "one")
    reader = Delimited(TextFile(path=quoted, block_bytes=block), delimiter=delimiter, quote=quote)
    _, slow, _ = staged(reader, tmp_path / "two")

    assert fast == rows
    assert slow == [*rows, ("q", "r", "s")]


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    """DuckDB alone keeps 50 of these 100,000 rows and reports one."""
    lines = [f"u{k},i{k},{k}" for k in range(100_000)]
    lines[50] = '"u50,i50,50'
    path = tmp_path / "table.csv"
    path.write_text("user,item,time\n" + "\n".join(lines) + "\n")

    account, found, bad = staged(Delimited(TextFile(path=path)), tmp_path / "work")

    assert (account.records, account.rows, account.quarantined) == (100_000, 99_999, 1)
    assert bad[0]["line"] == 52
    assert bad[0]["raw"] == '"u50,i50,50'
    assert "never closes" in bad[0]["reason"]
    assert found[49:51] == [("u49", "i49", "49"), ("u51", "i51", "51")]


def test_a_quote_that_closes_far_below_costs_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('a,b\n1,"two\n3,4\n5,6\n"7",8\n9,10\n')

    _, found, bad = staged(Delimited(TextFile(path=path)), tmp_path / "work")

    assert found == [("3", "4"), ("5", "6"), ("7", "8"), ("9", "10")]
    assert [row["line"] for row in bad] == [2]


def test_line_ends_may_be_mixed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'a,b\r\n1,2\n3,4\r\n5,6\r7,"8\r\n9"\n')

    account, found, bad = staged(Delimited(TextFile(path=path)), tmp_path / "work")

    assert found == [("1", "2"), ("3", "4"), ("5", "6"), ("7", "8\r\n9")]
    assert not bad
    assert account.records == 4


def test_faults_say_their_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'a,b\n1\n1,2,3\n\n"x"y,2\nn\0,3\n\xe9,4\nok,5\n')

    _, found, bad = staged(Delimited(TextFile(path=path)), tmp_path / "work")

    assert found == [("ok", "5")]
    assert {row["line"]: row["reason"] for row in bad} == {
        2: "1 fields where the header has 2",
        3: "3 fields where the header has 2",
        5: "a quoted field goes on after its closing quote",
        6: "a NUL byte",
        7: "byte 0xE9 at character 1 is not UTF-8",
    }


def test_a_header_may_follow_blank_lines_and_hold_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b'\n\n"a\nb",c\n1,2\n')
    reader = Delimited(TextFile(path=path))
    assert reader.columns == ["a\nb", "c"]
    _, found, _ = staged(reader, tmp_path / "work")
    assert found == [("1", "2")]


@pytest.mark.parametrize("content", [b"", b"\n\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="empty"):
        staged(Delimited(TextFile(path=path)), tmp_path / "work")


def test_reading_leaves_the_csv_modules_field_limit_alone(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    path = tmp_path / "table.csv"
    path.write_text('a,b\n"' + "x" * 300_000 + '",2\n')
    _, found, bad = staged(Delimited(TextFile(path=path)), tmp_path / "work")
    assert (len(found), len(bad)) == (1, 0)
    assert csv.field_size_limit() == before
