import gzip
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.data.importing import import_source
from penchant.data.scanning import Chunk, OverLong, TextFile, as_utf8
from penchant.data.sources.delimited import Delimited
from penchant.errors import SourceError
from tests.data.tables import imported, quarantined, staged
from tests.data.test_delimited import SLOW


@SLOW
@given(
    data=st.binary(max_size=60).filter(lambda data: data[:1] not in {b"\xef", b"\xff", b"\xfe", b"\x00", b"\x1f"}),
    block=st.integers(1, 9),
    carriage_return=st.booleans(),
)
def test_chunks_are_the_files_lines_in_order(tmp_path: Path, data: bytes, block: int, carriage_return: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0" * 99 + b"\n" + data)  # enough text that the first bytes are not taken for binary
    file = TextFile(path=path, block_bytes=block, carriage_return_ends_lines=carriage_return)
    chunks = [chunk for chunk in file.chunks() if isinstance(chunk, Chunk)]
    assert b"".join(chunk.data for chunk in chunks) == path.read_bytes()
    line = 1
    for chunk in chunks:
        assert chunk.first_line == line
        line += file.count_lines(chunk.data)
        assert chunk is chunks[-1] or chunk.data.endswith((b"\n", b"\r") if carriage_return else b"\n")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block", [7, 64])
def test_an_over_long_line_is_measured_and_skipped(tmp_path: Path, end: bytes, block: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a,b" + end + b"x" * 100 + end + b"c,d" + end)
    found = list(TextFile(path=path, block_bytes=block, max_record_bytes=16).chunks())
    long = [piece for piece in found if isinstance(piece, OverLong)]
    text = b"".join(piece.data for piece in found if isinstance(piece, Chunk))
    assert [piece.line for piece in long] == [2]
    assert 100 <= long[0].size <= 102
    assert set(long[0].head) == {ord("x")}
    assert text.split() == [b"a,b", b"c,d"]
    lines = [piece.first_line if isinstance(piece, Chunk) else piece.line for piece in found]
    assert lines == sorted(lines)
    assert next(piece.first_line for piece in found if isinstance(piece, Chunk) and b"c,d" in piece.data) == 3


def test_a_line_of_a_gigabyte_costs_the_memory_of_a_few_blocks(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with path.open("wb") as file:
        file.write(b"user_id,item_id,timestamp\n" + b"u,i,1600000000\n" * 10_000)
        file.seek(1 << 30, 1)  # a hole: read as a gigabyte of zeros, written as nothing
        file.write(b"\n" + b"v,j,1600000000\n")
    code = f"""
        from pathlib import Path
        from penchant.data.importing import import_source
        report = import_source(Path({str(path)!r}), Path({str(tmp_path / "dataset")!r}))
        print(report.events, report.files[0].records, report.files[0].quarantined)
        # Not getrusage: there a child starts with the peak of the process that forked it, a test process with torch.
        peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
        print(int(peak.split()[1]) // 1024)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    counts, megabytes = out.stdout.splitlines()
    assert counts == "2 10002 1"  # 9,999 equal rows are dropped as duplicates
    assert int(megabytes) < 500
    (bad,) = quarantined(tmp_path / "dataset")
    assert bad["line"] == 10_002
    assert "longer than" in bad["reason"]
    assert len(bad["raw"]) < 5000


def test_a_truncated_gzip_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    whole = gzip.compress(b"user_id,item_id\n" + b"".join(b"u%d,i%d\n" % (k, k * k) for k in range(50_000)))
    (tmp_path / "events.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="cut short") as caught:
        import_source(tmp_path / "events.csv.gz", tmp_path / "dataset")
    assert "gzip -t" in caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["events.csv.gz"]


def test_a_gzip_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "events.csv.gz").write_bytes(b"user_id,item_id\n1,2\n")
    with pytest.raises(SourceError, match="no gzip data"):
        import_source(tmp_path / "events.csv.gz", tmp_path / "dataset")


def test_gzip_is_read_like_the_file_inside(tmp_path: Path) -> None:
    report, _ = imported(tmp_path, "events.csv.gz", "user_id,item_id\n1,2\n1,3\n")
    assert report.events == 2


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", "auto"),
        ("utf-8-sig", "auto"),
        ("utf-16", "auto"),
        ("utf-16-le", "utf-16-le"),
        ("gb18030", "gb18030"),
        ("shift_jis", "shift_jis"),
    ],
)
def test_encodings_give_the_same_rows(tmp_path: Path, encoding: str, declared: str) -> None:
    path = tmp_path / "table.csv"
    text = "名前,品\n" + "".join(f"一{k},日本\n" for k in range(3000))
    path.write_bytes(text.encode(encoding))
    reader = Delimited(TextFile(path=path, encoding=declared, block_bytes=1000))
    assert reader.columns == ["名前", "品"]
    account, found, bad = staged(reader, tmp_path / "work")
    assert found == [(f"一{k}", "日本") for k in range(3000)]
    assert not bad
    assert account.records == 3000


def test_bytes_that_do_not_decode_cost_their_own_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("a,b\n一,二\n".encode("gb18030") + b"\xff\xff,x\n" + "三,四\n".encode("gb18030"))
    _, found, bad = staged(Delimited(TextFile(path=path, encoding="gb18030")), tmp_path / "work")
    assert found == [("一", "二"), ("三", "四")]
    assert [row["line"] for row in bad] == [3]


def test_a_header_in_another_encoding_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("用户,物品\n1,2\n".encode("gb18030"))
    with pytest.raises(SourceError, match="not UTF-8") as caught:
        staged(Delimited(TextFile(path=path)), tmp_path / "work")
    assert "--encoding" in caught.value.hint


def test_binary_files_and_unknown_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("user,item\n1,2\n".encode("utf-16-le"))
    with pytest.raises(SourceError, match="NUL") as caught:
        list(TextFile(path=path).chunks())
    assert "utf-16-le" in caught.value.hint
    with pytest.raises(SourceError, match="No encoding"):
        list(TextFile(path=path, encoding="utf-9").chunks())
    path.write_bytes(b"\xff\xfea")
    with pytest.raises(SourceError, match="decoded"):
        list(TextFile(path=path).chunks())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No file"):
        list(TextFile(path=tmp_path / "none").chunks())
    with pytest.raises(SourceError, match="cannot be read"):
        list(TextFile(path=tmp_path).chunks())


def test_plain_text_passes_through_as_utf8() -> None:
    assert as_utf8(b"abc", "latin-1") == b"abc"
    assert as_utf8(b"\xe9", "latin-1") == "é".encode()
