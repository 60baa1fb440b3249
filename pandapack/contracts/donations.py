"""What the donations service takes and says. Money is integer fen (0.01 CNY); a day is a day in Asia/Shanghai."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, ClassVar
from zlib import crc32

import msgspec
from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from pandapack.contracts.envelope import Event, Part

NAME_CHARACTERS_MAX = 64
NAME_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
AMOUNT_FEN_MAX = 100_000_000  # one gift of a million CNY is a mistake, not a gift of five fen
DAY_OFFSET_US = 8 * 3600 * 1_000_000  # Asia/Shanghai has had no summer time since 1991
DAY_US = 86_400 * 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)


def _rfc_3339(value: Any) -> Any:
    # One parser for both validators, so that they agree on every time: msgspec's, strict RFC 3339, to the microsecond.
    return value if isinstance(value, datetime) else msgspec.convert(value, datetime, strict=True)


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, strict=True)]
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


class Donation(Part):
    """One gift as the platform pushes it. `id` is the platform's order line, `at` when the order completed."""

    id: Name
    merchant: Name
    programme: Name
    amount_fen: Annotated[int, Field(gt=0, le=AMOUNT_FEN_MAX, strict=True)]
    at: Moment


def line_of(merchant: str, lines: int) -> int:
    """The line (partition of `donations.pushed`) on which a merchant lives: stable for good, 0 … lines-1."""
    return crc32(merchant.encode()) % lines


def microseconds_of(at: datetime) -> int:
    """Microseconds since 1970 UTC: the form in which a donation's time is kept."""
    return (at - EPOCH) // timedelta(microseconds=1)


def day_number(at_us: int) -> int:
    """The day in Asia/Shanghai of a moment, in days since 1970."""
    return (at_us + DAY_OFFSET_US) // DAY_US


def day_name(number: int) -> str:
    """`18932` → `2021-11-01`."""
    return (EPOCH_DAY + timedelta(days=number)).isoformat()


def day_of_name(name: str) -> int:
    """`2021-11-01` → `18932`. Raises ValueError."""
    return (date.fromisoformat(name) - EPOCH_DAY).days


def line_source(line: int) -> str:
    """The source under which a line's owner speaks."""
    return f"/donations/lines/{line}"


class ProgrammeInterval(Part):
    """New money of one programme on one line: it occupies `[fen_from, fen_to)` of the fen line."""

    programme: str
    fen_from: int
    fen_to: int
    count: int


class DayPart(Part):
    """New money of one programme on one day, split by merchant: merchant → (count, fen)."""

    programme: str
    day: str
    count: int
    fen: int
    merchants: dict[str, tuple[int, int]] = Field(default_factory=dict)


class DonationsRecorded(Event):
    """A line's owner wrote a page: this is what was new in it. Heard strictly in sequence.

    With `page_closed` the page is full and never changes again; `page_intervals` then repeat the page's whole.
    """

    TYPE: ClassVar[str] = "donations.DonationsRecorded"

    line: int
    page: int
    count: int
    intervals: tuple[ProgrammeInterval, ...]
    days: tuple[DayPart, ...]
    page_closed: bool = False
    page_intervals: tuple[ProgrammeInterval, ...] = ()
    duplicates: int = 0
    conflicts: int = 0
    refused: int = 0


class _Interval(msgspec.Struct):
    programme: str
    fen_from: int
    fen_to: int
    count: int


class _Intervals(msgspec.Struct):
    line: int
    page: int
    count: int
    intervals: list[_Interval]


_intervals = msgspec.json.Decoder(_Intervals)


def without_days(data: bytes | msgspec.Raw) -> DonationsRecorded:
    """Reads the data of a `DonationsRecorded` for a hearer that needs the intervals only: `days` is empty.

    An event names a thousand merchants, and reading them all costs fifty times as much. Raises msgspec.ValidationError.
    """
    read = _intervals.decode(data)
    intervals = tuple(
        ProgrammeInterval(programme=one.programme, fen_from=one.fen_from, fen_to=one.fen_to, count=one.count)
        for one in read.intervals
    )
    return DonationsRecorded(line=read.line, page=read.page, count=read.count, intervals=intervals, days=())


class Reversed(Part):
    """New reversals of one programme: of all that was ever reversed on the line they are fen `[fen_from, fen_to)`.

    `days`: day of the reversal, in Asia/Shanghai → (count, fen).
    """

    programme: str
    count: int
    fen_from: int
    fen_to: int
    days: dict[str, tuple[int, int]]


class DonationsReversed(Event):
    """The platform took gifts back, in full or in part: orders were refunded. They stay on their page.

    Said by the line's owner in the line's sequence. A reversal is a taker of fen, dated when it came, as a round is:
    the fund gives it the front of the line, or owes it the next fen.
    """

    TYPE: ClassVar[str] = "donations.DonationsReversed"

    line: int
    page: int
    reversals: tuple[Reversed, ...]


class DonationsBanked(Event):
    """The platform has settled gifts: of those received on a day, so many are newly known to be in the bank.

    Said by the settlement, once it agrees with the ledger; a settlement of several days says one event each. Each
    donation is banked once, whatever settlements name it. `settlement` is our own name for it, not the platform's.
    """

    TYPE: ClassVar[str] = "donations.DonationsBanked"

    settlement: str
    programme: str
    day: str
    count: int
    fen: int
