"""Scoring anybody's lists: the rules, the counts, the faults."""

from pathlib import Path

import orjson
import pytest

from penchant.errors import BadRowError, ConfigError, SourceError
from penchant.metrics.lists import read_lists, score_lists, write_lists


def make_file(path: Path, *lines: object) -> Path:
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines))
    return path


@pytest.fixture
def score(tmp_path):
    def scored(lists, truth, **options):
        lists_file = make_file(tmp_path / "lists", *({"user_id": u, "items": i} for u, i in lists.items()))
        truth_file = make_file(tmp_path / "truth", *({"user_id": u, "items": i} for u, i in truth.items()))
        return score_lists(read_lists(lists_file), read_lists(truth_file), **options)

    return scored


def test_toy_lists_by_hand(score):
    scores = score({"u": ["a", "b", "c"], "v": ["c", "a"]}, {"u": ["b"], "v": ["c"]}, ks=[1, 2])
    assert scores.metrics["hit_rate@1"] == 0.5
    assert scores.metrics["hit_rate@2"] == 1
    assert scores.metrics["mrr@2"] == pytest.approx((1 / 2 + 1) / 2)
    assert scores.metrics["precision@2"] == pytest.approx(0.5)
    assert scores.metrics["recall@2"] == 1
    low, high = scores.intervals["hit_rate@1"]
    assert 0 <= low <= 0.5 <= high <= 1
    assert (scores.users, scores.missing_users, scores.unknown_users, scores.notes) == (2, 0, 0, ())


def test_a_missing_user_counts_zero_and_is_said(score):
    scores = score({"u": ["a"]}, {"u": ["a"], "v": ["a"]}, ks=[1])
    assert scores.metrics["recall@1"] == 0.5
    assert scores.missing_users == 1
    assert "1 user of the truth have no list and count as zero: v" in scores.notes[0]


def test_users_unknown_to_the_truth_are_left_out_and_said(score):
    scores = score({"u": ["a"], "x": ["a"]}, {"u": ["a"]}, ks=[1])
    assert (scores.metrics["recall@1"], scores.unknown_users) == (1, 1)
    assert "x" in scores.notes[0]


def test_users_with_nothing_to_find_are_left_out_and_said(score):
    scores = score({"u": ["a"], "v": ["a"]}, {"u": ["a"], "v": []}, ks=[1])
    assert (scores.users, scores.users_with_nothing_to_find, scores.metrics["recall@1"]) == (1, 1, 1)


def test_a_repeated_item_counts_at_its_first_place_and_the_list_closes_up(score):
    scores = score({"u": ["a", "a", "b"]}, {"u": ["b"]}, ks=[2])
    assert (scores.metrics["mrr@2"], scores.repeats) == (0.5, 1)
    assert any("1 repeated items" in note for note in scores.notes)


def test_a_short_list_is_said(score):
    scores = score({"u": ["a"]}, {"u": ["a"]}, ks=[5])
    assert scores.metrics["precision@5"] == pytest.approx(1 / 5)
    assert any("shortest list has 1 items" in note for note in scores.notes)


def test_numbers_are_ids_too(score):
    assert score({7: [1, 2]}, {"7": ["2"]}, ks=[2]).metrics["hit_rate@2"] == 1


@pytest.mark.parametrize("k", [0, -3])
def test_k_below_one_is_refused(score, k):
    with pytest.raises(ConfigError, match="1 or more"):
        score({"u": ["a"]}, {"u": ["a"]}, ks=[k])


def test_nothing_to_find_at_all_is_an_error(score):
    with pytest.raises(SourceError, match="No user of the truth"):
        score({"u": ["a"]}, {"u": []})


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "no user_id and items"),
        ({"user_id": "v"}, "no user_id and items"),
        ({"items": []}, "no user_id and items"),
        ({"user_id": "v", "items": "abc"}, "a str, not a list"),
        ({"user_id": None, "items": []}, "an id is None"),
        ({"user_id": "v", "items": [1.5]}, r"an id is 1\.5"),
        ({"user_id": "v", "items": [True]}, "an id is True"),
        ({"user_id": "v", "items": ["a"], "scores": [1, 2]}, "another length"),
        ({"user_id": "v", "items": ["a"], "scores": ["x"]}, "not a finite number"),
        ({"user_id": "v", "items": ["a"], "scores": [None]}, "not a finite number"),
        ({"user_id": "u", "items": []}, "has a list already"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path, line, fault):
    file = make_file(tmp_path / "lists.jsonl", {"user_id": "u", "items": ["a"]}, b"", line)
    with pytest.raises(BadRowError, match=f"line 3.*{fault}") as caught:
        read_lists(file)
    assert caught.value.hint


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_an_empty_file_is_said(tmp_path, content):
    (tmp_path / "lists").write_bytes(content)
    with pytest.raises(SourceError, match="holds no lists"):
        read_lists(tmp_path / "lists")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        read_lists(tmp_path / "none")


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "lists"
    write_lists(path, iter([("ü/1", ["a b", "日"], [2.0, 1.5]), ("v", [], None)]))
    assert read_lists(path).items == {"ü/1": ("a b", "日"), "v": ()}
    assert orjson.loads(path.read_bytes().splitlines()[0])["scores"] == [2.0, 1.5]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    (tmp_path / "lists").write_bytes(b'\xef\xbb\xbf{"user_id":"u","items":["a"]}\r\n{"user_id":"v","items":[]}\r\n')
    assert set(read_lists(tmp_path / "lists").items) == {"u", "v"}
