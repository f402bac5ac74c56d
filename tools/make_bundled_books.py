"""Make the dataset shipped in the package from a folder with a goodbooks-10k sample.

    python tools/make_bundled_books.py FOLDER

FOLDER holds `interactions.parquet` (user_id, item_id, rating, position) and `items.parquet` (item_id, title, authors,
original_publication_year, language_code, genres: the shelf names readers gave the book). Kept: books with at least 20
readers in the sample and all readers' ratings of them, in each reader's order; no whole-site averages or counts.
"""

import sys
from pathlib import Path

import duckdb
from genres import choose, genres_of

TARGET = Path(__file__).resolve().parent.parent / "src" / "penchant" / "bundled" / "goodbooks"
MIN_READERS = 20


def main(source: Path) -> None:
    """Write the two Parquet files and print what is in them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    db = duckdb.connect()
    db.execute(f"create table events as from read_parquet('{source / 'interactions.parquet'}')")
    db.execute(f"create table books as from read_parquet('{source / 'items.parquet'}')")
    db.execute(
        "create table kept as select item_id from events group by item_id having count(distinct user_id) >= ?",
        [MIN_READERS],
    )
    rows = db.execute(
        "select item_id::varchar, title, authors, cast(original_publication_year as integer), language_code, genres "
        "from books where item_id in (from kept) order by item_id"
    ).fetchall()
    genres = choose([genres_of(row[5] or ()) for row in rows])
    db.execute(
        "create table items (item_id varchar, title varchar, authors varchar[], year integer, language varchar, "
        "genres varchar[])"
    )
    db.executemany(
        "insert into items values (?, ?, ?, ?, ?, ?)",
        [
            (item, title, [a.strip() for a in authors.split(",")][:3], year, language, chosen)
            for (item, title, authors, year, language, _), chosen in zip(rows, genres, strict=True)
        ],
    )
    db.execute(
        "create table ratings as select user_id::varchar user_id, item_id::varchar item_id, rating::utinyint rating, "
        "(row_number() over (partition by user_id order by position) - 1)::usmallint as position "
        "from events where item_id in (from kept) order by events.user_id, position"
    )
    options = "(format parquet, compression zstd, compression_level 19, parquet_version v2)"
    db.execute(f"copy items to '{TARGET / 'items.parquet'}' {options}")
    db.execute(f"copy ratings to '{TARGET / 'interactions.parquet'}' {options}")
    for table in ("items", "ratings"):
        print(table, db.execute(f"select count(*) from {table}").fetchall()[0][0])
    print("bytes", sum(f.stat().st_size for f in TARGET.glob("*.parquet")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
