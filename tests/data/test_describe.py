from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from penchant.data.dataset import Dataset, Table
from penchant.data.describe import describe
from penchant.data.folder import save_dataset
from penchant.data.importing import import_source
from penchant.data.quality import ANY, RULES, Finding, block, check_quality
from penchant.data.user_report import report_user
from penchant.errors import BundleError, NotFoundError, QualityError
from tests.data.tables import imported
from tests.data.test_folder import column

DAY = 86_400


def shop(tmp_path: Path) -> Path:
    """Three users, four items, eight good events over ten days."""
    source = tmp_path / "shop"
    source.mkdir()
    start = 1_600_000_000
    rows = [
        ("u", "a", "view", start, ""),
        ("u", "b", "view", start + DAY, ""),
        ("u", "a", "buy", start + 10 * DAY, "5"),
        ("u", "c", "view", start + 10 * DAY, ""),  # tied with the line above
        ("v", "a", "view", start, ""),
        ("v", "a", "buy", start + 60, "4"),
        ("w", "b", "view", start, ""),
        ("w", "b", "view", start, ""),  # an exact duplicate
        ("", "b", "view", start, ""),  # nobody
    ]
    lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
    (source / "events.csv").write_text("user,item,type,time,rating\n" + lines)
    (source / "items.csv").write_text(
        "id,title,description,brand,average_rating\na,Apple,Red.,x,4\nb,,Blue.,,3\nc,Cherry,,,\nd,,,,5\n"
    )
    import_source(source, tmp_path / "dataset")
    return tmp_path / "dataset"


def test_a_description_counts_what_is_there(tmp_path: Path) -> None:
    found = describe(shop(tmp_path))
    assert found.counts == {
        "users": 3, "items": 4, "events": 7, "relations": 0, "users_with_events": 3, "items_with_events": 3,
        "item_events": 7, "pairs": 5,
    }  # fmt: skip
    assert found.density == pytest.approx(5 / 12)
    assert found.events_per_user is not None
    assert (found.events_per_user.least, found.events_per_user.median, found.events_per_user.most) == (1, 2, 4)
    assert found.one_event_users == pytest.approx(1 / 3)
    assert found.cold_items == pytest.approx(1 / 4)
    assert found.top_share == pytest.approx(4 / 7)
    assert (found.first, found.last) == ("2020-09-13T12:26:40Z", "2020-09-23T12:26:40Z")
    assert found.days == pytest.approx(10)
    assert found.gaps["longest"] == pytest.approx(9)
    assert found.gaps["whole_log_longest"] == pytest.approx(9)
    assert dict(found.event_types) == {"view": 5, "buy": 2}
    assert found.tied_last_events == pytest.approx(1 / 2)  # of u and v, u
    assert found.repeated_pairs == pytest.approx(2 / 7)
    assert found.values["labels"] == {"4": 1, "5": 1}
    assert found.text_coverage == {"title": 0.5, "text": 0.5, "any": 0.75}
    assert found.missing["items"]["brand"] == pytest.approx(3 / 4)
    assert (found.records, found.quarantined) == (13, 1)
    assert found.rules == {"exact_duplicate": 1}
    assert [(leak.column, leak.kind) for leak in found.leaks] == [("average_rating", "aggregate")]


def findings(tmp_path: Path, **limits: float) -> dict[str, Finding]:
    return {finding.rule: finding for finding in check_quality(describe(shop(tmp_path)), limits=limits)}


def test_every_rule_is_answered_and_those_that_fail_say_what_to_do(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert list(found) == list(RULES)
    failed = {rule for rule, finding in found.items() if not finding.holds}
    assert failed == {
        "few_events", "few_users", "popularity_skew", "missing_text", "missing_values", "quarantined", "duplicates",
        "tied_last_events", "time_gaps", "leak_aggregates",
    }  # fmt: skip
    assert all(bool(finding.hint) != finding.holds for finding in found.values())
    assert found["missing_values"].found == "75.0% (items.brand)"
    assert found["leak_aggregates"].found == "1 (items.average_rating)"


def test_limits_can_be_moved(tmp_path: Path) -> None:
    found = findings(tmp_path, few_events=5, tied_last_events=0.5)
    assert found["few_events"].holds
    assert found["tied_last_events"].holds


def test_a_check_can_block(tmp_path: Path) -> None:
    found = check_quality(describe(shop(tmp_path)))
    block(found, ["future_times", "label_balance"])
    with pytest.raises(QualityError, match="time_gaps") as caught:
        block(found, ["time_gaps", "future_times"])
    assert "gap" in caught.value.hint
    with pytest.raises(QualityError, match="few_events"):
        block(found, [ANY])
    with pytest.raises(QualityError, match="No quality rule is called 'nonsense'") as caught:
        block(found, ["nonsense"])
    assert "few_events" in caught.value.hint


def test_positions_have_no_dates(tmp_path: Path) -> None:
    _, folder = imported(tmp_path, "s.txt", "1 2 3 4\n2 3 3\n", format="sequences")
    found = describe(folder)
    assert (found.first, found.days, found.gaps, found.tied_last_events) == (None, None, {}, 0.0)
    answers = {finding.rule: finding for finding in check_quality(found)}
    assert answers["time_gaps"].value is None
    assert answers["time_gaps"].holds


def test_a_figure_that_follows_the_events_is_a_leak_under_any_name(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = np.concatenate([np.repeat(k, k % 17 + 12) for k in range(80)])
    counts = np.bincount(items)
    ratings = np.clip(rng.normal(3, 0.3, 80)[items] + rng.normal(0, 0.1, len(items)), 1, 5)
    mean = np.bincount(items, weights=ratings) / counts
    data = Dataset.of_rows(
        name="w",
        users=Table(("u",)),
        items=Table(
            tuple(map(str, range(80))),
            {
                "heat": column(*(counts * 1000).tolist()),
                "grade": column(*(mean + rng.normal(0, 0.01, 80)).tolist()),
                "weight": column(*rng.normal(0, 1, 80).tolist()),
                "same": column(*[1] * 80),
            },
        ),
        user_rows=np.zeros(len(items), dtype=np.int64),
        item_rows=items,
        values=ratings,
        rating_scale=(1.0, 5.0),
    )
    leaks = describe(save_dataset(data, tmp_path / "d")).leaks
    assert [leak.column for leak in leaks] == ["heat", "grade"]
    assert "how often" in leaks[0].why
    assert "how items are rated" in leaks[1].why


def test_lists_of_related_items_are_leaks(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    (source / "events.csv").write_text("user,item\nu,a\n")
    (source / "items.csv").write_text("id,title,tags,profitability\na,A,x|y,3\n")
    (source / "relations.csv").write_text("item_id,related_item_id,relation\na,b,also_bought\na,c,made_by\n")
    import_source(source, tmp_path / "dataset")
    leaks = {(leak.table, leak.column): leak.kind for leak in describe(tmp_path / "dataset").leaks}
    assert leaks == {
        ("items", "tags"): "tags",
        ("items", "profitability"): "lookahead",
        ("relations", "also_bought"): "related_items",
    }


@pytest.mark.shared_data
def test_ml_100k_has_44_percent_tied_last_events(shared_data: Path, tmp_path: Path) -> None:
    import_source(shared_data / "movielens-100k", tmp_path / "dataset")
    found = describe(tmp_path / "dataset")
    assert found.tied_last_events == pytest.approx(0.44, abs=0.005)
    assert found.density == pytest.approx(0.06305, abs=1e-5)


@pytest.mark.shared_data
def test_goodbooks_averages_are_found(shared_data: Path, tmp_path: Path) -> None:
    import_source(shared_data / "goodbooks-10k-sample", tmp_path / "dataset")
    assert {leak.column for leak in describe(tmp_path / "dataset").leaks} == {"average_rating", "ratings_count"}


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No dataset"):
        describe(tmp_path)


def test_a_user_is_reported_on(tmp_path: Path) -> None:
    data = Dataset.load(shop(tmp_path))
    report = report_user(data, "u")
    assert (report.events, report.items, report.event_types) == (4, 3, {"view": 3, "buy": 1})
    assert report.repeats == pytest.approx(1 / 4)
    assert (report.first, report.last, report.active_days) == ("2020-09-13T12:26:40Z", "2020-09-23T12:26:40Z", 3)
    assert report.days_since_last == 0
    assert report.activity == {"2020-09": 4}
    assert report.mean_value == 5.0
    assert report.mean_value_of_all == 4.5
    assert report.recent == ["Cherry", "Apple", "b", "Apple"]
    assert [(kind.name, kind.events, kind.share, kind.late_share) for kind in report.top["brand"]] == [
        ("x", 2, 0.5, 0.0)
    ]
    assert report.percentile == pytest.approx(2 / 3)
    assert report_user(data, "v").days_since_last == pytest.approx(10 - 60 / DAY)


def test_a_user_without_events_and_one_unknown(tmp_path: Path) -> None:
    data = Dataset.of_rows(
        name="w",
        users=Table(("u", "v"), {"age": column(3, None)}),
        items=Table(("a",)),
        user_rows=np.array([1]),
        item_rows=np.array([0]),
    )
    report = report_user(data, "u")
    assert (report.events, report.attributes, report.first, report.top, report.mean_value) == (
        0,
        {"age": 3},
        None,
        {},
        None,
    )
    with pytest.raises(NotFoundError, match="no user 'x'"):
        report_user(data, "x")


def test_a_report_is_json(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    described: dict[str, Any] = orjson.loads(orjson.dumps(describe(folder).as_json()))
    assert described["leaks"][0]["column"] == "average_rating"
    assert orjson.dumps(report_user(Dataset.load(folder), "u").as_json())
