"""What a round's documents hear: the fold of procurement's and logistics' events into `domain.rounds.Round`."""

from __future__ import annotations

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import (
    ConsignmentClosed,
    ConsignmentOpened,
    CustomsHeld,
    CustomsReleased,
    LegArrived,
    LegDeparted,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelsWrittenOff,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.contracts.procurement import (
    FundsCommitted,
    FundsSpent,
    GoodsReceived,
    OrderClosed,
    OrderConfirmed,
    OrderPaid,
    OrderPlaced,
    ParcelsPacked,
    RoundClosed,
    RoundFunded,
)
from pandapack.decision import Decision
from services.reporting.domain import rounds
from services.reporting.domain.items import units_added
from services.reporting.domain.rounds import Round, ShipmentFacts

OfShipment = ShipmentPlanned | LegDeparted | LegArrived | CustomsHeld | CustomsReleased | ShipmentArrived
OfParcels = (
    ConsignmentOpened
    | ParcelsStored
    | ParcelsDispatched
    | ParcelsWrittenOff
    | ParcelsDelivered
    | ParcelsHandedOut
    | ConsignmentClosed
)
OfOrder = OrderPlaced | OrderConfirmed | GoodsReceived | OrderPaid | OrderClosed
OfMoney = RoundFunded | FundsCommitted | FundsSpent | ParcelsPacked | RoundClosed
OfRound = OfMoney | OfOrder | OfParcels | OfShipment


def round_of(event: Event | None) -> str | None:
    """The round that an event is about, or None."""
    return event.round if isinstance(event, OfRound) else None


def hear(state: Round, event: OfRound, at: str) -> Decision[Round]:
    """The round after the event, which was said at business time `at`."""
    match event:
        case RoundFunded() | FundsCommitted() | FundsSpent() | ParcelsPacked() | RoundClosed():
            update = _of_money(state, event, at)
        case OrderPlaced() | OrderConfirmed() | GoodsReceived() | OrderPaid() | OrderClosed():
            update = _of_order(state, event, at)
        case (
            ConsignmentOpened()
            | ParcelsStored()
            | ParcelsDispatched()
            | ParcelsWrittenOff()
            | ParcelsDelivered()
            | ParcelsHandedOut()
            | ConsignmentClosed()
        ):
            update = _of_parcels(state, event)
        case _:
            known = state.shipments.get(event.shipment, ShipmentFacts())
            update = {"shipments": state.shipments | {event.shipment: _of_shipment(known, event)}}
    named = {"round": event.round, "country": getattr(event, "country", "") or state.country}
    named["programme"] = getattr(event, "programme", "") or state.programme
    return Decision(state.model_copy(update=named | update))


def _of_money(state: Round, event: OfMoney, at: str) -> dict[str, object]:
    match event:
        case RoundFunded():
            fields = {name: getattr(event, name) for name in rounds.Funding.model_fields if name != "at"}
            return {"funding": rounds.Funding(**fields, at=at)}
        case FundsCommitted():
            known = rounds.Commitment(category=event.category, committed_fen=event.fen)
            return {"commitments": state.commitments | {event.order: known}}
        case FundsSpent():
            known = state.commitments[event.order]  # one source says both, so the commitment was heard before
            paid = {"spent_fen": event.fen, "uncommitted_fen": event.uncommitted_fen, "paid": True}
            return {"commitments": state.commitments | {event.order: known.model_copy(update=paid)}}
        case ParcelsPacked():
            lot = rounds.Lot(lot=event.lot, first_ordinal=event.first_ordinal, count=event.count, at=at)
            return {"lots": (*state.lots, lot), "kitted": units_added(state.kitted, event.consumed)}
        case RoundClosed():
            fields = {name: getattr(event, name) for name in rounds.Closing.model_fields if name != "at"}
            return {"closing": rounds.Closing(**fields, at=at)}


def _of_order(state: Round, event: OfOrder, at: str) -> dict[str, object]:
    if isinstance(event, OrderPlaced):
        placed = rounds.OrderFacts(
            category=event.category, supplier=event.supplier, amount_fen=event.amount_fen, placed_at=at
        )
        return {"orders": state.orders | {event.order: placed}}
    known, update = state.orders[event.order], dict[str, object]()
    accepted = state.accepted
    match event:
        case OrderConfirmed():
            update = {"status": "confirmed", "amount_fen": event.amount_fen}
        case GoodsReceived():
            update = {"status": "received" if event.complete else "partly_received"}
            for line in event.lines:
                accepted = units_added(accepted, {line.item: line.accepted})
        case OrderPaid():
            update = {"paid_fen": event.amount_fen, "paid_at": at}
        case OrderClosed():
            update = {"status": "closed"}
    return {"orders": state.orders | {event.order: known.model_copy(update=update)}, "accepted": accepted}


def _of_parcels(state: Round, event: OfParcels) -> dict[str, object]:
    match event:
        case ConsignmentOpened():
            return {}
        case ParcelsStored():
            stored = rounds.Stored(first_ordinal=event.first_ordinal, count=event.count)
            return {"stored": (*state.stored, stored)}
        case ParcelsDispatched():
            dispatch = rounds.Dispatch(shipment=event.shipment, count=event.count, at=event.at)
            return {"dispatches": (*state.dispatches, dispatch)}
        case ParcelsWrittenOff():
            report = rounds.WriteOff(**{name: getattr(event, name) for name in rounds.WriteOff.model_fields})
            return {"write_offs": (*state.write_offs, report)}
        case ParcelsDelivered():
            delivery = rounds.Delivery(**{name: getattr(event, name) for name in rounds.Delivery.model_fields})
            return {"deliveries": (*state.deliveries, delivery)}
        case ParcelsHandedOut():
            handout = rounds.Handout(
                handout=event.handout,
                school=event.school,
                district=event.district,
                parcels=event.parcels,
                pupils=event.girls + event.boys,
                at=event.at,
            )
            return {"handouts": (*state.handouts, handout)}
        case ConsignmentClosed():
            fields = {name: getattr(event, name) for name in rounds.ConsignmentEnd.model_fields}
            return {"ended": rounds.ConsignmentEnd(**fields)}


def _of_shipment(known: ShipmentFacts, event: OfShipment) -> ShipmentFacts:
    match event:
        case ShipmentPlanned():
            update: dict[str, object] = {"legs": event.legs}
        case LegDeparted():
            update = {"departed": known.departed | {str(event.leg): event.at}}
        case LegArrived():
            update = {"arrived": known.arrived | {str(event.leg): event.at}}
        case CustomsHeld():
            update = {"customs": (*known.customs, rounds.Customs(held_at=event.at, reason=event.reason))}
        case CustomsReleased():
            released = {"released_at": event.at, "duty_fen": event.duty_fen}
            last = known.customs[-1] if known.customs else rounds.Customs()
            waiting = last if last.released_at is None else rounds.Customs()
            before = known.customs[:-1] if known.customs and last.released_at is None else known.customs
            update = {"customs": (*before, waiting.model_copy(update=released))}
        case ShipmentArrived():
            update = {"arrived_at": event.at}
    return known.model_copy(update=update)
