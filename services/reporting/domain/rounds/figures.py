"""What is made of rounds: the documents of all partitions merged, status, kept money."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.procurement import FenInterval
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
            "orders": whole.orders | part.orders,
            "shipments": whole.shipments | part.shipments,
            "lots": (*whole.lots, *part.lots),
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
