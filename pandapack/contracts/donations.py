"""What travels to and from the donations service. Money is integer fen (0.01 CNY); a day is a day in Asia/Shanghai."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar
from zlib import crc32

import msgspec
from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from pandapack.contracts.envelope import Event, Part

NAME_CHARACTERS_MAX = 64
NAME_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
PLATFORM_CHARACTERS_MAX = 16
PLATFORM_PATTERN = r"^[A-Za-z0-9._-]{1,16}$"
SCOPE_MARK = ":"
"""Between a platform's id, which has none, and its own name for a merchant, which may have some."""
NAME_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
AMOUNT_FEN_MAX = 100_000_000  # one donation of a million CNY is a mistake, not one of five fen
DAY_OFFSET_US = 8 * 3600 * 1_000_000  # Asia/Shanghai has had no summer time since 1991
DAY_US = 86_400 * 1_000_000
CHINA = timezone(timedelta(microseconds=DAY_OFFSET_US), "Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1)


def _rfc_3339(value: Any) -> Any:
    # One parser for both validators, so that they agree on every time: msgspec's, strict RFC 3339, to the microsecond.
    return value if isinstance(value, datetime) else msgspec.convert(value, datetime, strict=True)


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, strict=True)]
PlatformName = Annotated[str, StringConstraints(pattern=PLATFORM_PATTERN, strict=True)]
# The same for msgspec, whose patterns are searched: there `$` would let a line break pass at the end.
StructName = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN.removesuffix("$") + r"\Z")]
Moment = Annotated[AwareDatetime, BeforeValidator(_rfc_3339)]


class Donation(Part):
    """One donation as the platform pushes it. `id` is the platform's order line, `at` when the order completed.

    `merchant` is the platform's own name for it; on the ledger it stands `scoped` by the platform.
    """

    id: Name
    merchant: Name
    programme: Name
    amount_fen: Annotated[int, Field(gt=0, le=AMOUNT_FEN_MAX, strict=True)]
    at: Moment


_is_platform = re.compile(PLATFORM_PATTERN.removesuffix("$")).fullmatch


def is_platform(text: str) -> bool:
    """Whether a text can be a platform's id."""
    return _is_platform(text) is not None


def scoped(platform: str, merchant: str) -> str:
    """A merchant's name on the ledger, `platform:merchant`: no two platforms can name the same merchant.

    A name only where it has at most `NAME_CHARACTERS_MAX` characters. `platform` must be a platform's id.
    """
    assert is_platform(platform), f"{platform!r} is no platform's id"
    return f"{platform}{SCOPE_MARK}{merchant}"


def unscoped(name: str) -> tuple[str, str]:
    """`platform:merchant` → the platform's id, and its own name for the merchant. Raises ValueError."""
    platform, mark, merchant = name.partition(SCOPE_MARK)
    if not (mark and merchant and is_platform(platform)):
        raise ValueError(f"a merchant on the ledger is named platform:merchant, not {name}")
    return platform, merchant


def shard_of(merchant: str, shards: int) -> int:
    """The shard (partition of `donations.pushed`) on which a merchant lives: stable for good, 0 … shards-1.

    `merchant`: its scoped name.
    """
    return crc32(merchant.encode()) % shards


def microseconds_of(at: datetime) -> int:
    """Microseconds since 1970 UTC: the form in which a donation's time is kept."""
    return (at - EPOCH) // timedelta(microseconds=1)


def day_number(at_us: int) -> int:
    """The day in Asia/Shanghai of a moment, in days since 1970."""
    return (at_us + DAY_OFFSET_US) // DAY_US


def day_begins_us(number: int) -> int:
    """The first moment of a day in Asia/Shanghai, in microseconds since 1970 UTC."""
    return number * DAY_US - DAY_OFFSET_US


def day_name(number: int) -> str:
    """`18932` → `2021-11-01`."""
    return (EPOCH_DAY + timedelta(days=number)).isoformat()


def day_of_name(name: str) -> int:
    """`2021-11-01` → `18932`. Raises ValueError."""
    return (date.fromisoformat(name) - EPOCH_DAY).days


def shard_source(shard: int) -> str:
    """The source of a shard's events."""
    return f"/donations/shards/{shard}"


def seals_source(shard: int) -> str:
    """The source of the events that tell of a shard's sealed pages."""
    return f"/donations/seals/{shard}"


class ProgrammeInterval(Part):
    """New money of one programme on one shard: it occupies `[fen_from, fen_to)` of the fen line."""

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
    """A shard's owner wrote a page: this is what was new in it, in the shard's sequence.

    New fen begin exactly where the known ones end, so that whoever applies only some of them sees a gap, too.

    With `page_closed` the page is full and never changes again; `page_intervals` then repeat the page's whole.
    """

    TYPE: ClassVar[str] = "donations.DonationsRecorded"

    shard: int
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
    shard: int
    page: int
    count: int
    intervals: list[_Interval]


_intervals = msgspec.json.Decoder(_Intervals)


def without_days(data: bytes | msgspec.Raw) -> DonationsRecorded:
    """Reads the data of a `DonationsRecorded` for a consumer that needs the intervals only: `days` is empty.

    An event names a thousand merchants, and reading them all costs fifty times as much. Raises msgspec.ValidationError.
    """
    read = _intervals.decode(data)
    intervals = tuple(
        ProgrammeInterval(programme=one.programme, fen_from=one.fen_from, fen_to=one.fen_to, count=one.count)
        for one in read.intervals
    )
    return DonationsRecorded(shard=read.shard, page=read.page, count=read.count, intervals=intervals, days=())


class ProgrammeReversal(Part):
    """New reversals of one programme: of all that was ever reversed on the shard they are fen `[fen_from, fen_to)`.

    `days`: day of the reversal, in Asia/Shanghai → (count, fen).
    """

    programme: str
    count: int
    fen_from: int
    fen_to: int
    days: dict[str, tuple[int, int]]


class DonationsReversed(Event):
    """The platform took donations back, in full or in part: orders were refunded. They stay on their page.

    Published by the shard's owner in the shard's sequence. A reversal is a taker of fen, dated when it came, as a round
    is: the fund gives it the front of the fen line, or owes it the next fen.
    """

    TYPE: ClassVar[str] = "donations.DonationsReversed"

    shard: int
    page: int
    reversals: tuple[ProgrammeReversal, ...]


class DonationsBanked(Event):
    """The platform has settled donations: of those received on a day, so many are newly known to be in the bank.

    Published by the settlement as far as it agrees with the ledger, in one event or several a day. Each donation is
    banked once, whatever settlements name it, and net: less what was taken back of it by the settlement's cut-off.
    `settlement` is our own name for it, not the platform's. `merchants`: merchant → (count, fen), some thousands at
    most; empty where it is not told whose donations they are.
    """

    TYPE: ClassVar[str] = "donations.DonationsBanked"

    settlement: str
    programme: str
    day: str
    count: int
    fen: int
    merchants: dict[str, tuple[int, int]] = Field(default_factory=dict)


class SealedProgramme(Part):
    """What a sealed page holds of one programme: how many donations, and their fen."""

    programme: str
    count: int
    fen: int


class PageSealed(Event):
    """A closed page of a shard is sealed: nobody changes one of its rows unseen from now on.

    One a page, in order, by the shard's seals: the sequence is the page's number + 1. `root`: the Merkle root (RFC
    9162, 64 hex digits) over its rows, whose leaves `contracts.columns.Row.leaf` writes. Caused by the shard's last
    event when the page had closed.
    """

    TYPE: ClassVar[str] = "donations.PageSealed"

    shard: int
    page: int
    rows: int
    fen: int
    root: str
    programmes: tuple[SealedProgramme, ...]
