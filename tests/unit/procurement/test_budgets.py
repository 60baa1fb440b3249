"""Each kind of document and of event, filled to its end and past it: nothing that comes in grows beyond its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from pandapack.contracts.envelope import Event, decode
from pandapack.contracts.logistics import CostIncurred
from pandapack.contracts.procurement import (
    Category,
    FenInterval,
    OrderClosed,
    OrderPaid,
    ParcelsPacked,
    RoundClosed,
    RoundFunded,
    RoundOpened,
    length_fen,
)
from pandapack.decision import Decision, Refusal
from pandapack.runtime.budgets import document_bytes
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, Update
from pandapack.runtime.store import CannotApply, Command, Decide, EventPosition, Kind, Outcome, Store
from services.procurement.api.funding import NeedBody
from services.procurement.domain import fund, matching, need, need_book, order, publication, round
from services.procurement.domain.fund import OPEN_ROUNDS_MAX, PIECES_MAX, Fund
from services.procurement.domain.need import Need, NeedRequest
from services.procurement.domain.need_book import OPEN_NEEDS_MAX, NeedBook
from services.procurement.domain.order import RECEIPTS_A_ORDER_MAX
from services.procurement.domain.order_lines import ReceiptCount
from services.procurement.domain.order_state import INVOICES_A_ORDER_MAX
from services.procurement.domain.pricing import plan_round, pricing_of
from services.procurement.domain.publication import empty_publication, publication_id
from services.procurement.domain.round import LOTS_A_ROUND_MAX, PackedLot, Round, RoundOrderStatus
from services.procurement.store import FUNDS, NEED_BOOKS, NEEDS, ORDERS, PUBLICATIONS, ROUNDS
from tests.unit.procurement import largest
from tests.unit.procurement.largest import NEED, PROGRAMME, RARE, ROUND

AT = datetime(2021, 11, 11, tzinfo=UTC)
PROGRAMME_ID = publication_id(PROGRAMME, 999)
REMARK = RARE * 300


@dataclass
class Filling:
    """A document of a kind, its changes, and how large its events became: type → bytes."""

    kind: Kind[Any]
    id: str
    start: Any = None
    events: dict[str, int] = field(default_factory=dict)
    number: int = 0

    def __post_init__(self) -> None:
        self.documents = MemoryDocuments(self.kind.collection)
        self.store = Store(self.kind, self.documents, clock=FixedClock(AT), chance=SeededChance(1))

    async def begin(self, state: Any) -> Filling:
        """As if it had grown to this."""
        update = Update(inbox={}, state=state.model_dump(mode="json"), sequence=0, outbox=(), answers=())
        assert await self.documents.write(self.id, 0, update)
        return self

    async def command(self, decide: Decide[Any]) -> Outcome[Any] | Refusal:
        """Somebody's command; Kafka takes what it tells."""
        self.number += 1
        outcome = await self.store.change(self.id, decide, Command(f"key-{self.number}", "d" * 64))
        await self._publish()
        return outcome

    async def event(self, decide: Decide[Any], finish: Decide[Any] | None = None) -> Any:
        """An event that cannot be refused. The state afterwards."""
        self.number += 1
        position = EventPosition(f"/procurement/somewhere/{'s' * 64}", self.number)
        outcome = await self.store.apply(self.id, [(position, decide)], finish)
        await self._publish()
        return outcome.state

    async def _publish(self) -> None:
        document = await self.documents.read(self.id)
        for event in document.outbox if document else ():
            type = decode(event.envelope).type
            self.events[type] = max(self.events.get(type, 0), len(event.envelope))
            assert len(event.envelope) <= self.kind.budget.event_bytes_max
            await self.documents.confirm(self.id, event.sequence)

    async def measure(self) -> int:
        """The document's bytes."""
        document = await self.documents.read(self.id)
        assert document is not None and document.state is not None
        return document_bytes(Update(document.inbox, document.state, 0, (), document.answers))


def accepted(outcome: Outcome[Any] | Refusal) -> Any:
    assert isinstance(outcome, Outcome), outcome
    return outcome.state


def is_refused(outcome: Outcome[Any] | Refusal, code: str) -> bool:
    return isinstance(outcome, Refusal) and outcome.code == code


def publishing(**changes: Any) -> Callable[[Any], Any]:
    return partial(publication.publish, content=largest.programme(**changes), at=AT)


async def test_a_publication_at_all_its_ends_is_published_within_its_budget() -> None:
    kept = Filling(PUBLICATIONS, PROGRAMME_ID)
    accepted(await kept.command(publishing()))
    assert 700_000 < kept.events["procurement.ProgrammePublished"] < PUBLICATIONS.budget.event_bytes_max


CONTENT = largest.programme()
PAST = [
    ({"items": (*CONTENT.items, CONTENT.items[0].model_copy(update={"id": "one-more"}))}, "items: 501"),
    ({"suppliers": (*CONTENT.suppliers, CONTENT.suppliers[0].model_copy(update={"id": "one-more"}))}, "suppliers: 101"),
    ({"services": (*CONTENT.services, CONTENT.services[0])}, "services: 1001"),
    ({"catalogue": (*CONTENT.catalogue, CONTENT.catalogue[0])}, "catalogue: 501"),
    ({"specifications": (*CONTENT.specifications, CONTENT.specifications[4])}, "specifications: 51"),
    (
        {"specifications": (*CONTENT.specifications[:49], CONTENT.specifications[0])},
        "lines of all specifications: 2499, must be at most 2000",
    ),
    ({"name": {"zh": RARE * 65, "en": "E"}}, "name must have 1 to 64 characters"),
    ({"suppliers": ({"id": CONTENT.suppliers[0].id, "name": "\x00" * 64}, *CONTENT.suppliers[1:])}, "can be read"),
]


@pytest.mark.parametrize(("changes", "finding"), PAST, ids=[finding for _, finding in PAST])
def test_a_publication_past_one_of_its_ends_is_refused_in_words(changes: dict[str, Any], finding: str) -> None:
    content = type(CONTENT).model_validate({**CONTENT.model_dump(), **_plain(changes)})
    refusal = publication.publish(empty_publication(PROGRAMME_ID), content, AT)
    assert isinstance(refusal, Refusal) and finding in refusal.detail and len(refusal.detail) < 3_000


def _plain(changes: dict[str, Any]) -> dict[str, Any]:
    return {name: [*map(_dumped, value)] if isinstance(value, tuple) else value for name, value in changes.items()}


def _dumped(one: Any) -> Any:
    return one if isinstance(one, dict) else one.model_dump()


def request(count: int) -> NeedRequest:
    rows = largest.schools(count)
    return NeedRequest(programme=PROGRAMME, country="AA", specification=largest.named("v", 0), schools=rows)


async def test_a_need_of_as_many_schools_as_may_be_is_opened_within_its_budget() -> None:
    kept = Filling(NEEDS, NEED)
    decide = partial(need.open_need, request=request(500), ordinal=1, published=largest.programme(), at=AT)
    accepted(await kept.command(decide))
    assert 180_000 < kept.events["procurement.NeedOpened"] < NEEDS.budget.event_bytes_max


def test_a_need_of_more_schools_is_refused_before_it_is_a_need() -> None:
    with pytest.raises(ValidationError, match="at most 500"):
        NeedBody.model_validate({**request(501).model_dump(), "need": "n"})


async def test_a_need_that_came_to_the_store_past_its_budget_is_written_by_nobody() -> None:
    kept = Filling(NEEDS, NEED)
    decide = partial(need.open_need, request=request(1_000), ordinal=1, published=largest.programme(), at=AT)
    refusal = await kept.command(decide)
    assert is_refused(refusal, "event_too_large") and await kept.documents.read(NEED) is None


async def test_a_programmes_open_needs_have_an_end_and_a_met_one_makes_room() -> None:
    kept = await Filling(NEED_BOOKS, PROGRAMME).begin(
        NeedBook(
            programme=PROGRAMME,
            taken=OPEN_NEEDS_MAX - 1,
            places={largest.named("n", n, 64): n + 1 for n in range(OPEN_NEEDS_MAX - 1)},
        )
    )
    last = partial(need_book.take_place, need=NEED)
    assert accepted(await kept.command(last)).places[NEED] == OPEN_NEEDS_MAX
    assert is_refused(await kept.command(partial(need_book.take_place, need="more")), "too_many_open_needs")
    assert accepted(await kept.command(last)).taken == OPEN_NEEDS_MAX, "who has a place keeps it"
    funded = largest.round_funded(10_000)
    await kept.event(partial(need_book.follow, event=funded))
    assert is_refused(await kept.command(partial(need_book.take_place, need="more")), "too_many_open_needs")
    await kept.event(partial(need_book.follow, event=funded.model_copy(update={"meets_need": True})))
    assert accepted(await kept.command(partial(need_book.take_place, need="more"))).places["more"] == OPEN_NEEDS_MAX + 1


async def test_a_fund_at_all_its_ends_funds_a_round_of_all_pieces_within_its_budget() -> None:
    state = largest.fund(fen_each=1_850 * 10**5)
    kept = await Filling(FUNDS, PROGRAMME).begin(state)
    after: Fund = await kept.event(fund.resume, fund.finish)
    assert after.rounds == state.rounds + 1 and len(after.released) < PIECES_MAX // 10
    assert 150_000 < kept.events["procurement.RoundFunded"] < FUNDS.budget.event_bytes_max
    assert 1_000_000 < await kept.measure() < FUNDS.budget.document_bytes_max


async def test_a_fund_with_all_its_rounds_open_still_takes_every_event() -> None:
    rounds = largest.open_rounds()
    state = largest.fund(released=1_000)
    fen = sum(rounds.values())
    spent = {"open_rounds": rounds, "open_pieces": dict.fromkeys(rounds, 1), "spent_fen": state.spent_fen - fen}
    kept = await Filling(FUNDS, PROGRAMME).begin(state.model_copy(update=spent))
    name = next(iter(rounds))
    closing = RoundClosed(
        round=name,
        programme=PROGRAMME,
        country="AA",
        spent_fen=10**12 - 1,
        released_fen=1,
        released=(FenInterval(shard=0, fen_from=5, fen_to=6),),
        leftover={},
    )
    await kept.event(partial(fund.add_need, event=largest.need_opened()), fund.finish)
    await kept.event(partial(fund.follow, event=largest.programme()), fund.finish)
    after: Fund = await kept.event(partial(fund.close_round, event=closing), fund.finish)
    assert len(after.open_rounds) == OPEN_ROUNDS_MAX - 1 and len(after.released) == 1_001
    assert await kept.measure() < FUNDS.budget.document_bytes_max


@pytest.mark.parametrize(
    ("open_rounds", "released", "funds"),
    [(OPEN_ROUNDS_MAX, 10, False), (OPEN_ROUNDS_MAX - 1, 10, True), (1, PIECES_MAX, False), (0, PIECES_MAX, True)],
)
def test_a_fund_that_has_too_much_open_waits_until_some_is_closed(open_rounds: int, released: int, funds: bool) -> None:
    rounds = largest.open_rounds(open_rounds)
    fen_each = 10**12
    state = largest.fund(released=released, fen_each=fen_each)
    fen = sum(rounds.values())
    one = {"shards": state.shards[:1], "known_needs": state.known_needs, "needs": state.needs[:1]}
    spent_fen = largest.BIG_FEN - released * fen_each - fen
    state = state.model_copy(
        update={**one, "open_rounds": rounds, "open_pieces": dict.fromkeys(rounds, 1), "spent_fen": spent_fen}
    )
    decision = fund.finish(state)
    assert any(isinstance(event, RoundFunded) for event in decision.events) is funds
    assert len(decision.state.open_rounds) <= OPEN_ROUNDS_MAX


def test_a_fund_credited_and_reversed_on_every_shard_tells_of_it_within_an_event() -> None:
    state = largest.fund(released=0).model_copy(update={"needs": ()})
    reversed_pieces = tuple(FenInterval(shard=n, fen_from=10**15, fen_to=10**15 + 1) for n in range(1_024))
    unpublished = {"unpublished_credited_fen": 1_024, "unpublished_reversed": reversed_pieces}
    events = fund.finish(state.model_copy(update=unpublished)).events
    assert [len(event.model_dump_json()) < FUNDS.budget.event_bytes_max for event in events] == [True, True]


PRICING = pricing_of(largest.programme())
PLAN = plan_round(PRICING, largest.named("v", 0), "AA", 9_999)
FUNDED = largest.round_funded(PLAN.reserved_fen)
SCHOOLS = largest.schools(parcels=20)


async def opened() -> Filling:
    kept = Filling(ROUNDS, ROUND)
    await kept.event(partial(round.open_round, event=FUNDED, pricing=PRICING, schools=SCHOOLS))
    return kept


async def test_a_round_of_all_pieces_and_schools_is_opened_within_its_budget() -> None:
    kept = await opened()
    assert 180_000 < kept.events[RoundOpened.TYPE] < ROUNDS.budget.event_bytes_max
    assert await kept.measure() < ROUNDS.budget.document_bytes_max * 3 // 4, "commands find room"


async def test_a_round_is_packed_in_a_bounded_number_of_lots_and_closed_within_its_budget() -> None:
    kept = await opened()
    state: Round = (await kept.store.get(ROUND)) or Round(round=ROUND)
    stocked = {item: quantity * state.parcels for item, quantity in state.bill.items()}
    lots = tuple(
        PackedLot(lot=largest.named("l", number, 100), first_ordinal=number + 1, count=1)
        for number in range(LOTS_A_ROUND_MAX - 2)
    )
    kept = await Filling(ROUNDS, ROUND).begin(state.model_copy(update={"accepted": stocked, "lots": lots}))
    accepted(await kept.command(partial(round.kit, lot="k" * 100, parcels=1, by=None)))
    assert is_refused(await kept.command(partial(round.kit, lot="l", parcels=1, by=None)), "lots_too_many")
    rest = state.parcels - LOTS_A_ROUND_MAX + 1
    packed = accepted(await kept.command(partial(round.kit, lot="l" * 100, parcels=rest, by=None)))
    assert 200_000 < kept.events[ParcelsPacked.TYPE] < ROUNDS.budget.event_bytes_max
    paid = tuple(
        one.model_copy(update={"status": RoundOrderStatus.CLOSED, "committed_fen": 0}) for one in packed.orders
    )
    kept.documents = MemoryDocuments("rounds")
    kept.store.documents = kept.documents
    ready = {"orders": paid, "accepted": dict.fromkeys(stocked, 10**9), "consignment_closed": True}
    await kept.begin(packed.model_copy(update=ready))
    last = OrderClosed(order=paid[0].order, round=ROUND, programme=PROGRAMME, cancelled={})
    closed: Round = await kept.event(partial(round.close_order, event=last))
    assert closed.released_fen == length_fen(closed.released) == PLAN.reserved_fen, "nothing was spent: all comes back"
    assert len(closed.released) == PIECES_MAX
    assert 150_000 < kept.events[RoundClosed.TYPE] < ROUNDS.budget.event_bytes_max
    assert await kept.measure() < ROUNDS.budget.document_bytes_max


def requests() -> list[Event]:
    return list(round.open_round(Round(round=ROUND), FUNDED, PRICING, SCHOOLS).events)


async def placed() -> Filling:
    """An order of as many lines as may be, confirmed."""
    found: Any = max(requests(), key=lambda event: len(event.model_dump_json()) if hasattr(event, "lines") else 0)
    lines = tuple(
        found.lines[0].model_copy(update={"item": largest.named("i", number), "quantity": 9_999_000})
        for number in range(500)
    )
    fen = sum(line.quantity * line.unit_price_fen for line in lines)
    kept = Filling(ORDERS, found.order)
    asked = found.model_copy(update={"lines": lines, "amount_fen": fen, "amount_fen_max": 2 * fen})
    await kept.event(partial(order.place, event=asked))
    accepted(await kept.command(partial(order.confirm, prices={}, by=None)))
    return kept


def counts(items: int, reason: str | None = REMARK) -> tuple[ReceiptCount, ...]:
    return tuple(
        ReceiptCount(item=largest.named("i", n), counted=2, rejected=1, reason=reason, lot="L" * 100)
        for n in range(items)
    )


async def test_an_order_of_all_lines_receipts_and_invoices_stays_within_its_budget() -> None:
    kept = await placed()
    for number in range(RECEIPTS_A_ORDER_MAX):
        receipt = largest.named("r", number, 100)
        accepted(await kept.command(partial(order.receive, receipt=receipt, counted=counts(30), by=None)))
    more = partial(order.receive, receipt="more", counted=counts(1), by=None)
    assert is_refused(await kept.command(more), "receipts_too_many")
    for number in range(INVOICES_A_ORDER_MAX):
        bill = partial(matching.match_invoice, invoice=largest.named("b", number, 100), amount_fen=number, by=None)
        accepted(await kept.command(bill))
    assert is_refused(
        await kept.command(partial(matching.match_invoice, invoice="more", amount_fen=99, by=None)), "invoices_too_many"
    )
    assert await kept.measure() < ORDERS.budget.document_bytes_max * 3 // 4
    assert max(kept.events.values()) < ORDERS.budget.event_bytes_max


async def test_a_receipt_that_tells_too_much_at_once_is_refused_and_several_are_not() -> None:
    kept = await placed()
    refusal = await kept.command(partial(order.receive, receipt="all", counted=counts(500), by=None))
    assert is_refused(refusal, "event_too_large") and "several requests" in refusal.detail  # type: ignore[union-attr]
    for number in range(5):
        some = counts(500)[number * 100 : number * 100 + 100]
        accepted(await kept.command(partial(order.receive, receipt=f"part-{number}", counted=some, by=None)))


async def test_what_commands_fill_of_an_order_leaves_room_for_what_cannot_be_refused() -> None:
    service: Any = next(event for event in requests() if getattr(event, "category", "") == Category.DUTY)
    filled = order.place(order.Order(order=service.order), service).state
    kept = await Filling(ORDERS, service.order).begin(filled.model_copy(update={"receipts": ("r" * 780_000,)}))
    long = partial(matching.match_invoice, invoice="i" * 100, amount_fen=5, by=None)
    for number in range(INVOICES_A_ORDER_MAX):
        outcome = await kept.command(partial(long.func, invoice=largest.named("i", number, 100), amount_fen=5, by=None))
        if isinstance(outcome, Refusal):
            break
    assert is_refused(outcome, "document_full") and "let a treasurer decide" in outcome.detail  # type: ignore[union-attr]
    cost = CostIncurred(
        round=ROUND,
        programme=PROGRAMME,
        country="AA",
        category=Category.DUTY,
        fen=5,
        document="d" * 100,
        party=service.supplier,
    )
    after = await kept.event(partial(matching.record_cost, event=cost))
    assert after.paid_fen == 5 and OrderPaid.TYPE in kept.events


async def test_an_event_past_a_documents_budget_stops_in_words_and_writes_nothing() -> None:
    kept = await Filling(NEEDS, NEED).begin(Need(need=NEED, programme="p" * (NEEDS.budget.document_bytes_max - 200)))
    with pytest.raises(CannotApply, match=r"document_full: needs/n+ would measure"):
        await kept.event(lambda state: Decision(state.model_copy(update={"country": "A" * 500})))
    state = await kept.store.get(NEED)
    assert isinstance(state, Need) and state.country == ""
