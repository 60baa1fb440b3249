"""The fold of procurement's and logistics' events into a round's state."""

from __future__ import annotations

from pandapack.contracts.logistics import (
    CustomsHeld,
    CustomsReleased,
    LegArrived,
    LegDeparted,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsWrittenOff,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.contracts.procurement import (
    GoodsReceived,
    OrderClosed,
    OrderConfirmed,
    OrderPaid,
    OrderPlaced,
    ParcelsPacked,
    RoundClosed,
    RoundFunded,
    RoundOpened,
)
from pandapack.decision import Decision
from services.reporting.domain.rounds.state import (
    Closing,
    Customs,
    Delivery,
    Dispatch,
    Funding,
    Handout,
    Lot,
    OrderFacts,
    Round,
    ShipmentFacts,
    WriteOff,
)

ShipmentEvent = ShipmentPlanned | LegDeparted | LegArrived | CustomsHeld | CustomsReleased | ShipmentArrived
ParcelEvent = ParcelsDispatched | ParcelsWrittenOff | ParcelsDelivered | ParcelsHandedOut
OrderEvent = OrderPlaced | OrderConfirmed | GoodsReceived | OrderPaid | OrderClosed
OwnEvent = RoundFunded | RoundOpened | ParcelsPacked | RoundClosed
RoundEvent = OwnEvent | OrderEvent | ParcelEvent | ShipmentEvent


def evolve(state: Round, event: RoundEvent, at: str) -> Decision[Round]:
    """The round after the event, which happened at business time `at` (RFC 3339)."""
    match event:
        case RoundFunded() | RoundOpened() | ParcelsPacked() | RoundClosed():
            update = _own(state, event, at)
        case OrderPlaced() | OrderConfirmed() | GoodsReceived() | OrderPaid() | OrderClosed():
            update = _order(state, event, at)
        case ParcelsDispatched() | ParcelsWrittenOff() | ParcelsDelivered() | ParcelsHandedOut():
            update = _parcels(state, event)
        case _:
            known = state.shipments.get(event.shipment, ShipmentFacts())
            update = {"shipments": state.shipments | {event.shipment: _shipment(known, event)}}
    named = {"round": event.round, "country": getattr(event, "country", "") or state.country}
    named["programme"] = getattr(event, "programme", "") or state.programme
    return Decision(state.model_copy(update=named | update))


def _own(state: Round, event: OwnEvent, at: str) -> dict[str, object]:
    match event:
        case RoundFunded():
            fields = {name: getattr(event, name) for name in Funding.model_fields if name != "at"}
            return {"funding": Funding(**fields, at=at)}
        case RoundOpened():
            return {"schools": event.schools}
        case ParcelsPacked():
            lot = Lot(lot=event.lot, first_ordinal=event.first_ordinal, count=event.count, at=at)
            return {"lots": (*state.lots, lot)}
        case RoundClosed():
            return {"closing": Closing(released=event.released, at=at)}


def _order(state: Round, event: OrderEvent, at: str) -> dict[str, object]:
    if isinstance(event, OrderPlaced):
        placed = OrderFacts(category=event.category, supplier=event.supplier, amount_fen=event.amount_fen, placed_at=at)
        return {"orders": state.orders | {event.order: placed}}
    known, update = state.orders[event.order], dict[str, object]()
    match event:
        case OrderConfirmed():
            update = {"status": "confirmed", "amount_fen": event.amount_fen}
        case GoodsReceived():
            update = {"status": "received" if event.complete else "partly_received"}
        case OrderPaid():
            update = {"paid_at": at, "paid_fen": event.amount_fen}
        case OrderClosed():
            update = {"status": "closed"}
    return {"orders": state.orders | {event.order: known.model_copy(update=update)}}


def _parcels(state: Round, event: ParcelEvent) -> dict[str, object]:
    match event:
        case ParcelsDispatched():
            dispatch = Dispatch(shipment=event.shipment, count=event.count, at=event.at)
            return {"dispatches": (*state.dispatches, dispatch)}
        case ParcelsWrittenOff():
            report = WriteOff(**{name: getattr(event, name) for name in WriteOff.model_fields})
            return {"write_offs": (*state.write_offs, report)}
        case ParcelsDelivered():
            delivery = Delivery(**{name: getattr(event, name) for name in Delivery.model_fields})
            return {"deliveries": (*state.deliveries, delivery)}
        case ParcelsHandedOut():
            handout = Handout(handout=event.handout, school=event.school, at=event.at)
            return {"handouts": (*state.handouts, handout)}


def _shipment(known: ShipmentFacts, event: ShipmentEvent) -> ShipmentFacts:
    match event:
        case ShipmentPlanned():
            update: dict[str, object] = {"legs": event.legs}
        case LegDeparted():
            update = {"departed": known.departed | {str(event.leg): event.at}}
        case LegArrived():
            update = {"arrived": known.arrived | {str(event.leg): event.at}}
        case CustomsHeld():
            update = {"customs": (*known.customs, Customs(held_at=event.at, reason=event.reason))}
        case CustomsReleased():
            released = {"released_at": event.at, "duty_fen": event.duty_fen}
            last = known.customs[-1] if known.customs else Customs()
            waiting = last if last.released_at is None else Customs()
            before = known.customs[:-1] if known.customs and last.released_at is None else known.customs
            update = {"customs": (*before, waiting.model_copy(update=released))}
        case ShipmentArrived():
            update = {"arrived_at": event.at}
    return known.model_copy(update=update)
