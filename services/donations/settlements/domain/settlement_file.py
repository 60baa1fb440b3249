"""A settlement's file, read as it streams in: lines are checked, and sorted by shard and day.

However long the file is, at most `ROWS_HELD_MAX` donations are held: who feeds it takes `drained()` when it `is_full`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from pandapack.contracts.donations import (
    AMOUNT_FEN_MAX,
    NAME_CHARACTERS_MAX,
    StructName,
    day_begins_us,
    day_name,
    day_number,
    day_of_name,
    microseconds_of,
    scoped,
    shard_of,
)
from pandapack.contracts.nesting import is_nested_too_deeply
from pandapack.contracts.pages import Columns, Row
from services.donations.settlements.domain.settlement import Tally
from services.donations.validation.domain.failures import (
    AT_US_MAX,
    MERCHANT_TOO_LONG,
    NESTED_TOO_DEEPLY,
    failure_of,
)
from services.donations.validation.domain.strict_lines import odd_member

ROWS_MAX = 10_000_000
ROWS_HELD_MAX = 65_536
LINE_BYTES_MAX = 4_096
DAYS_MAX = 62
MERCHANTS_MAX = 200_000

ShardDayRows = tuple[int, str, Columns]
"""Some donations of one shard and one day: the shard, the day, the donations, their merchants scoped."""


class SettledDonation(msgspec.Struct, frozen=True):
    """A line of a settlement's file: a donation by merchant, id and day (or the moment it was given).

    `amount_fen` is what is paid of it: its amount less what was taken back by the settlement's cut-off.
    """

    merchant: StructName
    id: StructName
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    day: date | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    programme: str | None = None


_donations = msgspec.json.Decoder(SettledDonation)


def _quotes_of(donation: SettledDonation) -> int:
    """How many quotes its line has, unless a text holds one or a field is null: then there is no other member."""
    return 10 + 4 * sum(one is not None for one in (donation.day, donation.at, donation.programme))


class Unfit(Exception):
    """The file cannot be taken. `line` counts from 1, `code` is stable, `zh` is Chinese where there is any."""

    def __init__(self, line: int, code: str, detail: str, zh: str = "") -> None:
        super().__init__(f"line {line}: {detail}")
        self.line, self.code, self.zh = line, code, zh and f"第 {line} 行：{zh}"


class SettlementFile:
    """A platform's settlement file while it comes in. `total` is what it lists so far."""

    def __init__(self, platform: str, programme: str, shards: int) -> None:
        self._platform, self._programme, self._shards = platform, programme, shards
        self._held: dict[tuple[int, str], list[Row]] = {}
        self._days: set[str] = set()
        self._merchants: set[str] = set()
        self._torn = b""
        self._line = self._held_rows = self._count = self._fen = 0

    @property
    def total(self) -> Tally:
        """What was listed so far."""
        return Tally(count=self._count, fen=self._fen)

    @property
    def is_full(self) -> bool:
        """Whether what is held should be taken away."""
        return self._held_rows >= ROWS_HELD_MAX

    def feed(self, chunk: bytes) -> None:
        """More of the file, cut anywhere. Raises Unfit."""
        *whole, self._torn = (self._torn + chunk).split(b"\n")
        for raw in whole:
            self._add(raw)
        if len(self._torn) > LINE_BYTES_MAX:
            raise Unfit(self._line + 1, "line_too_long", f"a line has at most {LINE_BYTES_MAX} bytes")

    def end(self) -> None:
        """The file is through; its last line may lack its end. Raises Unfit."""
        self._add(self._torn)
        self._torn = b""
        if not self._count:
            raise Unfit(1, "empty", "the settlement lists no donation")

    def drained(self) -> Iterator[ShardDayRows]:
        """What is held, sorted by shard and day; from now on it is held here no longer."""
        held = sorted(self._held.items())
        self._held, self._held_rows = {}, 0
        return ((shard, day, Columns.of(rows)) for (shard, day), rows in held)

    def _add(self, raw: bytes) -> None:
        self._line += 1
        if not raw.strip():
            return
        if is_nested_too_deeply(raw):
            raise self._unfit(NESTED_TOO_DEEPLY)
        try:
            donation = _donations.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse_odd_member(raw)
            raise self._unfit(str(error)) from error
        if raw.count(b'"') != _quotes_of(donation):
            self._refuse_odd_member(raw)
        if donation.programme not in (None, self._programme):
            detail = f"programme {donation.programme}, but the settlement is of {self._programme}"
            raise Unfit(self._line, "programme_differs", detail)
        merchant = scoped(self._platform, donation.merchant)
        if len(merchant) > NAME_CHARACTERS_MAX:
            raise self._unfit(MERCHANT_TOO_LONG)
        day = self._day_of(donation)
        self._bound(merchant, day)
        at_us = day_begins_us(day_of_name(day))
        rows = self._held.setdefault((shard_of(merchant, self._shards), day), [])
        rows.append(Row(donation.id, merchant, self._programme, donation.amount_fen, at_us))
        self._held_rows += 1
        self._count += 1
        self._fen += donation.amount_fen

    def _refuse_odd_member(self, raw: bytes) -> None:
        failure = odd_member(0, raw, SettledDonation.__struct_fields__)
        if failure is not None:
            raise Unfit(self._line, failure.code, failure.en, failure.zh)

    def _unfit(self, error: str) -> Unfit:
        """This line is none, by its reader's error."""
        failure = failure_of(0, error)
        code = failure.code if error in (NESTED_TOO_DEEPLY, MERCHANT_TOO_LONG) else "line_invalid"
        return Unfit(self._line, code, failure.en, failure.zh)

    def _day_of(self, donation: SettledDonation) -> str:
        if donation.day is not None:
            return donation.day.isoformat()
        if donation.at is None:
            raise Unfit(self._line, "day_missing", "say `day` (in Asia/Shanghai) or `at` of the donation")
        at_us = microseconds_of(donation.at)
        if not 0 <= at_us < AT_US_MAX:
            raise self._unfit("Expected a time of our age - at `$.at`")
        return day_name(day_number(at_us))

    def _bound(self, merchant: str, day: str) -> None:
        self._days.add(day)
        self._merchants.add(merchant)
        limits = (
            ("rows", self._count + 1, ROWS_MAX),
            ("days", len(self._days), DAYS_MAX),
            ("merchants", len(self._merchants), MERCHANTS_MAX),
        )
        for what, found, most in limits:
            if found > most:
                raise Unfit(self._line, "settlement_too_large", f"more than {most} {what}: split the settlement")
