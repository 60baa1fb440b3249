"""A round: parcels of one specification for one country, with its money, its orders, its stock and its parcels.

Its money, to the fen: funded = reserved + committed + spent + released.
Its stock, for each item: accepted = kitted + in stock; a parcel is packed whole or not at all.
"""

from __future__ import annotations

from enum import StrEnum

from pandapack.contracts.envelope import Event, Part
from pandapack.contracts.logistics import ConsignmentClosed
from pandapack.contracts.procurement import (
    Category,
    FundsCommitted,
    FundsSpent,
    GoodsReceived,
    OrderClosed,
    OrderConfirmed,
    OrderPaid,
    OrderRequested,
    ParcelsPacked,
    RoundClosed,
    RoundFunded,
    RoundOpened,
    SchoolShare,
    length_fen,
    order_name,
    serial_of,
)
from pandapack.contracts.publication import Policy
from pandapack.decision import Decision, Refusal, RefusalKind
from services.procurement.domain.allocation import deal
from services.procurement.domain.intervals import Intervals, tail
from services.procurement.domain.pricing import PlannedOrder, Pricing, plan_round

LOTS_A_ROUND_MAX = 200
"""Each lot is told of with all the round's schools. A round of 9,999 parcels is packed in lots of fifty."""


class RoundStatus(StrEnum):
    """`packed`: all parcels are packed. `closed`: all is paid, too, and logistics has closed the consignment."""

    NEW = "new"
    OPEN = "open"
    PACKED = "packed"
    CLOSED = "closed"


class RoundOrderStatus(StrEnum):
    """How far an order is, as far as the round knows."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    RECEIVED = "received"
    PAID = "paid"
    CLOSED = "closed"


class RoundOrder(Part):
    """An order of the round. `committed_fen` is 0 once `spent_fen` is known."""

    order: str
    category: Category
    supplier: str
    status: RoundOrderStatus = RoundOrderStatus.REQUESTED
    committed_fen: int
    spent_fen: int = 0


class PackedLot(Part):
    """Parcels `first_ordinal` … `first_ordinal + count - 1`, packed as one lot."""

    lot: str
    first_ordinal: int
    count: int


class Round(Part):
    """All that is known of a round. `accepted` and `bill`: item → base units, of the whole round and of one parcel."""

    round: str
    status: RoundStatus = RoundStatus.NEW
    ordinal: int = 0
    programme: str = ""
    publication: int = 0
    need: str = ""
    country: str = ""
    specification: str = ""
    parcels: int = 0
    plan_fen: dict[Category, int] = {}
    contingency_fen: int = 0
    funded_fen: int = 0
    released_fen: int = 0
    intervals: Intervals = ()
    released: Intervals = ()
    schools: tuple[SchoolShare, ...] = ()
    bill: dict[str, int] = {}
    orders: tuple[RoundOrder, ...] = ()
    accepted: dict[str, int] = {}
    lots: tuple[PackedLot, ...] = ()
    warehouse: str = ""  # in older rounds nobody is named: staff act
    consignment_closed: bool = False


def packed_parcels(state: Round) -> int:
    """How many parcels are packed."""
    return sum(lot.count for lot in state.lots)


def in_stock(state: Round) -> dict[str, int]:
    """Item → base units that were accepted and are in no parcel."""
    packed = packed_parcels(state)
    return {item: state.accepted.get(item, 0) - quantity * packed for item, quantity in state.bill.items()}


def packable_parcels(state: Round) -> int:
    """How many complete parcels the stock is enough for, of those that are not packed yet."""
    stock = in_stock(state)
    enough_for = min((stock[item] // quantity for item, quantity in state.bill.items()), default=0)
    return min(enough_for, state.parcels - packed_parcels(state))


def committed_fen(state: Round) -> int:
    """What orders may still cost."""
    return sum(order.committed_fen for order in state.orders)


def spent_fen(state: Round) -> int:
    """What was paid."""
    return sum(order.spent_fen for order in state.orders)


def reserved_fen(state: Round) -> int:
    """What is neither committed nor spent nor released."""
    return state.funded_fen - committed_fen(state) - spent_fen(state) - state.released_fen


def open_round(state: Round, event: RoundFunded, pricing: Pricing, schools: tuple[SchoolShare, ...]) -> Decision[Round]:
    """The fund gave the round its money: all orders are requested, and the money for them is committed, at once.

    `schools`: all of the need; the round's parcels are dealt out to those whose turn it is.
    """
    assert state.status is RoundStatus.NEW, f"{event.round} was funded twice: two programmes share a round code"
    plan = plan_round(pricing, event.specification, event.country, event.parcels)
    assert plan.reserved_fen == event.reserved_fen == length_fen(event.intervals)
    dealt = deal(schools, event.parcels_before, event.parcels)
    opened = Round(
        round=state.round,
        status=RoundStatus.OPEN,
        ordinal=event.ordinal,
        programme=event.programme,
        publication=event.publication,
        need=event.need,
        country=event.country,
        specification=event.specification,
        parcels=event.parcels,
        plan_fen=event.plan_fen,
        contingency_fen=event.contingency_fen,
        funded_fen=event.reserved_fen,
        intervals=event.intervals,
        schools=dealt,
        bill=plan.bill,
        warehouse=pricing.warehouse,
        orders=tuple(_round_order(state.round, order) for order in plan.orders),
    )
    assert reserved_fen(opened) >= 0
    round_opened = RoundOpened(
        round=state.round,
        programme=event.programme,
        country=event.country,
        need=event.need,
        parcels=event.parcels,
        schools=dealt,
    )
    requests = [event for order in plan.orders for event in _request(opened, order, pricing.policy)]
    return Decision(opened, (round_opened, *requests))


def confirm_order(state: Round, event: OrderConfirmed) -> Decision[Round]:
    """A supplier confirmed an order. Its money stays committed until it is paid."""
    return Decision(_with_order(state, event.order, status=RoundOrderStatus.CONFIRMED))


def receive_goods(state: Round, event: GoodsReceived) -> Decision[Round]:
    """Accepted goods lie in the round's stock."""
    if not _is_open(state, event.order):
        return Decision(state)
    accepted = dict(state.accepted)
    for line in event.lines:
        assert line.item in state.bill, f"{event.order} delivered {line.item}, which {state.round} does not need"
        accepted[line.item] = accepted.get(line.item, 0) + line.accepted
    state = state.model_copy(update={"accepted": accepted})
    return Decision(_with_order(state, event.order, status=RoundOrderStatus.RECEIVED) if event.complete else state)


def pay_order(state: Round, event: OrderPaid) -> Decision[Round]:
    """Committed money is spent; what the order did not need is reserved again."""
    if not _is_open(state, event.order):
        return Decision(state)
    order = next(order for order in state.orders if order.order == event.order)
    uncommitted_fen = order.committed_fen - event.amount_fen
    assert uncommitted_fen >= 0, "an order never costs more than was committed"
    funds_spent = FundsSpent(
        round=state.round,
        programme=state.programme,
        country=state.country,
        order=order.order,
        category=order.category,
        fen=event.amount_fen,
        uncommitted_fen=uncommitted_fen,
    )
    paid = _with_order(state, order.order, status=RoundOrderStatus.PAID, committed_fen=0, spent_fen=event.amount_fen)
    return Decision(paid, (funds_spent,))


def close_order(state: Round, event: OrderClosed) -> Decision[Round]:
    """Nothing more comes of an order. It publishes nothing after this, so whatever comes of it later is a replay."""
    return _close_if_over(_with_order(state, event.order, status=RoundOrderStatus.CLOSED))


def close_consignment(state: Round, event: ConsignmentClosed) -> Decision[Round]:
    """Every parcel has found its end."""
    ended = event.accepted + event.rejected + event.damaged + event.lost + event.returned
    assert ended == state.parcels == packed_parcels(state), f"{state.round}: {ended} parcels of {state.parcels} ended"
    return _close_if_over(state.model_copy(update={"consignment_closed": True}))


def unknown_round(id: str) -> Refusal:
    """There is no such round, or none that the caller packs: the same is told of both."""
    return Refusal("round_unknown", f"there is no round {id}", RefusalKind.NOT_FOUND)


def is_warehouses(state: Round, by: str | None) -> bool:
    """Whether it is this party's round to pack. `by` None: staff."""
    return state.status is not RoundStatus.NEW and by in (None, state.warehouse)


def kit(state: Round, lot: str, parcels: int, by: str | None) -> Decision[Round] | Refusal:
    """Packs `parcels` complete parcels from the stock by the bill of materials. `by` is the warehouse, None: staff."""
    refusal = unknown_round(state.round) if not is_warehouses(state, by) else _refuse_kitting(state, lot, parcels)
    if refusal is not None:
        return refusal
    first = packed_parcels(state) + 1
    last = first + parcels - 1
    status = RoundStatus.PACKED if last == state.parcels else state.status
    services = [order for order in state.orders if order.category is not Category.GOODS]
    packed_lot = PackedLot(lot=lot, first_ordinal=first, count=parcels)
    packed = state.model_copy(update={"lots": (*state.lots, packed_lot), "status": status})
    assert min(in_stock(packed).values()) >= 0, "a partial parcel is impossible"
    parcels_packed = ParcelsPacked(
        round=state.round,
        programme=state.programme,
        country=state.country,
        specification=state.specification,
        lot=lot,
        first_ordinal=first,
        count=parcels,
        round_parcels=state.parcels,
        consumed={item: quantity * parcels for item, quantity in state.bill.items()},
        schools=state.schools,
        warehouse=state.warehouse,
        services={order.category: order.supplier for order in services},
        services_fen_max={order.category: order.committed_fen or order.spent_fen for order in services},
    )
    answer: dict[str, object] = {
        "round": state.round,
        "lot": lot,
        "first_ordinal": first,
        "count": parcels,
        "first_serial": serial_of(state.round, first),
        "last_serial": serial_of(state.round, last),
        "packed": last,
        "parcels": state.parcels,
    }
    return Decision(packed, (parcels_packed,), answer)


def _refuse_kitting(state: Round, lot: str, parcels: int) -> Refusal | None:
    assert parcels > 0
    if any(known.lot == lot for known in state.lots):
        return Refusal("lot_known", f"{state.round} has a lot {lot} already: give this one its own id")
    if len(state.lots) >= LOTS_A_ROUND_MAX - 1 and parcels != state.parcels - packed_parcels(state):
        detail = f"{state.round} has {len(state.lots)} lots, at most {LOTS_A_ROUND_MAX}: pack all that is left as one"
        return Refusal("lots_too_many", detail)
    left = state.parcels - packed_parcels(state)
    if parcels > left:
        return Refusal("too_many_parcels", f"{state.round} has {left} parcels left to pack, not {parcels}")
    stock = in_stock(state)
    short = {item: quantity * parcels - stock[item] for item, quantity in state.bill.items()}
    missing = [f"{count} of {item}" for item, count in sorted(short.items()) if count > 0]
    if missing:
        detail = f"the stock of {state.round} lacks {', '.join(missing)}: a parcel is packed whole or not at all"
        return Refusal("stock_short", detail)
    return None


def _close_if_over(state: Round) -> Decision[Round]:
    orders_closed = all(order.status is RoundOrderStatus.CLOSED for order in state.orders)
    over = orders_closed and packed_parcels(state) == state.parcels and state.consignment_closed
    if not over or state.status is RoundStatus.CLOSED:
        return Decision(state)
    released_fen = reserved_fen(state)
    assert committed_fen(state) == 0 and released_fen >= 0
    closed = state.model_copy(
        update={
            "status": RoundStatus.CLOSED,
            "released_fen": released_fen,
            "released": tail(state.intervals, released_fen),
        }
    )
    round_closed = RoundClosed(
        round=state.round,
        programme=state.programme,
        country=state.country,
        spent_fen=spent_fen(state),
        released_fen=released_fen,
        released=closed.released,
        leftover={item: count for item, count in in_stock(state).items() if count},
    )
    return Decision(closed, (round_closed,))


def _round_order(round_id: str, order: PlannedOrder) -> RoundOrder:
    return RoundOrder(
        order=order_name(round_id, order.tail),
        category=order.category,
        supplier=order.supplier,
        committed_fen=order.amount_fen_max,
    )


def _request(state: Round, order: PlannedOrder, policy: Policy) -> tuple[Event, Event]:
    name = order_name(state.round, order.tail)
    requested = OrderRequested(
        order=name,
        round=state.round,
        programme=state.programme,
        country=state.country,
        category=order.category,
        supplier=order.supplier,
        lines=order.lines,
        amount_fen=order.amount_fen,
        amount_fen_max=order.amount_fen_max,
        price_tolerance_per_mille=policy.price_tolerance_per_mille,
        warehouse=state.warehouse,
        invoice_fen_max_unapproved=policy.invoice_fen_max_unapproved,
    )
    committed = FundsCommitted(
        round=state.round,
        programme=state.programme,
        country=state.country,
        order=name,
        category=order.category,
        fen=order.amount_fen_max,
    )
    return requested, committed


def _is_open(state: Round, name: str) -> bool:
    order = next((order for order in state.orders if order.order == name), None)
    assert order is not None, f"{state.round} never asked for {name}"
    return order.status is not RoundOrderStatus.CLOSED


def _with_order(state: Round, name: str, **known: object) -> Round:
    """The round with what is now known of an order; of a closed order nothing new is ever known."""
    if not _is_open(state, name):
        return state
    orders = tuple(order.model_copy(update=known) if order.order == name else order for order in state.orders)
    return state.model_copy(update={"orders": orders})
