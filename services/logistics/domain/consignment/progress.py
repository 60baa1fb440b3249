"""What follows from a change: whatever has its turn now is applied, and what is over is closed.

`finish` ends every decision of a consignment, so that none of them has to know what waits for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pandapack.contracts.envelope import Event
from pandapack.contracts.logistics import (
    REPORTED_COSTS,
    ConsignmentClosed,
    CostIncurred,
    ParcelsDelivered,
    ParcelsDispatched,
    ParcelsHandedOut,
    ParcelState,
)
from pandapack.contracts.procurement import SchoolShare
from pandapack.decision import Decision, Refusal
from services.logistics.domain.consignment.pupils import Heads, judge_heads, reach
from services.logistics.domain.consignment.refusals import (
    refuse_before_departure,
    refuse_closed,
    refuse_ended,
    refuse_more_than_dealt,
)
from services.logistics.domain.consignment.state import (
    OPEN_STATES,
    Consignment,
    ConsignmentStatus,
    Delivery,
    Handout,
    PupilsReached,
    TurnedDown,
    counts,
    ended_ordinals,
    range_of,
    with_ended,
)
from services.logistics.domain.times import moment_of


def finish(state: Consignment, decided: Iterable[Event] = ()) -> Decision[Consignment]:
    """The events decided, and all that follow: costs and parked reports whose turn has come, and the end."""
    events = list(decided)
    for step in (_publish_costs, _dispatch, _apply_deliveries, _apply_handouts, _close_if_over):
        state, following = step(state)
        events += following
    return Decision(state, tuple(events))


def _publish_costs(state: Consignment) -> tuple[Consignment, list[Event]]:
    unpublished = sorted(category for category in state.costs if category not in state.costs_published)
    if state.status is ConsignmentStatus.NEW or not unpublished:
        return state, []
    incurred: list[Event] = [
        CostIncurred(
            round=state.round,
            programme=state.programme,
            country=state.country,
            category=category,
            fen=state.costs[category].fen,
            document=state.costs[category].document,
            party=state.costs[category].party,
        )
        for category in unpublished
    ]
    published = (*state.costs_published, *unpublished)
    return state.model_copy(update={"costs_published": published}), incurred


def _dispatch(state: Consignment) -> tuple[Consignment, list[Event]]:
    departure = state.departure
    complete = state.status is ConsignmentStatus.OPEN and state.stored == state.round_parcels
    if departure is None or state.dispatched or not complete:
        return state, []
    leaving = counts(state)[ParcelState.WAREHOUSE]
    parcels_dispatched = ParcelsDispatched(
        round=state.round,
        programme=state.programme,
        country=state.country,
        shipment=departure.shipment,
        count=leaving,
        at=departure.at,
    )
    return state.model_copy(update={"dispatched": True}), [parcels_dispatched]


def _apply_deliveries(state: Consignment) -> tuple[Consignment, list[Event]]:
    events: list[Event] = []
    if not state.dispatched:
        return state, events
    gone = ended_ordinals(state)
    # The earliest first: which of two proofs of one parcel is applied must not depend on the order of arrival.
    for delivery in sorted(state.parked_deliveries, key=lambda one: (moment_of(one.at), one.delivery)):
        state = _without_delivery(state, delivery)
        refusal = refuse_before_departure(state, delivery.at)
        if refusal is None and not gone.isdisjoint(delivery.named):
            refusal = refuse_ended(state, delivery.named)
        if refusal is not None:
            state = _turn_down(state, delivery, refusal)
            continue
        gone.update(delivery.named)
        state = _with_delivery(state, delivery)
        events.append(_delivery_event(state, delivery, _dealt_to(state, delivery.school)))
    return state, events


def _dealt_to(state: Consignment, school: str) -> SchoolShare:
    """What was dealt to a school that has reported: a report of any other is refused."""
    own = range_of(state, school)
    assert own is not None, f"{state.round} has no parcels for {school}"
    return own.share


def _turn_down(state: Consignment, report: Delivery | Handout, why: Refusal) -> Consignment:
    kind, id = ("delivery", report.delivery) if isinstance(report, Delivery) else ("handout", report.handout)
    one = TurnedDown(kind=kind, id=id, school=report.school, code=why.code)
    return state.model_copy(update={"turned_down": (*state.turned_down, one)})


def _without_delivery(state: Consignment, delivery: Delivery) -> Consignment:
    parked = tuple(one for one in state.parked_deliveries if one != delivery)
    return state.model_copy(update={"parked_deliveries": parked})


def _without_handout(state: Consignment, handout: Handout) -> Consignment:
    parked = tuple(one for one in state.parked_handouts if one != handout)
    return state.model_copy(update={"parked_handouts": parked})


def _with_delivery(state: Consignment, delivery: Delivery) -> Consignment:
    accepted = with_ended(state.ended, ParcelState.ACCEPTED, delivery.accepted)
    ended = with_ended(accepted, ParcelState.REJECTED, delivery.rejected)
    return state.model_copy(update={"ended": ended, "deliveries": (*state.deliveries, delivery)})


def _delivery_event(state: Consignment, delivery: Delivery, share: SchoolShare) -> ParcelsDelivered:
    return ParcelsDelivered(
        round=state.round,
        programme=state.programme,
        country=state.country,
        school=delivery.school,
        district=share.district,
        delivery=delivery.delivery,
        accepted=delivery.accepted,
        rejected=delivery.rejected,
        reason=delivery.reason,
        at=delivery.at,
        document=delivery.document,
    )


def _apply_handouts(state: Consignment) -> tuple[Consignment, list[Event]]:
    events: list[Event] = []
    accepted: Counter[str] = Counter()
    for delivery in state.deliveries:
        accepted[delivery.school] += len(delivery.accepted)
    # The smallest first, by id where equal: which of several are applied must not depend on the order of arrival.
    for handout in sorted(state.parked_handouts, key=lambda one: (one.parcels, one.handout)):
        refusal = refuse_before_departure(state, handout.at) or refuse_more_than_dealt(state, handout)
        if refusal is not None:
            state = _turn_down(_without_handout(state, handout), handout, refusal)
            continue
        share, reached = _dealt_to(state, handout.school), state.reached.get(handout.school, PupilsReached())
        if reached.handed_out + handout.parcels <= accepted[handout.school]:
            heads = judge_heads(reached, handout, share.pupils)
            reached_by = state.reached | {handout.school: reach(reached, handout, heads)}
            state = _without_handout(state, handout).model_copy(
                update={"reached": reached_by, "handouts": (*state.handouts, handout)}
            )
            events.append(_handout_event(state, handout, share, heads))
    return state, events


def _handout_event(state: Consignment, handout: Handout, share: SchoolShare, heads: Heads) -> ParcelsHandedOut:
    return ParcelsHandedOut(
        round=state.round,
        programme=state.programme,
        country=state.country,
        school=handout.school,
        district=share.district,
        handout=handout.handout,
        parcels=handout.parcels,
        girls=handout.girls,
        boys=handout.boys,
        at=handout.at,
        enrolled=share.pupils,
        pupils_reached=heads.reached,
        pupils_over_reported=heads.over_reported,
    )


def _close_if_over(state: Consignment) -> tuple[Consignment, list[Event]]:
    by_state = counts(state)
    unfinished = sum(by_state[one] for one in OPEN_STATES)
    handed_out = sum(reached.handed_out for reached in state.reached.values())
    is_over = (
        state.status is ConsignmentStatus.OPEN
        and state.stored == state.round_parcels
        and unfinished == 0
        and handed_out == by_state[ParcelState.ACCEPTED]
        and all(category in state.costs for category in REPORTED_COSTS)
    )
    if not is_over:
        return state, []
    closed = ConsignmentClosed(
        round=state.round,
        programme=state.programme,
        country=state.country,
        accepted=by_state[ParcelState.ACCEPTED],
        rejected=by_state[ParcelState.REJECTED],
        damaged=by_state[ParcelState.DAMAGED],
        lost=by_state[ParcelState.LOST],
        returned=by_state[ParcelState.RETURNED],
    )
    over = state.model_copy(update={"status": ConsignmentStatus.CLOSED, "parked_handouts": ()})
    refusal = refuse_closed(over)
    assert refusal is not None
    for handout in state.parked_handouts:  # of parcels that its school rejected, or lost on the way
        over = _turn_down(over, handout, refusal)
    return over, [closed]
