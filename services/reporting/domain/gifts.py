"""What the lines of the ledger say: gifts by programme and day, and by merchant.

One document a line, which hears the line's events strictly in sequence; and one a line and day for the merchants, whose
daily volumes are trade secrets and are shown to staff only.
"""

from __future__ import annotations

from pandapack.contracts.donations import DonationsRecorded
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal

CountAndFen = tuple[int, int]


class ProgrammeGifts(Part):
    """A programme's gifts on a line: they occupy `[0, fen_to)` of it. `days`: day → (count, fen)."""

    count: int = 0
    fen_to: int = 0
    days: dict[str, CountAndFen] = {}


class LineGifts(Part):
    """One line. Duplicates, conflicts and refused rows were found by the ledger and are in no other figure."""

    line: int = -1
    programmes: dict[str, ProgrammeGifts] = {}
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0


class DayMerchants(Part):
    """One line and day: merchant → (count, fen), over all programmes."""

    line: int = -1
    day: str = ""
    merchants: dict[str, CountAndFen] = {}


def record(state: LineGifts, event: DonationsRecorded) -> Decision[LineGifts] | Refusal:
    """New gifts begin exactly where the known ones end; anything else is a gap or a repeat, and stops the line."""
    programmes = dict(state.programmes)
    for interval in event.intervals:
        known = programmes.get(interval.programme, ProgrammeGifts())
        if interval.fen_from != known.fen_to:
            words = (
                f"line {event.line} of {interval.programme}: known up to {known.fen_to} fen, then {interval.fen_from}"
            )
            return Refusal("fen_line_gap", words)
        days, count, fen = dict(known.days), 0, 0
        for part in event.days:
            if part.programme == interval.programme:
                days[part.day] = _plus(days.get(part.day, (0, 0)), (part.count, part.fen))
                count, fen = count + part.count, fen + part.fen
        assert (count, fen) == (interval.count, interval.fen_to - interval.fen_from), "the days are the interval"
        programmes[interval.programme] = ProgrammeGifts(count=known.count + count, fen_to=interval.fen_to, days=days)
    return Decision(
        LineGifts(
            line=event.line,
            programmes=programmes,
            duplicates=state.duplicates + event.duplicates,
            conflicts=state.conflicts + event.conflicts,
            refused=state.refused + event.refused,
        )
    )


def record_merchants(state: DayMerchants, event: DonationsRecorded, day: str) -> Decision[DayMerchants]:
    """The merchants' part of the same event for one day."""
    merchants = dict(state.merchants)
    for part in event.days:
        if part.day == day:
            for merchant, gifts in part.merchants.items():
                merchants[merchant] = _plus(merchants.get(merchant, (0, 0)), gifts)
    return Decision(DayMerchants(line=event.line, day=day, merchants=merchants))


def _plus(one: CountAndFen, other: CountAndFen) -> CountAndFen:
    return one[0] + other[0], one[1] + other[1]
