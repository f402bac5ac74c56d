"""Items, what they are about, and what is near them."""

from fastapi import APIRouter, Response

from penchant.records import ItemView
from penchant.serving.outgoing import Items, Similar, reply
from penchant.serving.parameters import ItemId, K, Limit, Live, Words

router = APIRouter(prefix="/v1/items", tags=["items"])


@router.get("", response_model=Items)
def find_items(live: Live, q: Words = "", limit: Limit = 20) -> Response:
    """Items whose title or id holds the words."""
    return reply(Items(query=q, items=tuple(live.find_items(q, limit))))


@router.get("/{item_id}", response_model=ItemView)
def item(item_id: ItemId, live: Live) -> Response:
    """An item with its attributes and concepts."""
    return reply(live.item(item_id))


@router.get("/{item_id}/similar", response_model=Similar)
def similar(item_id: ItemId, live: Live, k: K = 10) -> Response:
    """The nearest items by the cosine of their vectors, with the concepts they share."""
    return reply(Similar(item_id=item_id, items=tuple(live.similar(item_id, k))))
