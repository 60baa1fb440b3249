"""Kafka in: which documents hear an event, and what each decides of it."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.donations import DonationsRecorded, DonationsReversed, without_days
from pandapack.contracts.envelope import Envelope, Event
from pandapack.contracts.logistics import ConsignmentClosed, CostIncurred
from pandapack.contracts.procurement import (
    GoodsReceived,
    NeedOpened,
    OrderClosed,
    OrderConfirmed,
    OrderPaid,
    OrderRequested,
    ProgrammePublished,
    RoundClosed,
    RoundFunded,
    order_name,
)
from pandapack.runtime.hearing import Target, hearing_of
from pandapack.runtime.store import Decide
from services.procurement.domain import fund, need, order, round
from services.procurement.domain.fund import Fund
from services.procurement.domain.pricing import pricing_of
from services.procurement.store import Stores, published


class Handlers:
    """Routes events to documents. What is of no concern here goes to none."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    async def route(self, envelope: Envelope) -> list[Target]:
        """The documents that hear this event."""
        known = without_days(envelope.data) if envelope.type == DonationsRecorded.TYPE else envelope.event()
        match known:
            case DonationsRecorded() | DonationsReversed() as event:
                return self._from_line(envelope, event)
            case ProgrammePublished() as event:
                return [self._fund(envelope, event.programme, partial(fund.follow, event=event), last=True)]
            case NeedOpened() as event:
                return [self._fund(envelope, event.programme, partial(fund.meet, event=event), last=True)]
            case RoundFunded() as event:
                return await self._funded(envelope, event)
            case OrderRequested() as event:
                decide = partial(order.place, event=event)
                return [Target(self._stores.orders, event.order, hearing_of(envelope), decide)]
            case CostIncurred() as event:
                name = order_name(event.round, event.category.value)
                decide_cost = partial(order.incur, event=event)
                return [Target(self._stores.orders, name, hearing_of(envelope), decide_cost)]
            case RoundClosed() as event:
                return [self._fund(envelope, event.programme, partial(fund.close, event=event), last=True)]
            case event:
                return self._round(envelope, event)

    def _from_line(self, envelope: Envelope, event: DonationsRecorded | DonationsReversed) -> list[Target]:
        # A fund hears a line only where it tells of its programme: a gap shows in the fen, not in the sequence.
        match event:
            case DonationsRecorded():
                credited = sorted({interval.programme for interval in event.intervals})
                return [self._fund(envelope, name, partial(fund.credit, event=event)) for name in credited]
            case DonationsReversed():
                reversed_ = sorted({told.programme for told in event.reversals})
                return [self._fund(envelope, name, partial(fund.reverse, event=event)) for name in reversed_]

    async def _funded(self, envelope: Envelope, event: RoundFunded) -> list[Target]:
        pricing = pricing_of(await published(self._stores, event.programme, event.publication))
        opens = partial(round.open_round, event=event, pricing=pricing)
        targets = [
            Target(self._stores.rounds, event.round, hearing_of(envelope), opens),
            Target(self._stores.needs, event.need, hearing_of(envelope), partial(need.fund, event=event)),
        ]
        known = await self._stores.funds.get(event.programme)
        if known is not None and known.more:
            targets.append(self._fund(envelope, event.programme, fund.go_on))
        return targets

    def _round(self, envelope: Envelope, event: Event | None) -> list[Target]:
        decide: Decide[round.Round]
        match event:
            case OrderConfirmed():
                decide = partial(round.hear_confirmation, event=event)
            case GoodsReceived():
                decide = partial(round.hear_receipt, event=event)
            case OrderPaid():
                decide = partial(round.hear_payment, event=event)
            case OrderClosed():
                decide = partial(round.hear_order_closed, event=event)
            case ConsignmentClosed():
                decide = partial(round.hear_consignment_closed, event=event)
            case _:
                return []
        hearing = hearing_of(envelope, last=isinstance(event, OrderClosed))
        return [Target(self._stores.rounds, event.round, hearing, decide)]

    def _fund(self, envelope: Envelope, programme: str, decide: Decide[Fund], *, last: bool = False) -> Target:
        return Target(self._stores.funds, programme, hearing_of(envelope, last=last), decide, fund.settle)
