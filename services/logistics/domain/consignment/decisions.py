"""The decisions of a consignment: on parcels that are packed, on its shipment, on what people report.

A report of what cannot be true is refused, and so is any of a round of which nothing is packed: no stranger's word
begins a consignment. One whose turn has not come is parked, and answered so.
"""

from __future__ import annotations

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import (
    REPORTED_COSTS,
    ConsignmentOpened,
    CustomsReleased,
    LegDeparted,
    ParcelsHandedOut,
    ParcelsStored,
    ParcelState,
    ParcelsWrittenOff,
    ShipmentArrived,
    ShipmentPlanned,
)
from pandapack.contracts.procurement import Category, ParcelsPacked
from pandapack.decision import Decision, Refusal
from services.logistics.domain.consignment.parties import (
    refuse_not_holding,
    refuse_unordered,
    refuse_unpacked,
    with_carriers,
    with_packed,
)
from services.logistics.domain.consignment.progress import finish
from services.logistics.domain.consignment.refusals import (
    refuse_above_order,
    refuse_before_departure,
    refuse_closed,
    refuse_contradiction,
    refuse_ended,
    refuse_foreign_parcels,
    refuse_known_cost,
    refuse_known_delivery,
    refuse_known_handout,
    refuse_known_report,
    refuse_more_than_dealt,
    refuse_too_many_parked,
    refuse_too_many_reports,
    refuse_unstored,
)
from services.logistics.domain.consignment.state import (
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Departure,
    Handout,
    WriteOff,
    open_state,
    with_cost,
    with_ended,
)
from services.logistics.domain.times import Now, refuse_time

FIRST_LEG = 1


def store_parcels(state: Consignment, event: ParcelsPacked, at: str) -> Decision[Consignment]:
    """Packed parcels come into the warehouse. `at`: when they were packed."""
    assert event.first_ordinal == state.stored + 1, f"{state.round} has {state.stored}, then {event.first_ordinal}"
    named = {"round": state.round, "programme": event.programme, "country": event.country}
    events: list[Event] = []
    if state.status is ConsignmentStatus.NEW:
        events.append(ConsignmentOpened(**named, round_parcels=event.round_parcels))
    events.append(ParcelsStored(**named, first_ordinal=event.first_ordinal, count=event.count))
    stored = state.model_copy(
        update={
            "status": ConsignmentStatus.OPEN,
            "programme": event.programme,
            "country": event.country,
            "specification": event.specification,
            "round_parcels": event.round_parcels,
            "schools": event.schools,
            "stored": state.stored + event.count,
            "packed_at": state.packed_at or at,
        }
    )
    assert stored.stored <= stored.round_parcels, f"{state.round} has more parcels than it was funded for"
    return finish(with_packed(stored, event), events)


def plan_shipment(state: Consignment, event: ShipmentPlanned) -> Decision[Consignment]:
    """A shipment was booked: its carriers take part."""
    return Decision(with_carriers(state, event.legs))


def depart(state: Consignment, event: LegDeparted) -> Decision[Consignment]:
    """The shipment's first leg began: its parcels leave the warehouse once all of them are there."""
    if event.leg != FIRST_LEG or state.departure is not None:
        return Decision(state)
    departure = Departure(shipment=event.shipment, at=event.at)
    return finish(state.model_copy(update={"departure": departure}))


def arrive(state: Consignment, event: ShipmentArrived) -> Decision[Consignment]:
    """The last leg of the shipment that took the parcels ended."""
    if state.departure is None or state.departure.shipment != event.shipment:
        return Decision(state)
    return Decision(state.model_copy(update={"arrived_at": event.at}))


def record_duty(state: Consignment, event: CustomsReleased) -> Decision[Consignment]:
    """Customs let the shipment go: duty, with demurrage, is what it cost."""
    if Category.DUTY in state.costs:
        return Decision(state)
    cost = Cost(fen=event.duty_fen, document=event.document or event.shipment, party=event.party)
    return finish(with_cost(state, Category.DUTY, cost))


def write_off(state: Consignment, loss: WriteOff, by: str | None, now: Now) -> Decision[Consignment] | Refusal:
    """A loss and damage report of whoever holds the parcels: in the warehouse or on the way they end so."""
    assert loss.now in (ParcelState.DAMAGED, ParcelState.LOST)
    refusal = (
        refuse_unpacked(state)
        or refuse_not_holding(state, by)
        or refuse_known_report(state, loss.report)
        or refuse_closed(state)
        or refuse_time(loss.at, state.packed_at, now)
        or refuse_unstored(state, loss.ordinals)
        or refuse_ended(state, loss.ordinals)
    )
    if refusal is not None:
        return refusal
    parcels_written_off = ParcelsWrittenOff(
        round=state.round,
        programme=state.programme,
        country=state.country,
        report=loss.report,
        ordinals=tuple(sorted(loss.ordinals)),
        was=open_state(state),
        now=loss.now,
        reason=loss.reason,
        at=loss.at,
    )
    ended = with_ended(state.ended, loss.now, loss.ordinals)
    update = {"ended": ended, "written_off": (*state.written_off, loss.report)}
    return _with_answer(finish(state.model_copy(update=update), [parcels_written_off]), parked=False)


def deliver(state: Consignment, delivery: Delivery, now: Now) -> Decision[Consignment] | Refusal:
    """A school's proof of delivery. Before its parcels are in transit it is parked.

    What is parked is applied, or turned down, when the parcels have left: nothing that was proven before that is true.
    """
    refusal = (
        refuse_unpacked(state)
        or refuse_closed(state)
        or refuse_known_delivery(state, delivery)
        or refuse_contradiction(delivery)
        or refuse_foreign_parcels(state, delivery)
        or refuse_ended(state, delivery.named)
        or refuse_time(delivery.at, state.packed_at, now)
        or refuse_before_departure(state, delivery.at)
    )
    if refusal is not None:
        return refusal
    parked = state.model_copy(update={"parked_deliveries": (*state.parked_deliveries, delivery)})
    applied = finish(parked)
    # Judged after it is applied: what waits without end must not keep out a proof whose turn has come.
    school = delivery.school
    proofs = (*state.deliveries, *state.parked_deliveries)
    refusal = refuse_too_many_reports(state, school, proofs) or refuse_too_many_parked(applied.state, school)
    return refusal or _with_answer(applied, parked=delivery in applied.state.parked_deliveries)


def hand_out(state: Consignment, handout: Handout, now: Now) -> Decision[Consignment] | Refusal:
    """A school gave parcels to pupils. What is more than it has accepted so far is parked."""
    refusal = (
        refuse_unpacked(state)
        or refuse_closed(state)
        or refuse_known_handout(state, handout)
        or refuse_more_than_dealt(state, handout)
        or refuse_time(handout.at, state.packed_at, now)
        or refuse_before_departure(state, handout.at)
    )
    if refusal is not None:
        return refusal
    parked = state.model_copy(update={"parked_handouts": (*state.parked_handouts, handout)})
    applied = finish(parked)
    is_parked = handout in applied.state.parked_handouts
    school, handouts = handout.school, (*state.handouts, *state.parked_handouts)
    refusal = refuse_too_many_reports(state, school, handouts) or refuse_too_many_parked(applied.state, school)
    return refusal or _with_heads(_with_answer(applied, parked=is_parked), handout)


def record_cost(state: Consignment, category: Category, cost: Cost, by: str | None) -> Decision[Consignment] | Refusal:
    """The party of whom a service was ordered reports what it cost for the round, once for each category."""
    assert category in REPORTED_COSTS and cost.party == (by or "")
    refusal = (
        refuse_unpacked(state)
        or refuse_unordered(state, category, by)
        or refuse_known_cost(state, category)
        or refuse_closed(state)
        or refuse_above_order(state, category, cost)
    )
    return refusal or _with_answer(finish(with_cost(state, category, cost)), parked=False)


def _with_heads(decision: Decision[Consignment], handout: Handout) -> Decision[Consignment]:
    """Tells the school what counts of its handout; while that is parked, nothing is decided of it."""
    for event in decision.events:
        if isinstance(event, ParcelsHandedOut) and event.handout == handout.handout:
            heads = {"pupils_reached": event.pupils_reached, "pupils_over_reported": event.pupils_over_reported}
            return Decision(decision.state, decision.events, decision.answer | heads)
    return decision


def _with_answer(decision: Decision[Consignment], *, parked: bool) -> Decision[Consignment]:
    state = decision.state
    answer: dict[str, object] = {"round": state.round, "status": state.status.value, "parked": parked}
    return Decision(state, decision.events, answer)
