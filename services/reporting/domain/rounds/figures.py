"""What is counted from rounds: the documents of all partitions merged, parcels by state, status, kept money."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.logistics import ParcelState
from pandapack.contracts.procurement import FenInterval
from services.reporting.domain.items import units_added
from services.reporting.domain.rounds.state import Round


def merged(parts: Iterable[Round]) -> Round:
    """One round out of its partitions' documents."""
    whole = Round()
    for part in parts:
        assert not whole.round or not part.round or whole.round == part.round
        update: dict[str, object] = {
            "round": whole.round or part.round,
            "programme": whole.programme or part.programme,
            "country": whole.country or part.country,
            "funding": whole.funding or part.funding,
            "schools": whole.schools or part.schools,
            "closing": whole.closing or part.closing,
            "ended": whole.ended or part.ended,
            "commitments": whole.commitments | part.commitments,
            "orders": whole.orders | part.orders,
            "shipments": whole.shipments | part.shipments,
            "accepted": units_added(whole.accepted, part.accepted),
            "kitted": units_added(whole.kitted, part.kitted),
            "lots": (*whole.lots, *part.lots),
            "stored": (*whole.stored, *part.stored),
            "dispatches": (*whole.dispatches, *part.dispatches),
            "write_offs": (*whole.write_offs, *part.write_offs),
            "deliveries": (*whole.deliveries, *part.deliveries),
            "handouts": (*whole.handouts, *part.handouts),
        }
        whole = whole.model_copy(update=update)
    return whole


def by_round(parts: Iterable[Round]) -> dict[str, Round]:
    """Rounds out of all documents of the view, by name."""
    documents: dict[str, list[Round]] = {}
    for part in parts:
        documents.setdefault(part.round, []).append(part)
    return {name: merged(found) for name, found in sorted(documents.items())}


def parcels_by_state(round: Round) -> dict[str, int]:
    """Parcels by state, counted from what became of each parcel: the laws compare them with the parcels view."""
    left = dict.fromkeys(ParcelState, 0)
    for report in round.write_offs:
        left[report.was] += len(report.ordinals)
        left[report.now] -= len(report.ordinals)
    dispatched = sum(dispatch.count for dispatch in round.dispatches)
    delivered = sum(len(one.accepted) + len(one.rejected) for one in round.deliveries)
    states = {
        "packed": round.packed_parcels,
        "warehouse": round.packed_parcels - dispatched - left[ParcelState.WAREHOUSE],
        "in_transit": dispatched - delivered - left[ParcelState.IN_TRANSIT],
        "accepted": sum(len(one.accepted) for one in round.deliveries) - left[ParcelState.ACCEPTED],
        "rejected": sum(len(one.rejected) for one in round.deliveries) - left[ParcelState.REJECTED],
    }
    return states | {
        state.value: -left[state] for state in (ParcelState.DAMAGED, ParcelState.LOST, ParcelState.RETURNED)
    }


def status_of(round: Round) -> str:
    """How far a round is: funded, ordered, packing, on_the_way, handing_over, closed."""
    if round.closing is not None:
        return "closed"
    if round.deliveries:
        return "handing_over"
    if round.dispatches:
        return "on_the_way"
    if round.lots:
        return "packing"
    return "ordered" if round.orders else "funded"


def kept_intervals(round: Round) -> list[FenInterval]:
    """The round's intervals in order, without what it released."""
    if round.funding is None:
        return []
    rest = list(round.funding.intervals)
    for released in round.closing.released if round.closing else ():
        rest = [piece for interval in rest for piece in _without(interval, released)]
    return rest


def _without(interval: FenInterval, released: FenInterval) -> list[FenInterval]:
    if interval.shard != released.shard or released.fen_to <= interval.fen_from or interval.fen_to <= released.fen_from:
        return [interval]
    pieces = ((interval.fen_from, released.fen_from), (released.fen_to, interval.fen_to))
    return [FenInterval(shard=interval.shard, fen_from=low, fen_to=high) for low, high in pieces if low < high]
