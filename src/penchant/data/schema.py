"""The canonical columns, and how a source's own column names are found among them.

A column is matched by its name alone (case, spaces and punctuation aside); `--map field=COLUMN` wins. Each column
serves one field. Columns that match nothing are kept under their own names.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from penchant.errors import SchemaError

Role = Literal["events", "items", "users", "relations", "lookup"]
ValueKind = Literal["rating", "quantity", "dwell", "value"]

ALIASES: Mapping[Role, Mapping[str, tuple[str, ...]]] = {
    "events": {
        "user_id": (
            "userid", "user", "uid", "reviewerid", "customerid", "visitorid", "memberid", "accountid", "readerid",
            "viewerid", "clientid", "buyerid", "username", "用户id", "用户",
        ),
        "item_id": (
            "itemid", "item", "iid", "productid", "parentasin", "asin", "sku", "movieid", "bookid", "artistid",
            "videoid", "newsid", "articleid", "trackid", "songid", "contentid", "goodsid", "adid", "gameid", "recipeid",
            "product", "movie", "book", "物品id", "商品id", "物品", "商品",
        ),
        "event_type": (
            "eventtype", "event", "action", "actiontype", "behavior", "behaviortype", "behaviour", "behaviourtype",
            "interactiontype", "feedbacktype", "type", "事件类型", "行为类型", "行为",
        ),
        "timestamp": (
            "timestamp", "timestampms", "timestampus", "ts", "time", "datetime", "eventtime", "unixreviewtime",
            "unixtime", "unixtimestamp", "timems", "date", "createdat", "occurredat", "reviewtime", "sentat",
            "时间", "时间戳",
        ),
        "position": ("position", "pos", "seqno", "sequenceposition", "step", "位置"),
        "value": (
            "rating", "ratings", "stars", "starrating", "score", "overall", "value", "weight", "quantity", "qty",
            "amount", "listencount", "playcount", "plays", "listens", "count", "playtimems", "watchtime", "dwelltime",
            "dwell", "评分",
        ),
        "text": (
            "text", "comment", "commenttext", "review", "reviewtext", "reviewbody", "query", "searchquery",
            "searchterm", "searchtext", "body", "评论", "搜索词",
        ),
        "platform": ("platform", "channel", "devicetype", "device", "平台"),
        "context": ("context",),
        "slate_id": ("slateid", "recommendationid", "recommid", "impressionid", "requestid"),
        "event_id": ("eventid", "interactionid"),
    },
    "items": {
        "item_id": (),  # as for events, then a plain id
        "item_type": ("itemtype", "producttype", "contenttype"),
        "title": (
            "title", "name", "itemname", "itemtitle", "movietitle", "booktitle", "productname", "producttitle",
            "originaltitle", "标题", "名称",
        ),
        "text": (
            "text", "description", "abstract", "body", "content", "overview", "summary", "plot", "synopsis", "描述",
            "简介",
        ),
        "categories": ("categories", "category", "genres", "genre", "class", "类别", "分类"),
        "tags": ("tags", "labels", "tag", "标签"),
        "timestamp": ("timestamp", "timestampms", "createdat", "publishedat", "publishtime"),
    },
    "users": {"user_id": ()},
    "relations": {
        "subject": ("subject", "headid", "head", "source", "itemid", "userid", "sourceid"),
        "relation": ("relation", "relationid", "relationtype", "predicate", "type"),
        "object": ("object", "tailid", "tail", "target", "relateditemid", "friendid", "targetid", "entityid"),
    },
    "lookup": {},
}  # fmt: skip
"""Role → field → names it goes by, best first, in letters and digits only."""

MAP_NAMES = {"user": "user_id", "item": "item_id", "type": "event_type", "event": "event_type", "time": "timestamp"}
"""Short names that `--map` takes for fields."""

_KINDS: Mapping[str, ValueKind] = {
    **dict.fromkeys(("rating", "ratings", "stars", "starrating", "score", "overall", "评分"), "rating"),
    **dict.fromkeys(("quantity", "qty", "amount", "listencount", "playcount", "plays", "listens", "count"), "quantity"),
    **dict.fromkeys(("playtimems", "watchtime", "dwelltime", "dwell"), "dwell"),
}
_LISTENING = {"listencount", "playcount", "plays", "listens"}

ENGAGEMENT: Mapping[str, str] = {
    "isclick": "click", "click": "click", "clicked": "click",
    "longview": "long_view", "islongview": "long_view",
    "islike": "like", "like": "like", "liked": "like",
    "iscomment": "comment", "commented": "comment",
    "isfollow": "follow", "follow": "follow", "followed": "follow",
    "isforward": "forward", "isshare": "share", "shared": "share",
    "isfavorite": "favorite", "isfavourite": "favorite", "favorited": "favorite",
    "iscart": "cart", "addtocart": "cart", "addedtocart": "cart",
    "ispurchase": "purchase", "purchased": "purchase", "isbuy": "purchase",
    "ishate": "hate", "isdislike": "dislike", "disliked": "dislike", "hate": "hate",
}  # fmt: skip
"""Yes/no columns that say what a user did: event types, in the order in which they stand at one moment."""


COMMON_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("pv", "pageview", "view", "viewed", "browse", "browsed", "impressionview", "浏览"), "view"),
    **dict.fromkeys(("click", "clicked", "clk", "tap", "点击"), "click"),
    **dict.fromkeys(("buy", "bought", "purchase", "purchased", "order", "ordered", "transaction", "购买"), "purchase"),
    **dict.fromkeys(("cart", "addtocart", "addcart", "basket", "加购"), "cart"),
    **dict.fromkeys(("fav", "favorite", "favourite", "bookmark", "收藏"), "favorite"),
    **dict.fromkeys(("like", "liked", "thumbsup", "点赞"), "like"),
    **dict.fromkeys(("search", "query", "searched", "搜索"), "search"),
    **dict.fromkeys(("comment", "commented", "评论"), "comment"),
    **dict.fromkeys(("rate", "rated", "rating", "评分"), "rating"),
    **dict.fromkeys(("share", "shared", "forward", "分享"), "share"),
}
"""What platforms call a kind of event, in letters and digits → the one name it has after a merge."""


def letters(name: str) -> str:
    """A column name in lower-case letters and digits: ``Item ID`` and ``item_id`` are one."""
    return re.sub(r"[\W_]+", "", name.casefold())


def value_kind(column: str) -> ValueKind:
    """What a value column holds, by its name."""
    return _KINDS.get(letters(column), "value")


def event_type_for(value_column: str | None, text_column: str | None) -> str:
    """The event type of a file that names none: what its value or text column says."""
    if value_column is not None and value_kind(value_column) == "rating":
        return "rating"
    if value_column is not None and letters(value_column) in _LISTENING:
        return "listen"
    if text_column is not None and letters(text_column).startswith("search"):
        return "search"
    return "interaction"


def resolve(
    role: Role,
    columns: Sequence[str],
    *,
    given: Mapping[str, str] | None = None,
    where: str,
    required: Iterable[str] = (),
) -> dict[str, str]:
    """Field → column of one file.

    `given` maps fields (or their short names) to columns and wins over the names' own meaning. Raises `SchemaError`
    where it names what is not there, or a required field is not found.
    """
    fields = ALIASES[role]
    found: dict[str, str] = {}
    for short, column in (given or {}).items():
        field = MAP_NAMES.get(short, short)
        if field not in fields:
            continue
        if column not in columns:
            raise SchemaError(
                f"{where} has no column {column!r}, asked for as {field}.", hint=f"Its columns: {', '.join(columns)}."
            )
        found[field] = column
    taken = set(found.values())
    free = {letters(column): column for column in reversed(columns) if column not in taken}
    for field, names in fields.items():
        if field in found or (field == "position" and "timestamp" in found):
            continue
        own = ALIASES["events"][field] if field in {"user_id", "item_id"} else names
        if role in {"items", "users"} and field in {"user_id", "item_id"}:
            own = (*own, "id")
        match = next((free[name] for name in own if name in free and free[name] not in taken), None)
        if match is not None:
            found[field] = match
            taken.add(match)
    missing = [field for field in required if field not in found]
    if missing:
        names_of = {field: name for name, field in MAP_NAMES.items() if name in {"user", "item"}}
        example = ",".join(f"{names_of.get(field, field)}=COLUMN" for field in missing)
        raise SchemaError(
            f"{where} has no column for {' and '.join(missing)}. Its columns: {', '.join(columns) or 'none'}.",
            hint=f"Name it with --map {example}.",
        )
    return found


def check_given(given: Iterable[str]) -> None:
    """Refuse a `--map` whose field is none of ours."""
    known = {field for fields in ALIASES.values() for field in fields} | set(MAP_NAMES)
    wrong = [field for field in given if field not in known]
    if wrong:
        raise SchemaError(
            f"--map knows no field {', '.join(map(repr, wrong))}.", hint=f"Fields: {', '.join(sorted(known))}."
        )


def unique_names(columns: Sequence[str]) -> list[str]:
    """Names that differ even without regard to case, as Parquet and SQL want them; empty ones get a number."""
    taken: set[str] = set()
    names = []
    for place, column in enumerate(columns, start=1):
        stem = column.strip() or f"column_{place}"
        name, n = stem, 1
        while name.casefold() in taken:
            n += 1
            name = f"{stem}_{n}"
        taken.add(name.casefold())
        names.append(name)
    return names
