"""Makes a folder for `penchant import` from Last.fm's tagging events (HetRec 2011): a user tagged an artist, then.

An artist's tags are the ten that most users gave it, counted without the last `ahead` taggings of each user: what is to
be foreseen is in no item's text.

    python lastfm.py FOLDER_OF_THE_RAW_DATA OUT --ahead 10
"""

import argparse
from pathlib import Path

import duckdb


def main() -> None:
    """Write interactions.parquet and items.parquet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ahead", type=int, default=10)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    for name in ("tag_events", "tags", "items"):
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{options.raw / name}.parquet')")
    connection.execute(
        """
        CREATE TABLE taggings AS
        SELECT user_id, item_id, timestamp_ms,
               row_number() OVER (PARTITION BY user_id ORDER BY timestamp_ms DESC, item_id DESC) AS from_end
        FROM (SELECT DISTINCT user_id, item_id, timestamp_ms FROM tag_events)
        """
    )
    connection.execute(
        f"""
        CREATE TABLE named AS
        SELECT item_id, list(tag ORDER BY users DESC, tag)[1:10] AS tags FROM (
            SELECT e.item_id, t.tag, count(DISTINCT e.user_id) AS users
            FROM tag_events e JOIN tags t USING (tag_id)
            JOIN taggings g ON g.user_id = e.user_id AND g.item_id = e.item_id AND g.timestamp_ms = e.timestamp_ms
            WHERE g.from_end > {options.ahead}
            GROUP BY ALL)
        GROUP BY item_id
        """
    )
    connection.execute(
        f"""
        COPY (SELECT user_id, item_id, timestamp_ms AS timestamp, 'tag' AS event_type FROM taggings
              ORDER BY user_id, timestamp_ms, item_id) TO '{options.out / "interactions.parquet"}'
        """
    )
    connection.execute(
        f"""
        COPY (SELECT i.item_id, i.title, n.tags FROM items i LEFT JOIN named n USING (item_id)
              WHERE i.item_id IN (SELECT item_id FROM taggings) ORDER BY 1) TO '{options.out / "items.parquet"}'
        """
    )
    print(connection.execute("SELECT count(*) AS taggings, count(DISTINCT user_id) AS users FROM taggings").fetchone())


if __name__ == "__main__":
    main()
