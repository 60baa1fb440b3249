"""What cannot be true of a consignment, or is more than it holds. Each answers the refusal, or None.

A report of parcels that have not left yet is no mistake of the reporter's: the carrier's may be late. It is parked,
within these limits.
"""

from __future__ import annotations

from collections.abc import Sequence

from pandapack.contracts.procurement import Category
from pandapack.decision import Refusal, RefusalKind
from services.logistics.domain.consignment.state import (
    Consignment,
    ConsignmentStatus,
    Cost,
    Delivery,
    Handout,
    PupilsReached,
    ended_ordinals,
    range_of,
)
from services.logistics.domain.times import is_before

PARKED_MAX = 500
"""Of each kind, proofs and handouts. All of them may be applied in one write, whose events then wait in one outbox."""
PARKED_A_SCHOOL_MAX = 20
"""Of each kind: a school has a few deliveries of a round, and its mistakes take no room from the others."""
PARKED_ORDINALS_MAX = 20_000
"""In all parked proofs together: twice what a round can hold. What is true names each parcel once."""
REPORTS_MAX = 1_000
"""Of each kind, applied and parked: two for each school of the largest need; for each that has none, one is kept."""
REPORTS_A_SCHOOL_MAX = 50
"""Of each kind: a delivery is a lorry, not a parcel, and no school uses up the room of all."""
WRITE_OFFS_MAX = 100
"""A report names as many parcels as there are. Reporting keeps each with its reason."""
ORDINALS_SHOWN_MAX = 5


def refuse_closed(state: Consignment) -> Refusal | None:
    """The consignment is over."""
    if state.status is not ConsignmentStatus.CLOSED:
        return None
    return Refusal("consignment_closed", f"every parcel of {state.round} has found its end: nothing is open")


def refuse_too_many_parked(state: Consignment, school: str) -> Refusal | None:
    """More reports, or more parcels in them, would wait than may. `state`: after the report was applied, or parked."""
    parked = (state.parked_deliveries, state.parked_handouts)
    if max(sum(one.school == school for one in reports) for reports in parked) > PARKED_A_SCHOOL_MAX:
        detail = f"{PARKED_A_SCHOOL_MAX} reports of {school} of {state.round} wait already: look why they wait"
        return Refusal("parked_too_many", detail)
    if max(len(state.parked_deliveries), len(state.parked_handouts)) > PARKED_MAX:
        return Refusal("parked_too_many", f"{PARKED_MAX} reports of {state.round} wait already: look why they wait")
    if sum(len(one.named) for one in state.parked_deliveries) > PARKED_ORDINALS_MAX:
        detail = f"proofs of {PARKED_ORDINALS_MAX} parcels of {state.round} wait already: look why they wait"
        return Refusal("parked_too_many", detail)
    return None


def refuse_too_many_reports(
    state: Consignment, school: str, reports: Sequence[Delivery] | Sequence[Handout]
) -> Refusal | None:
    """There is no room for one more of these reports, of this school or at all.

    Of the room of all, one is kept for each school that has none yet.
    """
    own = sum(one.school == school for one in reports)
    if own >= REPORTS_A_SCHOOL_MAX:
        has = f"{school} has {own} such reports of {state.round}"
    elif own and len(reports) + len(_unheard(state, reports)) >= REPORTS_MAX:
        has = f"{state.round} has {len(reports)} such reports, and the room that is left is kept for other schools"
    else:
        return None
    return Refusal("reports_too_many", f"{has}: report several deliveries as one")


def _unheard(state: Consignment, reports: Sequence[Delivery] | Sequence[Handout]) -> set[str]:
    return {share.school for share in state.schools} - {one.school for one in reports}


def refuse_known_report(state: Consignment, report: str) -> Refusal | None:
    """A loss and damage report of this number came before, or there is no room for one more."""
    if report in state.written_off:
        return Refusal("report_known", f"{state.round} has a report {report} already: give this one its own number")
    if len(state.written_off) >= WRITE_OFFS_MAX:
        detail = f"{state.round} has {WRITE_OFFS_MAX} loss and damage reports: name several parcels in one"
        return Refusal("reports_too_many", detail)
    return None


def refuse_known_cost(state: Consignment, category: Category) -> Refusal | None:
    """The cost of this service is known."""
    if category not in state.costs:
        return None
    detail = f"{category} of {state.round} is known already: {state.costs[category].fen} fen"
    return Refusal("cost_known", detail)


def refuse_above_order(state: Consignment, category: Category, cost: Cost) -> Refusal | None:
    """The service would have cost more than its order allows, which nobody may be paid."""
    return refuse_more_than_ordered(state.round, category, cost.fen, state.services_fen_max.get(category))


def refuse_more_than_ordered(round: str, category: Category, fen: int, fen_max: int | None) -> Refusal | None:
    """`fen_max`: what the service's order for the round may cost at most; None: nothing was ordered."""
    if fen_max is None or fen <= fen_max:
        return None
    detail = f"{fen} fen for {category} of {round}, whose order may cost {fen_max} at most: report at most that"
    return Refusal("cost_above_ordered", detail, RefusalKind.INVALID)


def refuse_before_departure(state: Consignment, at: str) -> Refusal | None:
    """It would have happened at a school before the parcels left their warehouse."""
    if state.departure is None or not is_before(at, state.departure.at):
        return None
    detail = f"{at} is before the parcels of {state.round} left ({state.departure.at}): look at the date and its zone"
    return Refusal("at_too_early", detail, RefusalKind.INVALID)


def refuse_unstored(state: Consignment, ordinals: Sequence[int]) -> Refusal | None:
    """A parcel is none that was stored, or is named twice."""
    strange = [ordinal for ordinal in ordinals if not 1 <= ordinal <= state.stored]
    if strange or len(set(ordinals)) != len(ordinals):
        detail = (
            f"{state.round} has parcels 1 to {state.stored} so far, each named once; not {_shown(strange or ordinals)}"
        )
        return Refusal("parcel_unknown", detail, RefusalKind.INVALID)
    return None


def refuse_ended(state: Consignment, ordinals: Sequence[int]) -> Refusal | None:
    """A parcel has found its end already."""
    gone = sorted(ended_ordinals(state).intersection(ordinals))
    if gone:
        detail = f"of {state.round} these parcels have found their end already: {_shown(gone)}"
        return Refusal("parcel_ended", detail)
    return None


def refuse_known_delivery(state: Consignment, delivery: Delivery) -> Refusal | None:
    """A proof of this number came before."""
    known = (one.delivery for one in (*state.deliveries, *state.parked_deliveries))
    if delivery.delivery in known:
        detail = f"{state.round} has a proof {delivery.delivery} already: give this one its own number"
        return Refusal("delivery_known", detail)
    return None


def refuse_contradiction(delivery: Delivery) -> Refusal | None:
    """The proof names no parcel, or one twice, or rejects without a reason."""
    ordinals = delivery.named
    if not ordinals:
        return Refusal("nothing_delivered", "a proof names the parcels, accepted or rejected", RefusalKind.INVALID)
    if len(set(ordinals)) != len(ordinals):
        return Refusal("parcel_named_twice", "each parcel is accepted or rejected, once", RefusalKind.INVALID)
    if delivery.rejected and not delivery.reason:
        detail = f"say why {len(delivery.rejected)} parcels were rejected"
        return Refusal("reason_missing", detail, RefusalKind.INVALID)
    return None


def refuse_foreign_parcels(state: Consignment, delivery: Delivery) -> Refusal | None:
    """The proof names a parcel of another school, or a school that has none."""
    school = range_of(state, delivery.school)
    if school is None:
        return _unknown_school(state, delivery.school)
    strange = [one for one in delivery.named if not school.holds(one)]
    if strange:
        first, last = school.first_ordinal, school.first_ordinal + school.share.parcels - 1
        detail = f"{delivery.school} has parcels {first} to {last} of {state.round}, not {_shown(strange)}"
        return Refusal("parcel_of_another_school", detail, RefusalKind.INVALID)
    return None


def refuse_known_handout(state: Consignment, handout: Handout) -> Refusal | None:
    """A handout of this number came before."""
    known = (one.handout for one in (*state.handouts, *state.parked_handouts))
    if handout.handout in known:
        detail = f"{state.round} has a handout {handout.handout} already: give this one its own number"
        return Refusal("handout_known", detail)
    return None


def refuse_more_than_dealt(state: Consignment, handout: Handout) -> Refusal | None:
    """The school would hand out more parcels than were dealt to it."""
    school = range_of(state, handout.school)
    if school is None:
        return _unknown_school(state, handout.school)
    # Parked ones do not count: a handout that can never come true must not keep out the one that corrects it.
    total = state.reached.get(handout.school, PupilsReached()).handed_out + handout.parcels
    if total > school.share.parcels:
        detail = f"{total} parcels handed out at {handout.school}, which has {school.share.parcels} of {state.round}"
        return Refusal("more_than_dealt", detail, RefusalKind.INVALID)
    return None


def _unknown_school(state: Consignment, school: str) -> Refusal:
    return Refusal("school_unknown", f"{state.round} has no parcels for {school}", RefusalKind.INVALID)


def _shown(ordinals: Sequence[int]) -> str:
    more = f" and {len(ordinals) - ORDINALS_SHOWN_MAX} more" if len(ordinals) > ORDINALS_SHOWN_MAX else ""
    return ", ".join(map(str, ordinals[:ORDINALS_SHOWN_MAX])) + more
