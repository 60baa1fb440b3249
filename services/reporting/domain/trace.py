"""The trace of one donation's fen: from its interval on the fen line to rounds, parcels, schools.

Attribution by rule, since money is fungible: a round's money is its intervals in the order in which it took them,
without what it released; the fen at offset o of k fen kept belongs to parcel `o × parcels ÷ k` (rounded down, counted
from 1). So every fen that a round keeps belongs to exactly one parcel, and every parcel has its equal share. Until the
round is closed it is not known what it releases, and the attribution is provisional.

What was given back of a donation is its last fen: they lead nowhere, whatever round has their place on the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pandapack.contracts.logistics import ParcelState
from pandapack.contracts.procurement import FenInterval, SchoolShare, length_fen, school_of, serial_of
from services.reporting.domain.funded_intervals import REVERSALS, FundedIntervals, holders
from services.reporting.domain.rounds.figures import kept_intervals
from services.reporting.domain.rounds.state import Delivery, Dispatch, Handout, Lot, Round, ShipmentFacts, WriteOff


class FenState(StrEnum):
    """Where fen are: not yet applied by the fund, with it, in a round, gone to others' reversals, or given back."""

    IN_FLIGHT = "in_flight"
    UNALLOCATED = "unallocated"
    FUNDED = "funded"
    REVERSED = "reversed"
    GIVEN_BACK = "given_back"


@dataclass(frozen=True, slots=True)
class LocatedDonation:
    """Where a donation lies: `[fen_from, fen_to)` of one shard of its programme's fen line.

    `given_back_fen`: how much of it was taken back since, at most all of it.
    """

    programme: str
    shard: int
    fen_from: int
    fen_to: int
    given_back_fen: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a donation's fen that leads to one parcel, or to none yet. `of_fen` is the parcel's whole share."""

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
class ParcelTrace:
    """What became of one parcel. `state` also knows `planned`: not packed yet.

    `school` is None for the moment between the funding of a round and its opening.
    """

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


def follow(
    donation: LocatedDonation, applied_fen: int, buckets: Sequence[FundedIntervals], rounds: Mapping[str, Round]
) -> list[Piece]:
    """The donation's fen in order, each in exactly one piece. `applied_fen`: how far the fund has applied its shard."""
    pieces: list[Piece] = []
    kept_to = donation.fen_to - donation.given_back_fen
    for run in holders(buckets, donation.fen_from, kept_to) if donation.fen_from < kept_to else ():
        if run.round == REVERSALS:
            pieces.append(Piece(run.fen_from, run.fen_to, FenState.REVERSED, run.earlier))
            continue
        if run.round is not None:
            assert run.round in rounds, f"{run.round} took fen and is not known"
            pieces += _in_round(donation.shard, run.fen_from, run.fen_to, run.earlier, rounds[run.round])
            continue
        edge = min(max(applied_fen, run.fen_from), run.fen_to)
        if run.fen_from < edge:
            pieces.append(Piece(run.fen_from, edge, FenState.UNALLOCATED, run.earlier))
        if edge < run.fen_to:
            pieces.append(Piece(edge, run.fen_to, FenState.IN_FLIGHT, run.earlier))
    if kept_to < donation.fen_to:
        pieces.append(Piece(kept_to, donation.fen_to, FenState.GIVEN_BACK))
    assert sum(piece.fen for piece in pieces) == donation.fen_to - donation.fen_from, "every fen is in one piece"
    return pieces


def _in_round(shard: int, fen_from: int, fen_to: int, earlier: tuple[str, ...], round: Round) -> list[Piece]:
    """Cuts a run that one round has at the borders between parcels."""
    assert round.funding is not None
    intervals, parcels = kept_intervals(round), round.funding.parcels
    kept_fen = length_fen(intervals)
    pieces, low = [], fen_from
    while low < fen_to:
        offset, interval = _offset_of(intervals, shard, low)
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


def _offset_of(intervals: Sequence[FenInterval], shard: int, fen: int) -> tuple[int, FenInterval]:
    before = 0
    for interval in intervals:
        if interval.shard == shard and interval.fen_from <= fen < interval.fen_to:
            return before + fen - interval.fen_from, interval
        before += interval.fen_to - interval.fen_from
    raise LookupError(f"fen {fen} of shard {shard} is in none of the round's intervals")


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


def parcel_trace(round: Round, ordinal: int) -> ParcelTrace:
    """What is known of one parcel of a round."""
    share = school_of(round.schools, ordinal) if round.schools else None
    lot = next((lot for lot in round.lots if lot.holds(ordinal)), None)
    delivery = next((d for d in round.deliveries if ordinal in d.accepted or ordinal in d.rejected), None)
    write_off = next((report for report in round.write_offs if ordinal in report.ordinals), None)
    dispatch = _dispatch_of(round, lot, write_off)
    state, reason = _state_of(ordinal, lot, dispatch, delivery, write_off)
    return ParcelTrace(
        ordinal=ordinal,
        serial=serial_of(round.round, ordinal),
        state=state,
        school=share,
        lot=lot,
        shipment=dispatch.shipment if dispatch else None,
        shipment_facts=round.shipments.get(dispatch.shipment) if dispatch else None,
        delivery=delivery,
        reason=reason,
        handouts=tuple(h for h in round.handouts if state == "accepted" and share and h.school == share.school),
    )


def _dispatch_of(round: Round, lot: Lot | None, write_off: WriteOff | None) -> Dispatch | None:
    """The dispatch with which a packed parcel left; none that was lost in the warehouse did."""
    if lot is None or (write_off is not None and write_off.was is ParcelState.WAREHOUSE):
        return None
    return next(iter(round.dispatches), None)


def _state_of(
    ordinal: int, lot: Lot | None, dispatch: Dispatch | None, delivery: Delivery | None, write_off: WriteOff | None
) -> tuple[str, str | None]:
    """The last state that is known of a parcel, and why, where a reason belongs to it."""
    if write_off is not None:
        return write_off.now.value, write_off.reason
    if delivery is not None:
        return ("accepted", None) if ordinal in delivery.accepted else ("rejected", delivery.reason)
    if dispatch is not None:
        return "in_transit", None
    return ("planned" if lot is None else "warehouse"), None
