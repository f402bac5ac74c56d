import numpy as np
import pytest

from penchant.data.features.columns import words_of
from penchant.data.features.select import Select, association
from penchant.errors import ConfigError
from tests.data.features.worlds import columns, observed, people_and_films

NAN = float("nan")


def test_association_is_the_numbers_in_the_docstring():
    ratings, rows = np.array([1.0, 1.0, 5.0, 5.0]), np.arange(4)
    for column, expected in (("aabb", 1.0), ("abab", -0.5)):
        made = columns(word=list(column), words=[[letter] for letter in column])
        assert association(made["word"], rows, ratings) == pytest.approx(expected)
        assert association(made["words"], rows, ratings) == pytest.approx(expected)


def test_the_strongest_word_is_found_as_by_parting_the_ratings_word_by_word():
    rng = np.random.default_rng(0)
    column = columns(tags=[[t for t in "abcdef" if rng.random() < 0.4] for _ in range(30)])["tags"]
    rows, values = rng.integers(0, 30, 200), rng.integers(1, 6, 200).astype(np.float64)
    values += [2.0 * ("c" in column[row]) for row in rows]

    def explained(word: str) -> float:
        has = np.array([word in words_of(column[row]) for row in rows])
        within = sum(((values[part] - values[part].mean()) ** 2).sum() for part in (has, ~has))
        return float(1 - 199 / 198 * within / ((values - values.mean()) ** 2).sum())

    assert max("abcdef", key=explained) == "c"
    assert association(column, rows, values) == pytest.approx(explained("c"))


def test_chance_explains_nothing_however_many_values_it_has():
    rng = np.random.default_rng(1)
    values = rng.normal(size=4_000)
    for kinds in (2, 50, 400):
        column = columns(word=[f"w{k}" for k in range(kinds)])["word"]
        assert abs(association(column, rng.integers(0, kinds, 4_000), values)) < 0.03


def test_numbers_are_grouped_and_missing_ones_are_a_group():
    rows, values = np.arange(40), np.repeat([1.0, 5.0], 20)
    assert association(columns(n=list(range(40)))["n"], rows, values) > 0.8
    assert association(columns(n=[None] * 20 + [7] * 20)["n"], rows, values) == pytest.approx(1.0)
    assert association(columns(n=[None] * 40)["n"], rows, values) == 0.0
    assert association(columns(n=[1.0] * 40)["n"], rows, np.full(40, 3.0)) == 0.0


def test_columns_that_cannot_be_features_are_dropped_with_the_reason():
    rows = [(u, u % 6, float(1 + u % 2)) for u in range(12)]
    users = columns(
        job=["clerk", "nurse"] * 6,
        name=[f"n{k}" for k in range(12)],
        text=["a b", "c d"] * 6,
        country=["nl"] * 12,
        empty=[None] * 12,
        age=[20 + k for k in range(12)],
    )
    fitted = Select().fit({"users": users, "items": {}}, observed(rows, n_users=12, n_items=6))
    assert set(fitted.kept["users"]) == {"job", "age"}
    assert fitted.kept["users"]["job"] == pytest.approx(1.0)
    assert next(iter(fitted.kept["users"])) == "job"  # what explains most comes first
    assert dict(fitted.dropped["users"]) == {
        "name": "nearly every row has a value of its own",
        "text": "running text",
        "country": "the same everywhere",
        "empty": "no values in training",
    }
    asked = Select(users=("age",)).fit({"users": users, "items": {}}, observed(rows, n_users=12, n_items=6))
    assert list(asked.kept["users"]) == ["age"]
    assert asked.dropped["users"]["job"] == "not asked for"


def test_columns_that_explain_little_are_dropped_where_told():
    rows = [(u, 0, float(1 + u % 2)) for u in range(12)]
    users, seen = columns(job=["clerk", "nurse"] * 6, side=list("aabbab" * 2)), observed(rows, n_users=12, n_items=1)
    few = Select(max_columns=1).fit({"users": users, "items": {}}, seen)
    strong = Select(min_association=0.5).fit({"users": users, "items": {}}, seen)
    for fitted, reason in ((few, "1 columns explain more"), (strong, "of the ratings' variance")):
        assert list(fitted.kept["users"]) == ["job"]
        assert reason in fitted.dropped["users"]["side"]


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    data, seen = people_and_films(), observed([(0, 0, NAN)], n_users=60, n_items=45)
    with pytest.raises(ConfigError, match="the users have no column height") as caught:
        Select(users=("height",)).fit({"users": data.users.columns, "items": {}}, seen)
    assert "age, job, zip" in caught.value.hint
