"""The way of one gift's fen: from its interval on the line to rounds, parcels, schools.

Attribution by rule, since money is fungible: a round's money is its intervals in the order in which it took them,
without what it gave back; the fen at offset o of k fen kept belongs to parcel `o × parcels ÷ k` (rounded down, counted
from 1). So every fen that a round keeps belongs to exactly one parcel, and every parcel has its equal share. Until the
round is closed it is not known what it gives back, and the attribution is provisional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pandapack.contracts.procurement import FenInterval, SchoolShare, school_of, serial_of
from services.reporting.domain.laws import kept, length
from services.reporting.domain.rounds import Delivery, Handout, Lot, Round, ShipmentFacts
from services.reporting.domain.spans import REVERSALS, Stretch, held


class FenState(StrEnum):
    """Where fen are: not yet heard by the fund, with the fund, in a round, or gone to reversals."""

    IN_FLIGHT = "in_flight"
    UNALLOCATED = "unallocated"
    FUNDED = "funded"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True)
class Gift:
    """Where a gift lies: `[fen_from, fen_to)` of one line of its programme."""

    programme: str
    line: int
    fen_from: int
    fen_to: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a gift's fen that leads to one parcel, or to none yet. `of_fen` is the parcel's whole share of fen."""

    fen_from: int
    fen_to: int
    state: FenState
    earlier: tuple[str, ...] = ()
    round: str | None = None
    ordinal: int | None = None
    of_fen: int | None = None

    @property
    def fen(self) -> int:
        return self.fen_to - self.fen_from


@dataclass(frozen=True, slots=True)
class ParcelWay:
    """What became of one parcel. `state` also knows `planned`: not packed yet."""

    ordinal: int
    serial: str
    state: str
    school: SchoolShare | None
    lot: Lot | None = None
    shipment: str | None = None
    shipment_facts: ShipmentFacts | None = None
    delivery: Delivery | None = None
    reason: str | None = None
    handouts: tuple[Handout, ...] = ()


def follow(gift: Gift, heard_fen: int, stretches: Sequence[Stretch], rounds: Mapping[str, Round]) -> list[Piece]:
    """The gift's fen in order, each in exactly one piece. `heard_fen`: how far the fund has heard the gift's line."""
    pieces: list[Piece] = []
    for run in held(stretches, gift.fen_from, gift.fen_to):
        if run.round == REVERSALS:
            pieces.append(Piece(run.fen_from, run.fen_to, FenState.REVERSED, run.earlier))
            continue
        if run.round is not None:
            assert run.round in rounds, f"{run.round} took fen and is not known"
            pieces += _in_round(gift.line, run.fen_from, run.fen_to, run.earlier, rounds[run.round])
            continue
        edge = min(max(heard_fen, run.fen_from), run.fen_to)
        if run.fen_from < edge:
            pieces.append(Piece(run.fen_from, edge, FenState.UNALLOCATED, run.earlier))
        if edge < run.fen_to:
            pieces.append(Piece(edge, run.fen_to, FenState.IN_FLIGHT, run.earlier))
    assert sum(piece.fen for piece in pieces) == gift.fen_to - gift.fen_from, "every fen is in one piece"
    return pieces


def _in_round(line: int, fen_from: int, fen_to: int, earlier: tuple[str, ...], round: Round) -> list[Piece]:
    """Cuts a run that one round has at the borders between parcels."""
    assert round.funding is not None
    intervals, parcels = kept(round), round.funding.parcels
    kept_fen = length(intervals)
    pieces, low = [], fen_from
    while low < fen_to:
        offset, interval = _offset_of(intervals, line, low)
        ordinal = offset * parcels // kept_fen + 1
        share_from, share_to = share_of(ordinal, parcels, kept_fen)
        high = min(fen_to, interval.fen_to, low + share_to - offset)
        piece = Piece(low, high, FenState.FUNDED, earlier, round.round, ordinal, share_to - share_from)
        pieces.append(piece)
        low = high
    return _joined(pieces)


def share_of(ordinal: int, parcels: int, kept_fen: int) -> tuple[int, int]:
    """The offsets `[from, to)` in a round's money that pay for a parcel; together they are the round's money."""
    return -(-(ordinal - 1) * kept_fen // parcels), -(-ordinal * kept_fen // parcels)


def _offset_of(intervals: Sequence[FenInterval], line: int, fen: int) -> tuple[int, FenInterval]:
    before = 0
    for interval in intervals:
        if interval.line == line and interval.fen_from <= fen < interval.fen_to:
            return before + fen - interval.fen_from, interval
        before += interval.fen_to - interval.fen_from
    raise LookupError(f"fen {fen} of line {line} is in none of the round's intervals")


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Neighbours of one parcel as one piece: intervals that touch are no border."""
    whole: list[Piece] = []
    for piece in pieces:
        last = whole[-1] if whole else None
        if last is not None and (last.round, last.ordinal, last.fen_to) == (piece.round, piece.ordinal, piece.fen_from):
            whole[-1] = Piece(
                last.fen_from, piece.fen_to, last.state, last.earlier, last.round, last.ordinal, last.of_fen
            )
        else:
            whole.append(piece)
    return whole


def parcel_way(round: Round, ordinal: int) -> ParcelWay:
    """What is known of one parcel of a round."""
    assert round.funding is not None
    share = school_of(round.funding.schools, ordinal)
    lot = next((lot for lot in round.lots if lot.holds(ordinal)), None)
    delivery = next((d for d in round.deliveries if ordinal in d.accepted or ordinal in d.rejected), None)
    report = next((r for r in round.write_offs if ordinal in r.ordinals), None)
    state, reason = "planned" if lot is None else "warehouse", None
    dispatch = None
    if lot is not None and not (report is not None and report.was == "warehouse"):
        dispatch = next(iter(round.dispatches), None)
    if dispatch is not None:
        state = "in_transit"
    if delivery is not None:
        state = "accepted" if ordinal in delivery.accepted else "rejected"
        reason = delivery.reason if state == "rejected" else None
    if report is not None:
        state, reason = report.now.value, report.reason
    return ParcelWay(
        ordinal=ordinal,
        serial=serial_of(round.round, ordinal),
        state=state,
        school=share,
        lot=lot,
        shipment=dispatch.shipment if dispatch else None,
        shipment_facts=round.shipments.get(dispatch.shipment) if dispatch else None,
        delivery=delivery,
        reason=reason,
        handouts=tuple(h for h in round.handouts if state == "accepted" and h.school == share.school),
    )
