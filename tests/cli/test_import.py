import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.data.tables import events_of, quarantined


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_an_import_says_what_it_read_and_made(tmp_path: Path, penchant) -> None:
    source = write(
        tmp_path / "log.csv", "user,item,rating,time\nu,a,5,1600000000\nu,b,x,1600000001\nv,[b],3,2020-01-01\n"
    )
    code, out, err = penchant("import", source, "--to", tmp_path / "d")
    assert code == 0
    for words in ("2 events", "2 users", "clock: time", "seconds", "ISO 8601", "is no finite number", "quarantine"):
        assert words in " ".join(out.split())
    assert "Scan log.csv" in err
    assert events_of(tmp_path / "d", ["item_id"]) == [("a",), ("[b]",)]


def test_a_summary_for_machines(tmp_path: Path, penchant) -> None:
    source = write(tmp_path / "in" / "events.tsv", "who\twhat\nu\ta\nu\ta\n")
    code, out, err = penchant("import", source, "--to", tmp_path / "d", "--map", "user=who,item=what", "--json")
    summary = orjson.loads(out)
    assert (code, err) == (0, "")
    assert summary["counts"]["events"] == 2
    assert summary["conservation"] == [
        {"file": "events.tsv", "role": "events", "records": 2, "kept": 2, "quarantined": 0, "dropped": {}}
    ]


@pytest.mark.parametrize(
    ("text", "options", "error", "hint"),
    [
        ("", [], "is empty", "header"),
        ("a,b\n1,2\n", [], "no column for user_id", "--map user=COLUMN"),
        ("user,item,rating\nu,i,x\n", ["--strict"], "line 2, column 'rating'", "quarantine/"),
        ("user,item\nu,i\n", ["--map", "user"], "not NAME=VALUE", "user=uid"),
        ("user,item\nu,i\n", ["--map", "user=who"], "no file has a column 'who'", "has user, item"),
        ("user,item\nu,i\n", ["--format", "xml"], "format", "auto"),
        ("user,item\nu,i\n", ["--rating-scale", "5"], "not two numbers", "1,5"),
        ("user,item\nu,i\n", ["--rating-scale", "5,1"], "below the highest", "rating_scale"),
        ("user,item\nu,i\n", ["--clock", "sun"], "clock", "Settings here"),
        ("user,item\nu,i\n", ["--encoding", "klingon"], "No encoding", "utf-8"),
    ],
)
def test_faults_exit_2_with_what_to_do_and_leave_nothing(
    tmp_path: Path, penchant, text: str, options: list[str], error: str, hint: str
) -> None:
    source = write(tmp_path / "log.csv", text)
    code, _, err = penchant("import", source, "--to", tmp_path / "d", *options)
    message = [line for line in err.splitlines() if line.startswith(("error: ", "hint: "))]
    assert code == 2
    assert error in message[0]
    assert hint in message[1]
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_a_missing_source_exits_2(tmp_path: Path, penchant) -> None:
    code, _, err = penchant("import", tmp_path / "none", "--to", tmp_path / "d")
    assert code == 2
    assert "No file or folder" in err


def test_platforms_merge(tmp_path: Path, penchant) -> None:
    web = write(tmp_path / "web.csv", "user_id,item_id,event_type,timestamp\nu,a,pv,1600000000\n")
    app = write(tmp_path / "app.csv", "uid,sku,action,ts\nu,b,viewed,1600000001000\n")
    code, out, _ = penchant(
        "import", web, "--to", tmp_path / "d", "--platform", "web", "--merge", f"app={app}", "--json"
    )
    assert code == 0
    assert orjson.loads(out)["counts"]["by_type"] == {"view": 2}
    assert events_of(tmp_path / "d", ["item_id", "platform"]) == [("a", "web"), ("b", "app")]


def test_options_reach_the_import(tmp_path: Path, penchant) -> None:
    source = write(tmp_path / "log.txt", "u\ta\t13/09/2020\tpv\nu\tb\t14/09/2020\tbuy\n")
    options = ["--format", "csv", "--no-header", "--delimiter", "tab", "--time-format", "%d/%m/%Y", "--licence", "CC0"]
    fields = "user=1,item=2,timestamp=3,event_type=4"
    code, out, _ = penchant(
        "import", source, "--to", tmp_path / "d", *options, "--map", fields, "--rename-types", "buy=purchase",
        "--types", "purchase", "--name", "mine", "--memory", "300MB", "--json",
    )  # fmt: skip
    summary = orjson.loads(out)
    assert code == 0
    assert (summary["name"], summary["licence"], summary["counts"]["by_type"]) == ("mine", "CC0", {"purchase": 1})
    assert summary["conservation"][0]["dropped"] == {"other_event_type": 1}
    assert quarantined(tmp_path / "d") == []


def test_help_does_not_load_the_database() -> None:
    code = """
import sys
from penchant.cli import main
sys.argv = ["penchant", "import", "--help"]
try:
    main()
finally:
    print("duckdb" in sys.modules)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout
    assert out.splitlines()[-1] == "False"
