"""A consignment and a shipment, filled to their ends and past them: commands are refused, and no event is stopped.

What a consignment tells of itself then is folded into reporting's view of the round, which has room for all of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from pandapack.contracts.envelope import decode
from pandapack.contracts.logistics import (
    ComplaintCount,
    ComplaintKind,
    Indicator,
    IndicatorCount,
    Leg,
    SurveyedCountry,
)
from pandapack.contracts.procurement import SchoolShare
from pandapack.decision import Decision, Refusal
from pandapack.runtime.budgets import document_bytes
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import Document, MemoryDocuments, Update
from pandapack.runtime.store import Command, Decide, EventPosition, Kind, Outcome, Store
from services.logistics.api.bodies import OFFICE_CHARACTERS_MAX, TEXT_CHARACTERS_MAX
from services.logistics.domain import consignment, shipment, survey
from services.logistics.domain.consignment import PARKED_MAX, Consignment, Delivery, Handout
from services.logistics.domain.reached import CountryReached
from services.logistics.domain.shipment import LEGS_MAX, Move, Movement, Shipment, Terms
from services.logistics.domain.survey import COUNTRIES_MAX, PUPILS_MAX, Survey
from services.logistics.store import CONSIGNMENTS, SHIPMENTS, SURVEYS
from services.procurement.domain.need import DISTRICT_CHARACTERS_MAX, SCHOOLS_A_NEED_MAX
from services.procurement.domain.publication import ROUND_PARCELS_MAX
from services.reporting.domain.rounds import fold
from services.reporting.domain.rounds.state import Round
from services.reporting.store import ROUNDS
from tests.unit.logistics.reports_of import AT, NOW, PACKED_AT, ROUND, departed, packed, written_off
from tests.unit.logistics.test_shipment import NOW as SHIPMENTS_NOW
from tests.unit.logistics.test_shipment import SHIPMENT

PANDA = "\N{PANDA FACE}"
SCHOOL = "S" * 60 + "{:04d}"
PRECISE_AT = "2021-05-01T08:00:00.123456+00:00"
EACH = ROUND_PARCELS_MAX // SCHOOLS_A_NEED_MAX
SHARES = tuple(
    SchoolShare(school=SCHOOL.format(number), district=PANDA * DISTRICT_CHARACTERS_MAX, pupils=10**5, parcels=EACH)
    for number in range(SCHOOLS_A_NEED_MAX)
)


class Filled:
    """A document of a kind in memory, which a test fills."""

    def __init__(self, kind: Kind[Any], id: str) -> None:
        self.kind, self.id, self.sent = kind, id, 0
        self.documents = MemoryDocuments(kind.collection)
        clock = FixedClock(datetime(2021, 5, 1, tzinfo=UTC))
        self.store: Store[Any] = Store(kind, self.documents, clock=clock, chance=SeededChance(1))

    async def apply(self, *decides: Decide[Any]) -> Any:
        """Events, in one write; no refusal of a budget may stop them."""
        self.sent += len(decides)
        first = self.sent - len(decides) + 1
        steps = [(EventPosition("/events", first + index), decide) for index, decide in enumerate(decides)]
        return (await self.store.apply(self.id, steps)).state

    async def command(self, decide: Decide[Any]) -> Outcome[Any] | Refusal:
        self.sent += 1
        return await self.store.change(self.id, decide, Command(f"{self.sent:0128d}", "0" * 64))

    async def published(self) -> list[Any]:
        """Its events so far; Kafka has them now."""
        document = await self.document()
        await self.documents.confirm(self.id, document.sequence)
        return [decode(one.envelope) for one in document.outbox]

    async def document(self) -> Document:
        document = await self.documents.read(self.id)
        assert document is not None
        return document

    async def measured(self) -> int:
        one = await self.document()
        assert one.state is not None
        return document_bytes(Update(one.inbox, one.state, one.sequence, (), one.answers))


def longest_proof(school: int, part: int = 0) -> Delivery:
    """A school's proof of one of its parcels, in as many words as may be."""
    return Delivery(
        delivery=f"{school:050d}{part:050d}",
        school=SCHOOL.format(school),
        accepted=(school * EACH + part + 1,),
        rejected=(),
        reason=PANDA * TEXT_CHARACTERS_MAX,
        gave=PANDA * OFFICE_CHARACTERS_MAX,
        received=PANDA * OFFICE_CHARACTERS_MAX,
        document="0" * 64,
        at=PRECISE_AT,
    )


def ordinary_proof(school: int) -> Delivery:
    whole = tuple(range(school * EACH + 1, school * EACH + EACH))
    short = {"delivery": f"P-{school}", "accepted": whole, "reason": None, "gave": "driver", "received": "the office"}
    return longest_proof(school).model_copy(update=short)


def handout_of(school: int, id: str) -> Handout:
    return Handout(handout=id, school=SCHOOL.format(school), parcels=1, girls=9_999, boys=9_999, at=PRECISE_AT)


async def opened() -> Filled:
    """All parcels of the largest round are packed, for as many schools as a need has, under the longest names."""
    whole = packed(1, ROUND_PARCELS_MAX).model_copy(
        update={"round_parcels": ROUND_PARCELS_MAX, "schools": SHARES, "programme": "P" * 64}
    )
    filled = Filled(CONSIGNMENTS, ROUND)
    await filled.apply(partial(consignment.store_parcels, event=whole, at=PACKED_AT))
    return filled


async def parked(filled: Filled, deliveries: list[Delivery], handouts: list[Handout]) -> Consignment:
    """As if these had come as commands, which one by one would take minutes."""
    update = {"parked_deliveries": tuple(deliveries), "parked_handouts": tuple(handouts)}
    state: Consignment = await filled.apply(lambda state: Decision(state.model_copy(update=update)))
    return state


async def fits_reporting(filled: Filled) -> None:
    """All that the consignment told of itself, as reporting keeps it of a round."""
    view = Filled(ROUNDS, f"{ROUND}/logistics/0")
    envelopes = await filled.published()
    for begin in range(0, len(envelopes), 100):
        steps = []
        for envelope in envelopes[begin:][:100]:
            event = envelope.event()
            if isinstance(event, fold.RoundEvent):
                steps.append(partial(fold.evolve, event=event, at=envelope.time))
        await view.apply(*steps)
    state = await view.store.get(view.id)
    assert isinstance(state, Round) and state.deliveries


async def test_a_consignment_that_is_full_of_words_refuses_more_of_them_and_applies_what_comes_by_events() -> None:
    filled = await opened()
    room = CONSIGNMENTS.budget.document_bytes_max * 3 // 4 - await filled.measured()
    count = room // len(msgspec.json.encode(longest_proof(0).model_dump(mode="json")))
    assert 200 < count < PARKED_MAX
    await parked(filled, [longest_proof(school) for school in range(count)], [])
    refusal = await filled.command(partial(consignment.deliver, delivery=longest_proof(count), now=NOW))
    assert isinstance(refusal, Refusal) and refusal.code == "document_full"
    assert "report several deliveries as one" in refusal.detail
    state = await filled.apply(partial(consignment.depart, event=departed()))
    assert len(state.deliveries) == count
    await fits_reporting(filled)


async def test_all_that_may_be_parked_is_applied_in_one_write() -> None:
    filled = await opened()
    schools = range(PARKED_MAX)
    handouts = [handout_of(school, f"{school:0100d}") for school in schools]
    await parked(filled, [ordinary_proof(school) for school in schools], handouts)
    state = await filled.apply(partial(consignment.depart, event=departed()))
    assert (len(state.deliveries), len(state.handouts)) == (PARKED_MAX, PARKED_MAX)
    await fits_reporting(filled)


async def test_all_that_is_parked_and_not_true_is_turned_down_in_one_write() -> None:
    filled, early = await opened(), {"at": "2021-04-30T08:00:00.123456+00:00"}
    proofs = [ordinary_proof(school).model_copy(update=early) for school in range(PARKED_MAX)]
    handouts = [handout_of(school, f"{school:0100d}").model_copy(update=early) for school in range(PARKED_MAX)]
    await parked(filled, proofs, handouts)
    before = await filled.measured()
    state = await filled.apply(partial(consignment.depart, event=departed()))
    assert len(state.turned_down) == 2 * PARKED_MAX
    assert await filled.measured() < before, "what is turned down takes less room than what waited"


async def test_the_largest_round_has_room_for_a_proof_and_a_handout_of_each_school() -> None:
    filled = await opened()
    await filled.apply(partial(consignment.depart, event=departed()))
    await filled.published()
    schools = range(SCHOOLS_A_NEED_MAX - 1)
    for some in (schools[:PARKED_MAX], schools[PARKED_MAX:]):
        await parked(filled, [ordinary_proof(one) for one in some], [handout_of(one, f"H-{one}") for one in some])
        await filled.apply(consignment.finish)
        await filled.published()
    last = SCHOOLS_A_NEED_MAX - 1
    for decide in (
        partial(consignment.deliver, delivery=ordinary_proof(last), now=NOW),
        partial(consignment.hand_out, handout=handout_of(last, "H"), now=NOW),
        written_off("W-1", (ROUND_PARCELS_MAX,)),
    ):
        assert isinstance(await filled.command(decide), Outcome)
    state = await filled.store.get(ROUND)
    assert isinstance(state, Consignment) and len(state.deliveries) == len(state.handouts) == SCHOOLS_A_NEED_MAX


async def test_a_write_off_of_all_parcels_is_one_event_within_its_budget() -> None:
    filled = await opened()
    every = tuple(range(1, ROUND_PARCELS_MAX + 1))
    assert isinstance(await filled.command(written_off("W-1", every)), Outcome)


async def test_a_shipment_has_room_for_all_its_legs_and_movements() -> None:
    ends = [f"CN{initial}AA" for initial in "ABCDEFGHIJKLM"]
    legs = tuple(
        Leg(mode="road", carrier="C" * 64, document="D" * 100, origin=ends[number], destination=ends[number + 1])
        for number in range(LEGS_MAX)
    )
    filled = Filled(SHIPMENTS, SHIPMENT)
    terms = Terms(broker="B" * 64, duty_fen_max=1, packed_at=PACKED_AT)
    plan = partial(shipment.plan, round="R-000001", legs=legs, terms=terms, by=None)
    assert isinstance(await filled.command(plan), Outcome)
    moves = [(move, leg) for leg in range(LEGS_MAX, 0, -1) for move in (Move.ARRIVAL, Move.DEPARTURE)]
    for move, leg in moves:
        movement = Movement(move=move, leg=leg, at=AT)
        outcome = await filled.command(partial(shipment.report, movement=movement, by=None, now=SHIPMENTS_NOW))
        assert isinstance(outcome, Outcome)
    state = await filled.store.get(SHIPMENT)
    assert isinstance(state, Shipment) and (state.status, state.parked) == ("arrived", ())
    assert await filled.measured() < SHIPMENTS.budget.document_bytes_max // 20


async def test_the_largest_survey_is_a_document_and_an_event_within_their_budgets() -> None:
    most = dict.fromkeys(
        ("frame_schools", "frame_pupils", "sample_schools", "sample_pupils", "interviewed"), PUPILS_MAX
    )
    answers = tuple(IndicatorCount(indicator=one, numerator=PUPILS_MAX, denominator=PUPILS_MAX) for one in Indicator)
    complaints = tuple(ComplaintCount(kind=one, received=PUPILS_MAX, resolved=PUPILS_MAX) for one in ComplaintKind)
    names = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJ"][:COUNTRIES_MAX]
    countries = tuple(
        SurveyedCountry(country=name, **most, indicators=answers, complaints=complaints) for name in names
    )
    days = {"first_day": "2021-04-01", "last_day": "2021-04-30"}
    found = Survey(survey="S" * 64, programme="P" * 64, **days, countries=countries)
    reached = dict.fromkeys(names, CountryReached(PUPILS_MAX, PUPILS_MAX, PUPILS_MAX))
    filled = Filled(SURVEYS, "S" * 64)
    outcome = await filled.command(partial(survey.report, found=found, by="E" * 64, reached=reached, now=NOW))
    assert isinstance(outcome, Outcome)
    assert await filled.measured() < SURVEYS.budget.document_bytes_max // 4
