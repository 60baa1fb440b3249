"""What the shards of the ledger recorded: donations by programme and day, and by merchant.

One document a shard, which applies the shard's events strictly in sequence; and a tree of documents a shard and day for
the merchants (`merchants`), whose daily volumes are trade secrets and are shown to staff only.

An event names thousands of merchants, and dozens come in a second. So it is read by structs that hold only what a view
needs; msgspec passes over the rest. A test proves that they agree with the contract.
"""

from __future__ import annotations

from heapq import nsmallest

import msgspec

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal
from services.reporting.domain.figures import CountAndFen, sums_by_name
from services.reporting.domain.merchants import MERCHANTS_A_DOCUMENT_MAX, Merchants, PackedMerchants
from services.reporting.domain.pipeline import LastRecord


class Interval(msgspec.Struct, frozen=True):
    """New money of one programme: `[fen_from, fen_to)` of its fen line on the shard."""

    programme: str
    fen_from: int
    fen_to: int
    count: int


class Day(msgspec.Struct, frozen=True):
    """New money of one programme on one day."""

    programme: str
    day: str
    count: int
    fen: int


class DonationsDelta(msgspec.Struct, frozen=True):
    """`DonationsRecorded` without merchants."""

    shard: int
    intervals: tuple[Interval, ...]
    days: tuple[Day, ...]
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0


class Reversal(msgspec.Struct, frozen=True):
    """New reversals of one programme: `[fen_from, fen_to)` of all that was ever reversed on the shard."""

    programme: str
    fen_from: int
    fen_to: int
    count: int


class ReversalsDelta(msgspec.Struct, frozen=True):
    """`DonationsReversed`."""

    shard: int
    reversals: tuple[Reversal, ...]


class MerchantsOfDay(msgspec.Struct, frozen=True):
    """One programme and day: merchant → (count, fen)."""

    day: str
    merchants: dict[str, CountAndFen]


class MerchantsDelta(msgspec.Struct, frozen=True):
    """`DonationsRecorded` with nothing but merchants."""

    shard: int
    days: tuple[MerchantsOfDay, ...]


_delta = msgspec.json.Decoder(DonationsDelta)
_reversals_delta = msgspec.json.Decoder(ReversalsDelta)
_merchants_delta = msgspec.json.Decoder(MerchantsDelta)


def delta_of(data: bytes | msgspec.Raw) -> DonationsDelta:
    """Reads the data of a `DonationsRecorded`. Raises msgspec.ValidationError."""
    return _delta.decode(data)


def reversals_delta_of(data: bytes | msgspec.Raw) -> ReversalsDelta:
    """Reads the data of a `DonationsReversed`. Raises msgspec.ValidationError."""
    return _reversals_delta.decode(data)


def merchants_delta_of(data: bytes | msgspec.Raw) -> MerchantsDelta:
    """Reads the merchants of a `DonationsRecorded`. Raises msgspec.ValidationError."""
    return _merchants_delta.decode(data)


class ProgrammeDonations(Part):
    """A programme's donations on a shard: `[0, fen_to)` of its fen line. `days`: day → (count, fen).

    `reversed_fen` of them were taken back since, by `reversals`; the donations stay where they are.
    """

    count: int = 0
    fen_to: int = 0
    days: dict[str, CountAndFen] = {}
    reversals: int = 0
    reversed_fen: int = 0


class ShardDonations(Part):
    """One shard. Duplicates, conflicts and refused rows were found by the ledger and are in no other figure.

    `last` is the last record consumed: how fresh the figures are.
    """

    shard: int = -1
    programmes: dict[str, ProgrammeDonations] = {}
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    last: LastRecord = LastRecord()


class DayMerchants(Part):
    """Some of the merchants of one shard and day → (count, fen), over all programmes: a document of its tree."""

    shard: int = -1
    day: str = ""
    merchants: PackedMerchants = {}


def record(state: ShardDonations, delta: DonationsDelta) -> Decision[ShardDonations] | Refusal:
    """New donations begin exactly where the known ones end; anything else is a gap or a repeat, and stops the shard."""
    programmes = dict(state.programmes)
    for interval in delta.intervals:
        known = programmes.get(interval.programme, ProgrammeDonations())
        if interval.fen_from != known.fen_to:
            detail = (
                f"shard {delta.shard} of {interval.programme}: known up to {known.fen_to} fen, then {interval.fen_from}"
            )
            return Refusal("fen_line_gap", detail)
        parts = [part for part in delta.days if part.programme == interval.programme]
        count, fen = sum(part.count for part in parts), sum(part.fen for part in parts)
        assert (count, fen) == (interval.count, interval.fen_to - interval.fen_from), "the days are the interval"
        days = sums_by_name(known.days, ({part.day: (part.count, part.fen)} for part in parts))
        update = {"count": known.count + count, "fen_to": interval.fen_to, "days": days}
        programmes[interval.programme] = known.model_copy(update=update)
    found = {
        "shard": delta.shard,
        "programmes": programmes,
        "duplicates": state.duplicates + delta.duplicates,
        "conflicts": state.conflicts + delta.conflicts,
        "refused": state.refused + delta.refused,
    }
    return Decision(state.model_copy(update=found))


def reverse(state: ShardDonations, delta: ReversalsDelta) -> Decision[ShardDonations] | Refusal:
    """New reversals begin exactly where the known ones end."""
    programmes = dict(state.programmes)
    for new in delta.reversals:
        known = programmes.get(new.programme, ProgrammeDonations())
        if new.fen_from != known.reversed_fen:
            detail = (
                f"shard {delta.shard} of {new.programme}: {known.reversed_fen} fen reversed, then from {new.fen_from}"
            )
            return Refusal("reversal_gap", detail)
        update = {"reversals": known.reversals + new.count, "reversed_fen": new.fen_to}
        programmes[new.programme] = known.model_copy(update=update)
    return Decision(state.model_copy(update={"shard": delta.shard, "programmes": programmes}))


def note(state: ShardDonations, last: LastRecord) -> Decision[ShardDonations]:
    """The shard's events up to this record are applied."""
    return Decision(state.model_copy(update={"last": last}))


def merchants_by_day(delta: MerchantsDelta) -> dict[str, dict[str, CountAndFen]]:
    """Day → its merchants' part of an event, over all programmes."""
    days = sorted({part.day for part in delta.days})
    return {day: sums_by_name({}, (part.merchants for part in delta.days if part.day == day)) for day in days}


def grow_merchants(state: DayMerchants, shard: int, day: str, more: Merchants) -> Decision[DayMerchants]:
    """More of these merchants' donations on a day. The document has room for them."""
    merchants = sums_by_name(state.merchants, [more])
    assert len(merchants) <= MERCHANTS_A_DOCUMENT_MAX, f"{len(merchants)} merchants in a document of shard {shard}"
    return Decision(DayMerchants(shard=shard, day=day, merchants=merchants))


def next_merchants(known: dict[str, CountAndFen], one: DayMerchants, after: str, count: int) -> dict[str, CountAndFen]:
    """The first `count` merchants behind `after`, by name, of those known and those of one more document."""
    behind = {name: cell for name, cell in one.merchants.items() if name > after}
    whole = sums_by_name(known, [behind])
    return {name: whole[name] for name in nsmallest(count, whole)}
