"""What the lines of the ledger say: gifts by programme and day, and by merchant.

One document a line, which hears the line's events strictly in sequence; and one a line and day for the merchants, whose
daily volumes are trade secrets and are shown to staff only.

An event names thousands of merchants, and dozens come in a second. So it is read by structs that hold only what a view
needs; msgspec passes over the rest. A test proves that they agree with the contract.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from pydantic import PlainSerializer, PlainValidator

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal
from services.reporting.domain.pipeline import Heard

CountAndFen = tuple[int, int]


class Interval(msgspec.Struct, frozen=True):
    """New money of one programme: `[fen_from, fen_to)` of the line."""

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


class News(msgspec.Struct, frozen=True):
    """`DonationsRecorded` without merchants."""

    line: int
    intervals: tuple[Interval, ...]
    days: tuple[Day, ...]
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0


class Reversal(msgspec.Struct, frozen=True):
    """New reversals of one programme: `[fen_from, fen_to)` of all that was ever reversed on the line."""

    programme: str
    fen_from: int
    fen_to: int
    count: int


class ReversalNews(msgspec.Struct, frozen=True):
    """`DonationsReversed`."""

    line: int
    reversals: tuple[Reversal, ...]


class MerchantsOfDay(msgspec.Struct, frozen=True):
    """One programme and day: merchant → (count, fen)."""

    day: str
    merchants: dict[str, CountAndFen]


class MerchantNews(msgspec.Struct, frozen=True):
    """`DonationsRecorded` with nothing but merchants."""

    line: int
    days: tuple[MerchantsOfDay, ...]


_news = msgspec.json.Decoder(News)
_reversal_news = msgspec.json.Decoder(ReversalNews)
_merchant_news = msgspec.json.Decoder(MerchantNews)


def news_of(data: bytes | msgspec.Raw) -> News:
    """Reads the data of a `DonationsRecorded`. Raises msgspec.ValidationError."""
    return _news.decode(data)


def reversal_news_of(data: bytes | msgspec.Raw) -> ReversalNews:
    """Reads the data of a `DonationsReversed`. Raises msgspec.ValidationError."""
    return _reversal_news.decode(data)


def merchant_news_of(data: bytes | msgspec.Raw) -> MerchantNews:
    """Reads the merchants of a `DonationsRecorded`. Raises msgspec.ValidationError."""
    return _merchant_news.decode(data)


class ProgrammeGifts(Part):
    """A programme's gifts on a line: they occupy `[0, fen_to)` of it. `days`: day → (count, fen).

    `reversed_fen` of them were taken back since, by `reversals`; the gifts stay where they are.
    """

    count: int = 0
    fen_to: int = 0
    days: dict[str, CountAndFen] = {}
    reversals: int = 0
    reversed_fen: int = 0


class LineGifts(Part):
    """One line. Duplicates, conflicts and refused rows were found by the ledger and are in no other figure.

    `last` is the record that was heard last: how fresh the figures are.
    """

    line: int = -1
    programmes: dict[str, ProgrammeGifts] = {}
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0
    last: Heard = Heard()


def _packed(merchants: dict[str, CountAndFen]) -> str:
    return b64encode(msgspec.msgpack.encode(merchants)).decode()


_unpacker = msgspec.msgpack.Decoder(dict[str, CountAndFen])


def _unpacked(value: Any) -> dict[str, CountAndFen]:
    return _unpacker.decode(b64decode(value)) if isinstance(value, str) else value


PackedMerchants = Annotated[
    dict[str, CountAndFen], PlainValidator(_unpacked), PlainSerializer(_packed, return_type=str)
]
"""Kept as base64 of MessagePack: thousands of merchants a document, read and written as one value."""


class DayMerchants(Part):
    """One line and day: merchant → (count, fen), over all programmes."""

    line: int = -1
    day: str = ""
    merchants: PackedMerchants = {}


def record(state: LineGifts, news: News) -> Decision[LineGifts] | Refusal:
    """New gifts begin exactly where the known ones end; anything else is a gap or a repeat, and stops the line."""
    programmes = dict(state.programmes)
    for interval in news.intervals:
        known = programmes.get(interval.programme, ProgrammeGifts())
        if interval.fen_from != known.fen_to:
            words = (
                f"line {news.line} of {interval.programme}: known up to {known.fen_to} fen, then {interval.fen_from}"
            )
            return Refusal("fen_line_gap", words)
        days, count, fen = dict(known.days), 0, 0
        for part in news.days:
            if part.programme == interval.programme:
                days[part.day] = _plus(days.get(part.day, (0, 0)), (part.count, part.fen))
                count, fen = count + part.count, fen + part.fen
        assert (count, fen) == (interval.count, interval.fen_to - interval.fen_from), "the days are the interval"
        update = {"count": known.count + count, "fen_to": interval.fen_to, "days": days}
        programmes[interval.programme] = known.model_copy(update=update)
    found = {
        "line": news.line,
        "programmes": programmes,
        "duplicates": state.duplicates + news.duplicates,
        "conflicts": state.conflicts + news.conflicts,
        "refused": state.refused + news.refused,
    }
    return Decision(state.model_copy(update=found))


def take_back(state: LineGifts, news: ReversalNews) -> Decision[LineGifts] | Refusal:
    """New reversals begin exactly where the known ones end."""
    programmes = dict(state.programmes)
    for told in news.reversals:
        known = programmes.get(told.programme, ProgrammeGifts())
        if told.fen_from != known.reversed_fen:
            words = (
                f"line {news.line} of {told.programme}: {known.reversed_fen} fen reversed, then from {told.fen_from}"
            )
            return Refusal("reversal_gap", words)
        update = {"reversals": known.reversals + told.count, "reversed_fen": told.fen_to}
        programmes[told.programme] = known.model_copy(update=update)
    return Decision(state.model_copy(update={"line": news.line, "programmes": programmes}))


def note(state: LineGifts, last: Heard) -> Decision[LineGifts]:
    """The line's events up to this record are taken in."""
    return Decision(state.model_copy(update={"last": last}))


def record_merchants(state: DayMerchants, news: MerchantNews, day: str) -> Decision[DayMerchants]:
    """The merchants' part of the same event for one day."""
    merchants = dict(state.merchants)
    for part in news.days:
        if part.day == day:
            for merchant, (count, fen) in part.merchants.items():  # the one loop over millions: no calls in it
                known = merchants.get(merchant)
                merchants[merchant] = (count, fen) if known is None else (known[0] + count, known[1] + fen)
    return Decision(state.model_copy(update={"line": news.line, "day": day, "merchants": merchants}))


def by_merchant(days: Iterable[DayMerchants]) -> dict[str, CountAndFen]:
    """Merchant → (count, fen), over all these days and lines."""
    whole: dict[str, CountAndFen] = {}
    for day in days:
        for merchant, gifts in day.merchants.items():
            whole[merchant] = _plus(whole.get(merchant, (0, 0)), gifts)
    return dict(sorted(whole.items()))


def _plus(one: CountAndFen, other: CountAndFen) -> CountAndFen:
    return one[0] + other[0], one[1] + other[1]
