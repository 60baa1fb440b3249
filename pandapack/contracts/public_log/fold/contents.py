"""What a parcel holds, and what was paid for it: specifications and items as last published, payments by item.

A paid order's fen are shared out over its lines by their amounts, each share cut off at the fen that the lines up to it
are worth together. The shares of an order are what was paid, to the fen, and each is its line's own amount where what
was paid is what was ordered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pandapack.contracts.public_log.fold.books import Books

Json = dict[str, Any]
OrderedLine = tuple[str, int, int]
"""An item, its base units, and their amount in fen."""


class ItemForm(msgspec.Struct, forbid_unknown_fields=True):
    """An item as published: what it is for, its base unit, HS code, and name by language (in older entries: none)."""

    category: str
    unit: str
    hs_code: str
    name: dict[str, str] = {}


class SpecificationForm(msgspec.Struct, forbid_unknown_fields=True):
    """A parcel as published. `lines`: item → base units in one parcel, in the order of the bill of materials."""

    version: int
    effective_from: str
    weight_g: int
    volume_cm3: int
    value_fen: int
    lines: dict[str, int]


class Contents(msgspec.Struct, forbid_unknown_fields=True):
    """Of a programme, by id: each item and specification as the last publication that names it has them.

    `name`, `motto`: by language, of the last publication; nothing where entries are older than that.
    """

    publication: int = 0
    name: dict[str, str] = {}
    motto: dict[str, str] = {}
    items: dict[str, ItemForm] = {}
    specifications: dict[str, SpecificationForm] = {}


def publish(contents: Contents, entry: Mapping[str, Any]) -> None:
    """The contents with one more publication."""
    contents.publication = entry["publication"]
    contents.name = dict(entry.get("name") or {})
    contents.motto = dict(entry.get("motto") or {})
    for one in entry.get("items", ()):
        name = dict(one.get("name") or {})
        contents.items[one["id"]] = ItemForm(one["category"], one["unit"], one["hs_code"], name)
    for one in entry.get("specifications", ()):
        contents.specifications[one["id"]] = SpecificationForm(
            one["version"],
            one["effective_from"],
            one["weight_g"],
            one["volume_cm3"],
            one["value_fen"],
            {line["item"]: line["quantity"] for line in one["lines"]},
        )


def ordered_lines(lines: Iterable[Mapping[str, Any]]) -> list[OrderedLine]:
    """An order's lines, as placed or as confirmed."""
    return [(one["item"], one["quantity"], one["quantity"] * one["unit_price_fen"]) for one in lines]


def shares_of(fen: int, lines: Sequence[OrderedLine]) -> Iterable[OrderedLine]:
    """What was paid of each line where the order was paid with `fen`; nothing for lines that are worth nothing."""
    whole, before = sum(amount for _, _, amount in lines), 0
    for item, units, amount in lines if whole else ():
        after = before + amount
        yield item, units, fen * after // whole - fen * before // whole
        before = after


def content_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/content`: a row a programme, specification and item, in the order of the bill of materials.

    `quantity`: base units in one parcel. Names are null in entries that have none.
    """
    rows: list[Json] = []
    for owner, contents in sorted(books.contents.items()):
        if programme not in (None, owner):
            continue
        for name, one in sorted(contents.specifications.items()):
            of = {"programme": owner, "specification": name, "version": one.version}
            for position, (item, quantity) in enumerate(one.lines.items(), 1):
                form = contents.items.get(item, ItemForm("", "", ""))
                rows.append(
                    {
                        **of,
                        "effective_from": one.effective_from,
                        "position": position,
                        "item": item,
                        "category": form.category,
                        "unit": form.unit,
                        "hs_code": form.hs_code,
                        "name_zh": form.name.get("zh"),
                        "name_en": form.name.get("en"),
                        "quantity": quantity,
                    }
                )
    return rows
