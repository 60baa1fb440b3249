"""Kafka in: which documents an event changes, and what each decides of it."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.envelope import Envelope
from pandapack.contracts.logistics import (
    CustomsReleased,
    LegDeparted,
    ParcelsDelivered,
    ParcelsHandedOut,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.contracts.procurement import ParcelsPacked
from pandapack.runtime.reactions import Reaction, position_of
from pandapack.runtime.store import Decide
from services.logistics.domain import consignment, reached
from services.logistics.domain.consignment import Consignment
from services.logistics.domain.reached import Reached
from services.logistics.store import Stores


class Handlers:
    """Routes events to documents. What is of no concern here goes to none."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def route(self, envelope: Envelope) -> list[Reaction]:
        """The documents that this event changes."""
        decide: Decide[Consignment]
        match envelope.event():
            case ParcelsPacked() as event:
                decide = partial(consignment.store_parcels, event=event, at=envelope.time)
            case ShipmentPlanned() as event:
                decide = partial(consignment.plan_shipment, event=event)
            case ShipmentArrived() as event:
                decide = partial(consignment.arrive, event=event)
            case LegDeparted() as event:
                decide = partial(consignment.depart, event=event)
            case CustomsReleased() as event:
                decide = partial(consignment.record_duty, event=event)
            case ParcelsDelivered() as event:
                return self._reached(envelope, event.round, partial(reached.deliver, event=event))
            case ParcelsHandedOut() as event:
                return self._reached(envelope, event.round, partial(reached.hand_out, event=event))
            case _:
                return []
        return [Reaction(self._stores.consignments, event.round, position_of(envelope), decide)]

    def _reached(self, envelope: Envelope, round: str, decide: Decide[Reached]) -> list[Reaction]:
        return [Reaction(self._stores.reached, round, position_of(envelope), decide)]
