"""Items as texts: what an encoder reads of an item's attributes."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from penchant.config import Config
from penchant.data.dataset import Table
from penchant.encoders.rendering import check_fields, check_wordings, words

DEFAULT_WORDINGS: Mapping[str, str] = {
    "title": "{}",
    "author": "by {}",
    "authors": "by {}",
    "brand": "by {}",
    "categories": "{}",
    "genres": "{}",
    "tags": "{}",
    "price": "price {}",
    "description": "{}",
    "text": "{}",
}
"""Attributes rendered by default where items have them, long ones last since a text is cut at its end. Others, such as
ids, dates and whole-site averages, are left out: they say nothing in words, or what should not be known."""


class ItemTemplate(Config):
    """Which attributes are rendered, in which order and how."""

    fields: Mapping[str, str] | None = None
    """Attribute → wording with one ``{}`` for its value. None: `DEFAULT_WORDINGS`, those that items have."""
    max_values: int = Field(default=5, ge=1)
    """How many of an item's categories, genres, tags and the like."""
    separator: str = ". "

    @field_validator("fields")
    @classmethod
    def _wordings(cls, fields: Mapping[str, str] | None) -> Mapping[str, str] | None:
        check_wordings(fields or {})
        return fields


def render_items(items: Table, *, template: ItemTemplate | None = None) -> list[str]:
    """One text for each of the I items, "" for an item with none of the template's attributes.

    An attribute that says the same as one before is not repeated. Raises `ConfigError` where the template names an
    attribute that items do not have.
    """
    template = template or ItemTemplate()
    wordings = template.fields
    if wordings is None:
        wordings = {name: wording for name, wording in DEFAULT_WORDINGS.items() if name in items.columns}
    check_fields(wordings, items.columns, what="item")
    columns = [(items.columns[name], wording) for name, wording in wordings.items()]
    texts = []
    for row in range(len(items)):
        parts: dict[str, str] = {}
        for values, wording in columns:
            if value := words(values[row], at_most=template.max_values):
                parts.setdefault(value, wording.replace("{}", value))
        texts.append(template.separator.join(parts.values()))
    return texts
