from pathlib import Path

import orjson
import pytest

from tests.cli.test_import import write


@pytest.fixture
def folder(tmp_path: Path, penchant) -> Path:
    rows = "".join(f"u{k % 5},i{k % 9},{1600000000 + k // 2},{k % 5 + 1}\n" for k in range(40))
    write(tmp_path / "shop" / "events.csv", "user,item,time,rating\n" + rows + "u0,,1,1\n")
    items = "".join(f"i{k},Item [{k}],{'x|y' if k % 2 else 'z'},{k}\n" for k in range(9))
    write(tmp_path / "shop" / "items.csv", "id,title,genres,ratings_count\n" + items)
    assert penchant("import", tmp_path / "shop", "--to", tmp_path / "d")[0] == 0
    return tmp_path / "d"


def test_a_description_for_a_person(folder: Path, penchant) -> None:
    code, out, _ = penchant("data", "describe", folder)
    text = " ".join(out.split())
    assert code == 0
    for words in (
        "5 (5 with events)", "density", "events per user", "2020-09-13T12:26:40Z", "1: 20%",
        "leak? items.ratings_count", "few_events", "at least 10,000", "1 set aside",
    ):  # fmt: skip
        assert words in text


def test_a_description_for_a_machine(folder: Path, penchant) -> None:
    code, out, _ = penchant("data", "describe", folder, "--json")
    found = orjson.loads(out)
    assert code == 0
    assert found["counts"]["events"] == 40
    assert {rule["rule"] for rule in found["quality"] if not rule["holds"]} >= {
        "few_events",
        "leak_aggregates",
        "quarantined",
    }


def test_a_rule_can_block(folder: Path, penchant) -> None:
    assert penchant("data", "describe", folder, "--fail-on", "future_times,label_balance")[0] == 0
    code, out, err = penchant("data", "describe", folder, "--fail-on", "leak_aggregates,future_times", "--json")
    assert code == 2
    assert orjson.loads(out)["name"] == "shop"
    assert "leak_aggregates" in err
    assert "hint: Leave the columns out" in err
    assert penchant("data", "describe", folder, "--fail-on", "few_events", "--limit", "few_events=10")[0] == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--fail-on", "nonsense"], "No quality rule is called 'nonsense'"),
        (["--limit", "few_events=many"], "not RULE=NUMBER"),
        (["--limit", "nonsense=1"], "No quality rule"),
        (["--user", "nobody"], "no user 'nobody'"),
    ],
)
def test_faults_exit_2(folder: Path, penchant, options: list[str], error: str) -> None:
    code, _, err = penchant("data", "describe", folder, *options)
    assert code == 2
    assert error in err
    assert "hint: " in err


def test_a_user_is_reported_on(folder: Path, penchant) -> None:
    code, out, _ = penchant("data", "describe", folder, "--user", "u0")
    text = " ".join(out.split())
    assert code == 0
    for words in ("8 events on 8 items", "rating 8", "last event", "categories", "of the last third", "Item ["):
        assert words in text
    code, out, _ = penchant("data", "describe", folder, "--user", "u0", "--json")
    assert orjson.loads(out)["event_types"] == {"rating": 8}


def test_a_folder_that_is_no_dataset_exits_2(tmp_path: Path, penchant) -> None:
    code, _, err = penchant("data", "describe", tmp_path)
    assert code == 2
    assert "penchant import SOURCE --to DIR" in err
