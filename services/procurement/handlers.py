"""Kafka in: which documents an event changes, and what each decides of it."""

from __future__ import annotations

from functools import partial

from pandapack.contracts.donations import CHINA, DonationsRecorded, DonationsReversed, without_days
from pandapack.contracts.envelope import Envelope, Event
from pandapack.contracts.logistics import ConsignmentClosed, CostIncurred
from pandapack.contracts.procurement import (
    Category,
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
from pandapack.runtime.clock import Clock
from pandapack.runtime.reactions import Reaction, position_of
from pandapack.runtime.store import Decide
from services.procurement.domain import fund, matching, need, need_book, order, round
from services.procurement.domain.fund import Fund
from services.procurement.domain.order_state import Order
from services.procurement.store import Stores
from services.procurement.work import can_fund_more, round_opening

PROVEN_BY_DELIVERY = (Category.MONITORING, Category.ADMINISTRATION)


class Handlers:
    """Routes events to documents. What is of no concern here goes to none."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        self._stores, self._clock = stores, clock

    async def route(self, envelope: Envelope) -> list[Reaction]:
        """The documents that this event changes."""
        known = without_days(envelope.data) if envelope.type == DonationsRecorded.TYPE else envelope.event()
        match known:
            case DonationsRecorded() | DonationsReversed() as event:
                return self._from_shard(envelope, event)
            case ProgrammePublished() as event:
                return [self._fund(envelope, event.programme, partial(fund.follow, event=event), final=True)]
            case NeedOpened() as event:
                return [self._fund(envelope, event.programme, partial(fund.add_need, event=event), final=True)]
            case RoundFunded() as event:
                return await self._round_funded(envelope, event)
            case OrderRequested() as event:
                return [self._order(envelope, event.order, partial(order.place, event=event))]
            case CostIncurred() as event:
                name = order_name(event.round, event.category.value)
                return [self._order(envelope, name, partial(matching.record_cost, event=event))]
            case RoundClosed() as event:
                return [self._fund(envelope, event.programme, partial(fund.close_round, event=event), final=True)]
            case event:
                return self._round(envelope, event)

    def _from_shard(self, envelope: Envelope, event: DonationsRecorded | DonationsReversed) -> list[Reaction]:
        # A fund applies of a shard only what names its programme: a gap shows in the fen, not in the sequence.
        match event:
            case DonationsRecorded():
                credited = sorted({interval.programme for interval in event.intervals})
                return [self._fund(envelope, name, partial(fund.credit, event=event)) for name in credited]
            case DonationsReversed():
                debited = sorted({reversal.programme for reversal in event.reversals})
                return [self._fund(envelope, name, partial(fund.reverse, event=event)) for name in debited]

    async def _round_funded(self, envelope: Envelope, event: RoundFunded) -> list[Reaction]:
        opening = await round_opening(self._stores, event)
        reactions = [
            Reaction(self._stores.rounds, event.round, position_of(envelope), opening),
            Reaction(self._stores.needs, event.need, position_of(envelope), partial(need.fund, event=event)),
            Reaction(
                self._stores.need_books, event.programme, position_of(envelope), partial(need_book.follow, event=event)
            ),
        ]
        if await can_fund_more(self._stores.funds, event.programme):
            reactions.append(self._fund(envelope, event.programme, fund.resume))
        return reactions

    def _proven(self, envelope: Envelope, event: ConsignmentClosed) -> list[Reaction]:
        proven = partial(matching.record_delivery, event=event)
        names = [order_name(event.round, category.value) for category in PROVEN_BY_DELIVERY]
        return [self._order(envelope, name, proven) for name in names]

    def _round(self, envelope: Envelope, event: Event | None) -> list[Reaction]:
        decide: Decide[round.Round]
        match event:
            case OrderConfirmed():
                decide = partial(round.confirm_order, event=event)
            case GoodsReceived():
                decide = partial(round.receive_goods, event=event)
            case OrderPaid():
                decide = partial(round.pay_order, event=event)
            case OrderClosed():
                decide = partial(round.close_order, event=event)
            case ConsignmentClosed():
                decide = partial(round.close_consignment, event=event)
            case _:
                return []
        position = position_of(envelope, final=isinstance(event, OrderClosed))
        proven = self._proven(envelope, event) if isinstance(event, ConsignmentClosed) else []
        return [Reaction(self._stores.rounds, event.round, position, decide), *proven]

    def _order(self, envelope: Envelope, name: str, decide: Decide[Order]) -> Reaction:
        return Reaction(self._stores.orders, name, position_of(envelope), decide)

    def _fund(self, envelope: Envelope, programme: str, decide: Decide[Fund], *, final: bool = False) -> Reaction:
        finish = partial(fund.finish, day=self._clock.now().astimezone(CHINA).date())
        return Reaction(self._stores.funds, programme, position_of(envelope, final=final), decide, finish)
