"""The items view: the terms of the item law, in base units, by programme and item. One document a partition."""

from __future__ import annotations

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.procurement import Category, GoodsReceived, OrderClosed, OrderPlaced, ParcelsPacked
from pandapack.decision import Decision
from services.reporting.domain.figures import Figures


class Units(Figures):
    """Sums of what was ever said of an item."""

    ordered: int = 0
    over_delivered: int = 0
    received: int = 0
    accepted: int = 0
    rejected: int = 0
    cancelled: int = 0
    kitted: int = 0


class Items(Part):
    """One partition. `items`: "programme/item" → units; `outstanding`: open order → item → units that still come.

    All of an order's events are in one partition, so `outstanding` is complete for the orders of this document. It is
    kept order by order, apart from the sums, so that the law compares two ways of counting.
    """

    items: dict[str, Units] = {}
    outstanding: dict[str, dict[str, int]] = {}


def count(state: Items, event: Event) -> Decision[Items]:
    """Adds what an event says of goods. Other events change nothing."""
    match event:
        case OrderPlaced(category=Category.GOODS):
            lines = {line.item: line.quantity for line in event.lines}
            items = _grown(state.items, event.programme, {item: {"ordered": n} for item, n in lines.items()})
            return _decided(items, state.outstanding | {event.order: lines})
        case GoodsReceived():
            return _received(state, event)
        case OrderClosed():
            return _closed(state, event)
        case ParcelsPacked():
            more = {item: {"kitted": units} for item, units in event.consumed.items()}
            return _decided(_grown(state.items, event.programme, more), state.outstanding)
        case _:
            return Decision(state)


def _received(state: Items, event: GoodsReceived) -> Decision[Items]:
    more: dict[str, dict[str, int]] = {item: {"ordered": units} for item, units in event.reordered.items()}
    open_units = dict(state.outstanding.get(event.order, {}))
    for item, units in event.reordered.items():
        open_units[item] = open_units.get(item, 0) + units
    for line in event.lines:
        more[line.item] = more.get(line.item, {}) | {
            "received": line.counted,
            "accepted": line.accepted,
            "rejected": line.rejected,
            "over_delivered": line.over_delivered,
        }
        open_units[line.item] = open_units.get(line.item, 0) - (line.counted - line.over_delivered)
    rest = {item: units for item, units in open_units.items() if units}
    return _decided(_grown(state.items, event.programme, more), state.outstanding | {event.order: rest})


def _closed(state: Items, event: OrderClosed) -> Decision[Items]:
    """What a closed order still owes and did not cancel stays in the document: the law then shows it."""
    rest = dict(state.outstanding.get(event.order, {}))
    for item, units in event.cancelled.items():
        rest[item] = rest.get(item, 0) - units
    rest = {item: units for item, units in rest.items() if units}
    outstanding = {order: units for order, units in state.outstanding.items() if order != event.order}
    if rest:
        outstanding[event.order] = rest
    more = {item: {"cancelled": units} for item, units in event.cancelled.items()}
    return _decided(_grown(state.items, event.programme, more), outstanding)


def _grown(items: dict[str, Units], programme: str, more: dict[str, dict[str, int]]) -> dict[str, Units]:
    grown = {
        f"{programme}/{item}": items.get(f"{programme}/{item}", Units()).plus(**units) for item, units in more.items()
    }
    return items | grown


def _decided(items: dict[str, Units], outstanding: dict[str, dict[str, int]]) -> Decision[Items]:
    return Decision(Items(items=items, outstanding=outstanding))
