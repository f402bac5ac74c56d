"""The books shipped with the package."""

import duckdb
import pytest

from penchant.bundled import BOOKS, LICENCE
from penchant.data.dataset import Dataset
from penchant.data.importing import ImportConfig, import_source


@pytest.fixture(scope="module")
def books(tmp_path_factory) -> Dataset:
    target = tmp_path_factory.mktemp("books") / "data"
    import_source(BOOKS, target, config=ImportConfig(name="goodbooks", licence=LICENCE))
    return Dataset.load(target)


def test_it_is_small_and_says_where_it_comes_from():
    files = list(BOOKS.iterdir())
    assert sum(f.stat().st_size for f in files) <= 2 * 2**20
    attribution = (BOOKS / "ATTRIBUTION.md").read_text()
    assert "CC" in attribution or "Creative Commons" in attribution
    assert "Zygmunt" in attribution


def test_the_licence_stays_with_the_data(books):
    assert books.licence == LICENCE == "CC BY-SA 4.0"


def test_it_has_titles_authors_genres_ratings_and_order_but_no_site_averages(books):
    assert (books.n_users, books.n_items, len(books.events)) == (2_672, 3_313, 234_158)
    assert books.clock == "position"
    assert books.rating_scale == (1.0, 5.0)
    assert {"title", "authors", "categories"} <= set(books.items.columns)
    assert all(books.items.columns["title"])
    assert all(1 <= len(genres) <= 5 for genres in books.items.columns["categories"])
    raw = duckdb.connect().execute(f"describe from '{BOOKS / 'items.parquet'}'").fetchall()
    assert {row[0] for row in raw} == {"item_id", "title", "authors", "year", "language", "genres"}


def test_the_order_of_reading_is_kept(books):
    first = books.users.ids[0]
    order = (
        duckdb.connect()
        .execute(f"select item_id from '{BOOKS / 'interactions.parquet'}' where user_id = '{first}' order by position")
        .fetchall()
    )
    mine = books.histories([books.users.row(first)])
    assert [books.items.ids[i] for i in mine.items] == [row[0] for row in order]
