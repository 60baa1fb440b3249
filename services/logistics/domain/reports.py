"""What people report of a consignment: losses, proofs of delivery, handouts, costs. What cannot be true is refused.

A report about parcels that are not there yet is no mistake of the reporter's: it is parked.
"""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.logistics import ParcelState, ParcelsWrittenOff
from pandapack.contracts.procurement import Category
from pandapack.decision import Decision, Refusal, RefusalKind
from services.logistics.domain.consignment import (
    REPORTED_COSTS,
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Handout,
    Reached,
    ended_ordinals,
    open_state,
    range_of,
    settled,
    with_cost,
    with_ended,
)

PARKED_MAX = 1_000
PARKED_ORDINALS_MAX = 20_000
"""In all parked proofs together: twice what a round can hold. What is true names each parcel once."""
PROOFS_MAX = 2_000
"""Applied and parked. With this many at their longest, a consignment stays below what a document may weigh."""
ORDINALS_SHOWN_MAX = 5


def write_off(
    state: Consignment, report: str, ordinals: tuple[int, ...], now: ParcelState, reason: str, at: str
) -> Decision[Consignment] | Refusal:
    """A loss and damage report: parcels in the warehouse or in transit end as damaged or lost."""
    assert now in (ParcelState.DAMAGED, ParcelState.LOST)
    if state.status is ConsignmentStatus.NEW:
        return _unknown(state)
    if report in state.written_off:
        return Refusal("report_known", f"{state.round} has a report {report} already: give this one its own number")
    refusal = _closed(state) or _not_there(state, ordinals) or _ended(state, ordinals)
    if refusal is not None:
        return refusal
    said = ParcelsWrittenOff(
        round=state.round,
        programme=state.programme,
        country=state.country,
        report=report,
        ordinals=tuple(sorted(ordinals)),
        was=open_state(state),
        now=now,
        reason=reason,
        at=at,
    )
    update = {"ended": with_ended(state.ended, now, ordinals), "written_off": (*state.written_off, report)}
    return _answered(settled(state.model_copy(update=update), [said]), parked=False)


def deliver(state: Consignment, delivery: Delivery) -> Decision[Consignment] | Refusal:
    """A school's proof of delivery. Before its parcels are in transit it is parked."""
    refusal = _closed(state) or _delivery_known(state, delivery) or _contradictory(delivery)
    if refusal is None and state.status is not ConsignmentStatus.NEW:
        refusal = _not_the_schools(state, delivery) or _ended(state, delivery.named)
    if refusal is not None:
        return refusal
    parked = state.model_copy(update={"parked_deliveries": (*state.parked_deliveries, delivery)})
    applied = settled(parked, [])
    # Judged after it is applied: what waits without end must not keep out a proof whose turn has come.
    refusal = _too_many_proofs(state) or _too_many_parked(applied.state)
    return refusal or _answered(applied, parked=delivery in applied.state.parked_deliveries)


def hand_out(state: Consignment, handout: Handout) -> Decision[Consignment] | Refusal:
    """A school gave parcels to pupils. What is more than it has accepted so far is parked."""
    refusal = _closed(state) or _handout_known(state, handout)
    if refusal is None and state.status is not ConsignmentStatus.NEW:
        refusal = _more_than_dealt(state, handout)
    if refusal is not None:
        return refusal
    parked = state.model_copy(update={"parked_handouts": (*state.parked_handouts, handout)})
    applied = settled(parked, [])
    parks = handout in applied.state.parked_handouts
    return _too_many_parked(applied.state) or _answered(applied, parked=parks)


def incur(state: Consignment, category: Category, cost: Cost) -> Decision[Consignment] | Refusal:
    """A carrier or insurer says what its service cost for the round, once for each category."""
    assert category in REPORTED_COSTS
    if category in state.costs:
        words = f"{category} of {state.round} is known already: {state.costs[category].fen} fen"
        return Refusal("cost_known", words)
    if (refusal := _closed(state)) is not None:
        return refusal
    parked = state.status is ConsignmentStatus.NEW
    return _answered(settled(with_cost(state, category, cost), []), parked=parked)


def _answered(decision: Decision[Consignment], *, parked: bool) -> Decision[Consignment]:
    state = decision.state
    answer: dict[str, object] = {"round": state.round, "status": state.status.value, "parked": parked}
    return Decision(state, decision.events, answer)


def _unknown(state: Consignment) -> Refusal:
    return Refusal("round_unknown", f"no parcel of {state.round} is packed yet", RefusalKind.NOT_FOUND)


def _closed(state: Consignment) -> Refusal | None:
    if state.status is not ConsignmentStatus.CLOSED:
        return None
    return Refusal("consignment_closed", f"every parcel of {state.round} has found its end: nothing is open")


def _too_many_parked(state: Consignment) -> Refusal | None:
    """`state`: after the report was applied, or parked."""
    if max(len(state.parked_deliveries), len(state.parked_handouts)) > PARKED_MAX:
        return Refusal("parked_too_many", f"{PARKED_MAX} reports of {state.round} wait already: look why they wait")
    if sum(len(one.named) for one in state.parked_deliveries) > PARKED_ORDINALS_MAX:
        words = f"proofs of {PARKED_ORDINALS_MAX} parcels of {state.round} wait already: look why they wait"
        return Refusal("parked_too_many", words)
    return None


def _too_many_proofs(state: Consignment) -> Refusal | None:
    if len(state.deliveries) + len(state.parked_deliveries) < PROOFS_MAX:
        return None
    return Refusal("proofs_too_many", f"{state.round} has {PROOFS_MAX} proofs: there is room for no more")


def _not_there(state: Consignment, ordinals: Sequence[int]) -> Refusal | None:
    strange = [ordinal for ordinal in ordinals if not 1 <= ordinal <= state.stored]
    if strange or len(set(ordinals)) != len(ordinals):
        words = (
            f"{state.round} has parcels 1 to {state.stored} so far, each named once; not {_shown(strange or ordinals)}"
        )
        return Refusal("parcel_unknown", words, RefusalKind.INVALID)
    return None


def _ended(state: Consignment, ordinals: Sequence[int]) -> Refusal | None:
    gone = sorted(ended_ordinals(state).intersection(ordinals))
    if gone:
        words = f"of {state.round} these parcels have found their end already: {_shown(gone)}"
        return Refusal("parcel_ended", words)
    return None


def _delivery_known(state: Consignment, delivery: Delivery) -> Refusal | None:
    known = (one.delivery for one in (*state.deliveries, *state.parked_deliveries))
    if delivery.delivery in known:
        words = f"{state.round} has a proof {delivery.delivery} already: give this one its own number"
        return Refusal("delivery_known", words)
    return None


def _contradictory(delivery: Delivery) -> Refusal | None:
    ordinals = delivery.named
    if not ordinals:
        return Refusal("nothing_delivered", "a proof names the parcels, accepted or rejected", RefusalKind.INVALID)
    if len(set(ordinals)) != len(ordinals):
        return Refusal("parcel_named_twice", "each parcel is accepted or rejected, once", RefusalKind.INVALID)
    if delivery.rejected and not delivery.reason:
        words = f"say why {len(delivery.rejected)} parcels were rejected"
        return Refusal("reason_missing", words, RefusalKind.INVALID)
    return None


def _not_the_schools(state: Consignment, delivery: Delivery) -> Refusal | None:
    share = range_of(state, delivery.school)
    if share is None:
        return _school_unknown(state, delivery.school)
    strange = [one for one in delivery.named if not share.holds(one)]
    if strange:
        last = share.first_ordinal + share.share.parcels - 1
        words = f"{delivery.school} has parcels {share.first_ordinal} to {last} of {state.round}, not {_shown(strange)}"
        return Refusal("parcel_of_another_school", words, RefusalKind.INVALID)
    return None


def _handout_known(state: Consignment, handout: Handout) -> Refusal | None:
    known = (one.handout for one in (*state.handouts, *state.parked_handouts))
    if handout.handout in known:
        words = f"{state.round} has a handout {handout.handout} already: give this one its own number"
        return Refusal("handout_known", words)
    return None


def _more_than_dealt(state: Consignment, handout: Handout) -> Refusal | None:
    share = range_of(state, handout.school)
    if share is None:
        return _school_unknown(state, handout.school)
    # Parked ones do not count: a handout that can never come true must not keep out the one that corrects it.
    total = state.reached.get(handout.school, Reached()).handed_out + handout.parcels
    if total > share.share.parcels:
        words = f"{total} parcels handed out at {handout.school}, which has {share.share.parcels} of {state.round}"
        return Refusal("more_than_dealt", words, RefusalKind.INVALID)
    return None


def _school_unknown(state: Consignment, school: str) -> Refusal:
    return Refusal("school_unknown", f"{state.round} has no parcels for {school}", RefusalKind.INVALID)


def _shown(ordinals: Sequence[int]) -> str:
    more = f" and {len(ordinals) - ORDINALS_SHOWN_MAX} more" if len(ordinals) > ORDINALS_SHOWN_MAX else ""
    return ", ".join(map(str, ordinals[:ORDINALS_SHOWN_MAX])) + more
