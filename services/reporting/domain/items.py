"""The items view: the terms of the item law, in base units, by programme and item.

What open orders still owe grows with them, so a partition has `ITEM_BUCKETS` documents, by the order's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.procurement import Category, GoodsReceived, OrderClosed, OrderPlaced, ParcelsPacked
from pandapack.decision import Decision
from services.reporting.domain.figures import Figures

ITEM_BUCKETS = 8
"""Each has room for some two thousand open orders of ten lines, in each partition."""


class Units(Figures):
    """Sums of all that ever happened to an item."""

    ordered: int = 0
    over_delivered: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    cancelled: int = 0
    kitted: int = 0


class Items(Part):
    """One bucket of one partition. `items`: "programme/item" → units; `outstanding`: open order → "programme/item" →
    units that still come.

    All of an order's events are in one partition and bucket, so `outstanding` is complete for the orders of this
    document. It is kept order by order, apart from the sums, so that the law compares two ways of counting.
    """

    items: dict[str, Units] = {}
    outstanding: dict[str, dict[str, int]] = {}


def bucket_of(event: Event) -> int | None:
    """In which bucket an event is counted; None: it tells nothing of goods."""
    match event:
        case OrderPlaced() | GoodsReceived() | OrderClosed():
            return crc32(event.order.encode()) % ITEM_BUCKETS
        case ParcelsPacked():
            return crc32(event.round.encode()) % ITEM_BUCKETS
        case _:
            return None


def count(state: Items, event: Event) -> Decision[Items]:
    """Adds what an event tells of goods. Other events change nothing."""
    match event:
        case OrderPlaced(category=Category.GOODS):
            lines = _named(event.programme, {line.item: line.quantity for line in event.lines})
            items = _grown(state.items, {item: {"ordered": units} for item, units in lines.items()})
            return Decision(Items(items=items, outstanding=state.outstanding | {event.order: lines}))
        case GoodsReceived():
            return _received(state, event)
        case OrderClosed():
            return _closed(state, event)
        case ParcelsPacked():
            consumed = _named(event.programme, event.consumed)
            more = {item: {"kitted": units} for item, units in consumed.items()}
            return Decision(state.model_copy(update={"items": _grown(state.items, more)}))
        case _:
            return Decision(state)


def _received(state: Items, event: GoodsReceived) -> Decision[Items]:
    reordered = _named(event.programme, event.reordered)
    items = _grown(state.items, {item: {"ordered": units} for item, units in reordered.items()})
    owed = units_added(state.outstanding.get(event.order, {}), reordered)
    for line in event.lines:
        name = item_name(event.programme, line.item)
        more = {
            "received": line.counted,
            "accepted": line.accepted,
            "rejected": line.rejected,
            "over_delivered": line.over_delivered,
        }
        items = _grown(items, {name: more})
        owed = units_added(owed, {name: line.over_delivered - line.counted})
    return Decision(Items(items=items, outstanding=state.outstanding | {event.order: _nonzero(owed)}))


def _closed(state: Items, event: OrderClosed) -> Decision[Items]:
    """What a closed order still owes and did not cancel stays in the document: the law then shows it."""
    cancelled = _named(event.programme, event.cancelled)
    items = _grown(state.items, {item: {"cancelled": units} for item, units in cancelled.items()})
    owed = units_added(state.outstanding.get(event.order, {}), {item: -units for item, units in cancelled.items()})
    outstanding = {order: units for order, units in state.outstanding.items() if order != event.order}
    if rest := _nonzero(owed):
        outstanding[event.order] = rest
    return Decision(Items(items=items, outstanding=outstanding))


def item_name(programme: str, item: str) -> str:
    """An item in the view: programmes do not share stock."""
    return f"{programme}/{item}"


def units_added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Item → units, item by item."""
    return {item: one.get(item, 0) + other.get(item, 0) for item in {**one, **other}}


def _named(programme: str, units: Mapping[str, int]) -> dict[str, int]:
    return {item_name(programme, item): count for item, count in units.items()}


def _nonzero(units: Mapping[str, int]) -> dict[str, int]:
    return {item: count for item, count in units.items() if count}


def _grown(items: dict[str, Units], more: Mapping[str, Mapping[str, int]]) -> dict[str, Units]:
    return items | {item: items.get(item, Units()).plus(**units) for item, units in more.items()}
