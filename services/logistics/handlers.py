"""Kafka in: which documents hear an event, and what each decides of it."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.envelope import Envelope
from pandapack.contracts.logistics import CustomsReleased, LegDeparted
from pandapack.contracts.procurement import ParcelsPacked
from pandapack.runtime.hearing import Target, hearing_of
from pandapack.runtime.store import Decide
from services.logistics.domain import consignment
from services.logistics.domain.consignment import Consignment
from services.logistics.store import Stores


class Handlers:
    """Routes events to documents. What is of no concern here goes to none."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def route(self, envelope: Envelope) -> list[Target]:
        """The documents that hear this event."""
        decide: Decide[Consignment]
        match envelope.event():
            case ParcelsPacked() as event:
                decide = partial(consignment.store, event=event)
            case LegDeparted() as event:
                decide = partial(consignment.hear_departure, event=event)
            case CustomsReleased() as event:
                decide = partial(consignment.hear_release, event=event)
            case _:
                return []
        return [Target(self._stores.consignments, event.round, hearing_of(envelope), decide)]
