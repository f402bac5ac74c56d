"""Every format in a small form of its own layout, and the real shared ones."""

import ast
from pathlib import Path

import duckdb
import orjson
import pytest

from penchant.data.dataset import Dataset
from penchant.data.importing import ImportConfig, import_source
from penchant.data.sources.detection import find_layout
from penchant.data.sources.goodbooks import NOT_A_TOPIC
from penchant.errors import SourceError
from tests.data.tables import events_of, imported, quarantined, query

RATINGS = [("1", "10", 5, 881250949), ("1", "11", 3, 881250950), ("2", "10", 1, 881250951)]


def test_sequences_are_a_user_and_items_oldest_first(tmp_path: Path) -> None:
    text = "1 10 11 10\n\n2 12\n3\n4 nan 5\n"
    report, folder = imported(tmp_path, "Beauty.txt", text, format="sequences")
    assert events_of(folder) == [("1", "10", 0), ("1", "11", 1), ("1", "10", 2), ("2", "12", 0)]
    account = report.files[0]
    assert (account.records, account.kept, account.quarantined) == (5, 2, 1)
    assert account.dropped == {"blank_line": 1, "user_without_items": 1}
    assert report.clock == "position"
    assert quarantined(folder)[0]["reason"] == "no item in place 1"


@pytest.mark.parametrize("separator", ["\t", ",", "  "])
def test_sequences_may_be_separated_otherwise(tmp_path: Path, separator: str) -> None:
    text = separator.join(["u", "a", "b"]) + "\r\n" + separator.join(["v", "c", ""]) + "\r\n"
    _, folder = imported(tmp_path, "s.txt", text, format="sequences")
    assert events_of(folder) == [("u", "a", 0), ("u", "b", 1), ("v", "c", 0)]


def test_whole_numbers_of_any_size_stay_the_ids_they_are(tmp_path: Path) -> None:
    users = [2**64, 2**64 + 1, 12345678901234567890123, 2**63, -(2**70)]
    lines = "".join(f'{{"user_id": {user}, "item_id": "a", "timestamp": {t}}}\n' for t, user in enumerate(users, 1))
    _, folder = imported(tmp_path, "events.jsonl", lines)
    assert {user for user, _, _ in events_of(folder)} == {str(user) for user in users}


def test_recbole_atomic_files(tmp_path: Path) -> None:
    source = tmp_path / "ml"
    source.mkdir()
    (source / "ml.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
        + "".join(f"{u}\t{i}\t{r}\t{t}\n" for u, i, r, t in RATINGS)
    )
    (source / "ml.item").write_text(
        "item_id:token\tmovie_title:token_seq\tyear:token\tgenre:token_seq\tvector:float_seq\n"
        '10\tThe "Big" One\t007\tA B\t0.5 1\n'
    )
    (source / "ml.user").write_text("user_id:token\tage:float\n1\t24\n2\t\n")
    (source / "ml.kg").write_text("head_id:token\trelation_id:token\ttail_id:token\nm.1\tdirected_by\tm.2\n")
    (source / "ml.net").write_text("source_id:token\ttarget_id:token\n1\t2\n")
    (source / "ml.link").write_text("item_id:token\tentity_id:token\n10\tm.1\n")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert report.format == "recbole"
    assert data.items.attributes(data.items.row("10")) == {
        "title": 'The "Big" One',
        "categories": ["A", "B"],
        "year": "007",
        "vector": [0.5, 1.0],
    }
    assert data.users.columns["age"].tolist() == [24, None]
    relations = query("FROM read_parquet(?) ORDER BY 1", tmp_path / "dataset" / "relations.parquet")
    assert relations == [("1", "ml", "2", "user", "user"), ("m.1", "directed_by", "m.2", None, None)]
    assert report.left_aside == [("ml.link", "none of RecBole's .inter, .item, .user, .kg, .net")]


def test_recbole_headers_need_types(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id\titem_id\n1\t2\n")
    with pytest.raises(SourceError, match="no type"):
        import_source(tmp_path / "x.inter", tmp_path / "dataset")


def _movielens_100k(folder: Path) -> Path:
    folder.mkdir()
    (folder / "u.data").write_text("".join(f"{u}\t{i}\t{r}\t{t}\n" for u, i, r, t in RATINGS))
    flags = ["0"] * 19
    flags[1] = flags[4] = "1"
    item = "|".join(["10", "Misérables, Les (1995)", "01-Jan-1995", "", "http://x", *flags])
    (folder / "u.item").write_bytes((item + "\n").encode("latin-1"))
    (folder / "u.user").write_text("1|24|M|technician|00501\n2|53|F|other|94043\n")
    (folder / "u.info").write_text("not read")
    return folder


def test_movielens_100k(tmp_path: Path) -> None:
    report = import_source(_movielens_100k(tmp_path / "ml-100k"), tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    film = data.items.attributes(data.items.row("10"))
    assert (film["title"], film["categories"], film["year"]) == (
        "Misérables, Les (1995)",
        ["Action", "Children's"],
        1995,
    )
    assert data.users.attributes(0) == {"age": 24, "gender": "M", "occupation": "technician", "zip": "00501"}
    assert (report.format, report.rating_scale, report.event_types) == ("movielens", (1.0, 5.0), {"rating": 3})
    assert report.repairs == {"unknown_item_id": 1}
    assert "GroupLens" in report.licence


def test_movielens_1m(tmp_path: Path) -> None:
    source = tmp_path / "ml-1m"
    source.mkdir()
    (source / "ratings.dat").write_text("".join(f"{u}::{i}::{r}::{t}\n" for u, i, r, t in RATINGS))
    (source / "movies.dat").write_bytes(
        "10::Café: the film (1999)::Comedy|Drama\n11::Other (1990)::War\n".encode("latin-1")
    )
    (source / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert data.title(0) == "Café: the film (1999)"
    assert data.items.columns["categories"].tolist() == [["Comedy", "Drama"], ["War"]]
    assert events_of(tmp_path / "dataset")[0] == ("1", "10", 881250949000000)
    assert report.times == {"seconds": 3}


def test_later_movielens(tmp_path: Path) -> None:
    source = tmp_path / "ml-latest"
    source.mkdir()
    (source / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,10,4.5,881250949\n1,10,9,881250950\n")
    (source / "movies.csv").write_text('movieId,title,genres\n10,"A, The (1990)",(no genres listed)\n')
    (source / "tags.csv").write_text("userId,movieId,tag,timestamp\n1,10,slow,881250960\n")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert report.event_types == {"rating": 1, "tag": 1}
    assert report.reasons == [("ratings.csv", "rating: is outside the scale 0.5 to 5", 1)]
    assert data.events.texts is not None
    assert data.events.texts.tolist() == [None, "slow"]
    assert data.items.columns["categories"].tolist() == [None]


def test_goodbooks_of_both_releases(tmp_path: Path) -> None:
    for release, header in (("later", "book_id,goodreads_book_id"), ("first", "id,book_id")):
        source = tmp_path / release
        source.mkdir()
        (source / "ratings.csv").write_text("user_id,book_id,rating\n7,1,5\n7,2,4\n")
        (source / "books.csv").write_text(
            f'{header},authors,title,average_rating\n1,900,A. B.,"One, two",4.2\n2,901,C,Three,3.9\n'
        )
        (source / "book_tags.csv").write_text(
            "goodreads_book_id,tag_id,count\n900,0,50\n900,1,30\n900,2,99\n901,1,5\n901,9,5\n"
        )
        (source / "tags.csv").write_text("tag_id,tag_name\n0,fantasy\n1,young-adult\n2,to-read\n")
        report = import_source(source, tmp_path / f"{release}-dataset")
        data = Dataset.load(tmp_path / f"{release}-dataset")
        assert report.format == "goodbooks"
        assert data.items.ids == ("1", "2")
        assert data.items.columns["tags"].tolist() == [["fantasy", "young-adult"], ["young-adult"]]
        assert data.items.columns["title"].tolist() == ["One, two", "Three"]
        assert "CC BY-SA" in data.licence


@pytest.mark.parametrize(
    ("shelf", "kept"),
    [("to-read", False), ("currently-reading", False), ("books-i-own", False), ("2015-reads", False), ("fantasy", True),
     ("young-adult", True), ("sci-fi", True), ("my-library", False), ("historical-fiction", True),
     ("read-in-2014", False)],
)  # fmt: skip
def test_shelf_names_that_are_no_topics(shelf: str, kept: bool) -> None:
    with duckdb.connect() as connection:
        found = connection.execute("SELECT regexp_matches(?, ?)", [shelf, NOT_A_TOPIC]).fetchone()
    assert found == (not kept,)


REVIEWS = {
    "2014": {
        "reviewerID": "A1", "asin": "B0", "reviewerName": "x", "helpful": [2, 3], "reviewText": "Fine &amp; dandy.",
        "overall": 5.0, "summary": "Good", "unixReviewTime": 1252800000, "reviewTime": "09 13, 2009",
    },
    "2018": {
        "overall": 5.0, "vote": "2", "verified": True, "reviewTime": "09 13, 2009", "reviewerID": "A1", "asin": "B0",
        "style": {"Color:": " red"}, "reviewText": "Fine &amp; dandy.", "summary": "Good", "unixReviewTime": 1252800000,
    },
    "2023": {
        "rating": 5.0, "title": "Good", "text": "Fine &amp; dandy.<br />", "images": [], "asin": "B0X",
        "parent_asin": "B0", "user_id": "A1", "timestamp": 1252800000000, "helpful_vote": 2, "verified_purchase": True,
    },
}  # fmt: skip
METADATA = {
    "2014": {
        "asin": "B0", "title": "Tom's Cream", "price": 9.99, "imUrl": "http://x", "brand": "Acme",
        "description": "Soft.", "related": {"also_bought": ["B1", "B2"], "also_viewed": ["B3"]},
        "salesRank": {"Beauty": 3}, "categories": [["Beauty", "Skin"], ["Beauty", "Face"]],
    },
    "2018": {
        "asin": "B0", "title": "Tom's Cream", "price": "$9.99", "brand": "Acme", "description": ["Soft."],
        "feature": ["Big."], "also_buy": ["B1", "B2"], "also_view": ["B3"],
        "category": ["Beauty", "Skin", "Face"], "main_cat": "Beauty",
    },
    "2023": {
        "parent_asin": "B0", "title": "Tom's Cream", "price": 9.99, "main_category": "Beauty", "description": ["Soft."],
        "features": ["Big."], "categories": ["Beauty", "Skin", "Face"], "average_rating": 4.5, "rating_number": 12,
        "details": {"Brand": "Acme"}, "bought_together": None, "store": "Acme",
    },
}  # fmt: skip


@pytest.mark.parametrize("year", ["2014", "2018", "2023"])
def test_amazon_releases(tmp_path: Path, year: str) -> None:
    source = tmp_path / f"beauty-{year}"
    source.mkdir()
    second = REVIEWS[year] | {("user_id" if year == "2023" else "reviewerID"): "A2"}
    (source / "Beauty.jsonl").write_bytes(orjson.dumps(REVIEWS[year]) + b"\n" + orjson.dumps(second) + b"\nbroken\n")
    line = repr(METADATA[year]) if year == "2014" else orjson.dumps(METADATA[year]).decode()
    assert year != "2014" or ast.literal_eval(line)
    (source / "meta_Beauty.jsonl").write_text(line + "\n")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert report.format == "amazon"
    assert report.event_types == {"review": 2}
    assert report.rating_scale == (1.0, 5.0)
    assert report.quarantined == 1
    assert events_of(tmp_path / "dataset")[0] == ("A1", "B0", 1252800000000000)
    assert data.events.texts is not None
    assert data.events.texts.tolist() == ["Good: Fine & dandy."] * 2
    item = data.items.attributes(0)
    assert (item["title"], item["categories"], item["price"]) == ("Tom's Cream", ["Beauty", "Skin", "Face"], 9.99)
    assert item["text"] == ("Soft." if year == "2014" else "Soft.\nBig.")
    if year == "2023":
        assert report.relations == 0
    else:
        links = query("FROM read_parquet(?) ORDER BY ALL", tmp_path / "dataset" / "relations.parquet")
        related = [("B0", "also_bought", "B1"), ("B0", "also_bought", "B2"), ("B0", "also_viewed", "B3")]
        assert links == [(*one, "item", "item") for one in related]
    assert not {"also_bought", "also_buy", "related"} & set(data.items.columns)


def test_amazon_needs_reviews(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(SourceError, match="no Amazon reviews"):
        import_source(tmp_path / "a.jsonl", tmp_path / "dataset", format="amazon")


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        b'{"user": "\xe7\x94\xa8", "item": 7, "time": "2020-01-01T00:00:00Z", "meta": {"a": [1]}}',
        b"",
        b'{"user": "b\\nc", "item": "x/y", "time": 1577836800, "extra": "late", "zero": "\\u0000"}',
        b"[1, 2]",
        b'{"user": "d"',
        b'{"user": "\xff", "item": 1}',
    ]
    report, folder = imported(tmp_path, "events.jsonl", b"\r\n".join(lines))
    assert report.events == 2
    assert events_of(folder, ["user_id", "item_id", "timestamp", "meta", "extra"]) == [
        ("用", "7", 1577836800000000, '{"a":[1]}', None),
        ("b\nc", "x/y", 1577836800000000, None, "late"),
    ]
    assert [row["line"] for row in quarantined(folder)] == [4, 5, 6]
    account = report.files[0]
    assert (account.records, account.kept, account.quarantined, dict(account.dropped)) == (6, 2, 3, {"blank_line": 1})


def test_a_json_array_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="JSON array"):
        imported(tmp_path, "events.json", '[\n{"user": 1, "item": 2}\n]\n')


def test_parquet_rows_say_their_number(tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT * FROM (VALUES (1.0, 'a', TIMESTAMP '2020-01-01'), (NULL, 'b', TIMESTAMP '2020-01-01'),"
            f" (3.0, 'c', NULL)) t(user_id, item_id, happened)) TO '{tmp_path / 'events.parquet'}'"
        )
    report = import_source(
        tmp_path / "events.parquet", tmp_path / "dataset", config=ImportConfig.of({"map": {"time": "happened"}})
    )
    assert events_of(tmp_path / "dataset") == [("1", "a", 1577836800000000)]
    bad = quarantined(tmp_path / "dataset")
    assert [(row["line"], row["column"], row["reason"]) for row in bad] == [
        (2, "user_id", "no user"),
        (3, "happened", "no time"),
    ]
    assert report.files[0].records == 3


@pytest.mark.parametrize("content", [b"", b"PAR1 not really", None])
def test_a_truncated_parquet_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT i AS user_id, i AS item_id FROM range(1000) t(i)) TO '{path}'")
    path.write_bytes(path.read_bytes()[:-50] if content is None else content)
    with pytest.raises(SourceError, match="cut short or no Parquet"):
        import_source(path, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_damaged_parquet_pages_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT hash(i)::VARCHAR AS user_id, i AS item_id FROM range(50000) t(i))"
            f" TO '{path}' (COMPRESSION zstd)"
        )
    data = bytearray(path.read_bytes())
    data[1000:3000] = bytes(2000)
    path.write_bytes(bytes(data))
    with pytest.raises(SourceError, match="damaged"):
        import_source(path, tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_folders_of_named_tables(tmp_path: Path) -> None:
    source = tmp_path / "shop"
    source.mkdir()
    (source / "clicks.csv").write_text("user,item,time\nu,a,1600000000\n")
    (source / "purchases-001.tsv").write_text("customer_id\tsku\tdate\nu\tb\t2020-09-14\n")
    (source / "searches.jsonl").write_text('{"user": "u", "query": "red shoes", "ts": 1600000005000}\n')
    (source / "items.csv").write_text("id,name,genres,price\na,Shoe,Red|Big,5\na,,Blue,6.5\nb,Boot,,\n")
    (source / "users.tsv").write_text("id\tage\nu\t30\n")
    (source / "notes.txt").write_text("x")
    (source / "archive.csv").write_text("x")
    report = import_source(source, tmp_path / "dataset")
    data = Dataset.load(tmp_path / "dataset")
    assert report.event_types == {"click": 1, "purchase": 1, "search": 1}
    assert data.events.items.tolist() == [0, -1, 1] or data.events.items.tolist() == [1, 0, -1]
    assert data.items.columns["price"].tolist() == [5.0, None]
    assert data.items.columns["categories"].tolist() == [["Red", "Big"], None]
    assert {name for name, _ in report.left_aside} == {"notes.txt", "archive.csv"}
    assert report.rules()["duplicate_id_merged"] == 1


def test_a_folder_without_events_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "items.csv").write_text("id\n1\n")
    with pytest.raises(SourceError, match=r"items\.csv"):
        find_layout(tmp_path / "in")


@pytest.mark.parametrize("name", ["none.csv", "file.xyz"])
def test_missing_and_unknown_sources_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.xyz").write_text("x")
    with pytest.raises(SourceError) as caught:
        find_layout(tmp_path / name)
    assert caught.value.hint
    with pytest.raises(SourceError, match="No format is called"):
        find_layout(tmp_path / "file.xyz", format="xml")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "users", "items", "events", "clock"),
    [
        ("amazon-beauty-2014", 22_363, 12_101, {"interaction": 198_502}, "position"),
        ("movielens-100k", 943, 1_682, {"rating": 100_000}, "time"),
        ("movielens-1m", 6_040, 3_883, {"interaction": 999_611}, "position"),
        ("goodbooks-10k-sample", 2_672, 10_000, {"rating": 298_176}, "position"),
        ("lastfm-hetrec2011", 1_892, 17_632, {"listen": 92_834}, "position"),
    ],
)
def test_shared_datasets(
    shared_data: Path, tmp_path: Path, name: str, users: int, items: int, events: dict[str, int], clock: str
) -> None:
    report = import_source(shared_data / name, tmp_path / "dataset")
    assert (report.users, report.items, report.event_types, report.clock) == (users, items, events, clock)
    assert report.quarantined == 0


@pytest.mark.shared_data
def test_yes_no_columns_become_events_of_their_own(shared_data: Path, tmp_path: Path) -> None:
    """As many events of each type as the raw file says yes."""
    raw = shared_data / "kuairand-pure-slice" / "interactions.parquet"
    flags = ["is_click", "long_view", "is_like", "is_comment", "is_follow", "is_forward", "is_hate"]
    sums = query(f"SELECT {', '.join(f'sum({flag})' for flag in flags)} FROM read_parquet(?)", raw)[0]
    report = import_source(shared_data / "kuairand-pure-slice", tmp_path / "dataset")
    found = dict(report.event_types)
    none = query(f"SELECT count(*) FROM read_parquet(?) WHERE {' + '.join(flags)} = 0", raw)[0][0]
    assert found.pop("impression") == none
    assert [found[flag.removeprefix("is_")] for flag in flags] == list(sums)
    assert report.files[0].kept == 222_452
