"""Who may do what with a consignment. `by` is the party that acts, None for staff, whom roles alone bound.

Parcels are packed by the round's warehouse; freight, insurance and duty were ordered of a party each; carriers have
legs of its shipments: these take part, and so do the schools that it is for. Whoever does not is told what would be
told of a round that does not exist.
"""

from __future__ import annotations

from collections.abc import Collection

from pandapack.contracts.logistics import Leg
from pandapack.contracts.procurement import Category, ParcelsPacked
from pandapack.decision import Refusal, RefusalKind
from services.logistics.domain.consignment.refusals import refuse_closed
from services.logistics.domain.consignment.state import Consignment, ConsignmentStatus


def with_packed(state: Consignment, event: ParcelsPacked) -> Consignment:
    """The consignment once its warehouse packed parcels, and it is known of whom its services were ordered."""
    ordered = {"services": event.services, "services_fen_max": event.services_fen_max}
    return _with_parties(state.model_copy(update={"warehouse": event.warehouse, **ordered}))


def with_carriers(state: Consignment, legs: Collection[Leg]) -> Consignment:
    """The consignment once a shipment is booked for it."""
    carriers = tuple(sorted({*state.carriers, *(leg.carrier for leg in legs)}))
    return _with_parties(state.model_copy(update={"carriers": carriers}))


def takes_part(state: Consignment, by: str | None) -> bool:
    """Whether the consignment is one of this party's, be it no school's. Staff see all, new ones too."""
    return by is None or (state.status is not ConsignmentStatus.NEW and by in state.parties)


def is_for(state: Consignment, schools: Collection[str]) -> bool:
    """Whether parcels of the consignment are for one of these schools."""
    return any(share.school in schools for share in state.schools)


def unknown_round(id: str) -> Refusal:
    """There is no consignment, or none of the caller's: the same is told of both."""
    return Refusal("round_unknown", f"no parcel of {id} is packed yet", RefusalKind.NOT_FOUND)


def refuse_unpacked(state: Consignment) -> Refusal | None:
    """Nothing is known of the round: nothing can have happened to its parcels, and no document begins with a report."""
    return unknown_round(state.round) if state.status is ConsignmentStatus.NEW else None


def refuse_unordered(state: Consignment, category: Category, by: str | None) -> Refusal | None:
    """The service was ordered of another party."""
    if not takes_part(state, by):
        return unknown_round(state.round)
    if by in (None, state.services.get(category)):
        return None
    detail = f"{category} of {state.round} was ordered of another party, which acts for it"
    return Refusal("not_ordered", detail, RefusalKind.FORBIDDEN)


def refuse_not_holding(state: Consignment, by: str | None) -> Refusal | None:
    """The parcels are in other hands: the warehouse's until they leave, then the carriers' of their shipment."""
    if not takes_part(state, by):
        return unknown_round(state.round)
    holders = (*state.carriers,) if state.dispatched else (state.warehouse,)
    if by is None or by in holders:
        return None
    whose = "on the way: its carriers report" if state.dispatched else "in the warehouse, which reports"
    detail = f"the parcels of {state.round} are {whose} what is damaged or lost"
    return Refusal("not_holding", detail, RefusalKind.FORBIDDEN)


def refuse_booking(state: Consignment, country: str, by: str | None) -> Refusal | None:
    """A shipment is booked by the party of whom the freight was ordered, to the country that the parcels are for."""
    refusal = refuse_unpacked(state) or refuse_unordered(state, Category.FREIGHT, by) or refuse_closed(state)
    if refusal is None and country != state.country:
        detail = f"the last leg ends in {country}, and {state.round} is for {state.country}"
        return Refusal("country_differs", detail, RefusalKind.INVALID)
    return refusal


def _with_parties(state: Consignment) -> Consignment:
    parties = {state.warehouse, *state.services.values(), *state.carriers} - {""}
    return state.model_copy(update={"parties": tuple(sorted(parties))})
