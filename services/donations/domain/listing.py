"""A settlement's file, read as it streams in: lines are checked, and sorted by line of the ledger and day.

However long the file is, at most `ROWS_HELD_MAX` gifts are held: who feeds it takes `drained()` away when it `is_full`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from pandapack.contracts.donations import (
    AMOUNT_FEN_MAX,
    DAY_OFFSET_US,
    DAY_US,
    NAME_PATTERN,
    day_name,
    day_number,
    day_of_name,
    line_of,
    microseconds_of,
)
from pandapack.contracts.pages import Columns, Row
from services.donations.domain.settlement import Tally

ROWS_MAX = 10_000_000
ROWS_HELD_MAX = 65_536
LINE_BYTES_MAX = 4_096
DAYS_MAX = 62
MERCHANTS_MAX = 200_000

Sorted = tuple[int, str, Columns]
"""Some gifts of one line of the ledger and one day."""

# `$` would let a line break pass at the end.
_Name = Annotated[str, Meta(pattern=NAME_PATTERN.removesuffix("$") + r"\Z")]


class SettledGift(msgspec.Struct, frozen=True):
    """A line of a settlement's file: a gift by merchant, id and day (or the moment it was given)."""

    merchant: _Name
    id: _Name
    amount_fen: Annotated[int, Meta(gt=0, le=AMOUNT_FEN_MAX)]
    day: date | None = None
    at: Annotated[datetime, Meta(tz=True)] | None = None
    programme: str | None = None


_gifts = msgspec.json.Decoder(SettledGift)


class Unfit(Exception):
    """The file cannot be taken. `line` counts from 1, `code` is stable."""

    def __init__(self, line: int, code: str, words: str) -> None:
        super().__init__(f"line {line}: {words}")
        self.line, self.code = line, code


class Listing:
    """A settlement's file while it comes in. `total` is what it lists so far."""

    def __init__(self, programme: str, lines: int) -> None:
        self._programme, self._lines = programme, lines
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
            self._take(raw)
        if len(self._torn) > LINE_BYTES_MAX:
            raise Unfit(self._line + 1, "line_too_long", f"a line has at most {LINE_BYTES_MAX} bytes")

    def end(self) -> None:
        """The file is through; its last line may lack its end. Raises Unfit."""
        self._take(self._torn)
        self._torn = b""
        if not self._count:
            raise Unfit(1, "empty", "the settlement lists no gift")

    def drained(self) -> Iterator[Sorted]:
        """What is held, sorted by line and day; from now on it is held here no longer."""
        held = sorted(self._held.items())
        self._held, self._held_rows = {}, 0
        return ((line, day, Columns.of(rows)) for (line, day), rows in held)

    def _take(self, raw: bytes) -> None:
        self._line += 1
        if not raw.strip():
            return
        try:
            gift = _gifts.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unfit(self._line, "line_invalid", str(error)) from error
        if gift.programme not in (None, self._programme):
            words = f"programme {gift.programme}, but the settlement is of {self._programme}"
            raise Unfit(self._line, "programme_differs", words)
        day = self._day_of(gift)
        self._bound(gift.merchant, day)
        at_us = day_of_name(day) * DAY_US - DAY_OFFSET_US
        rows = self._held.setdefault((line_of(gift.merchant, self._lines), day), [])
        rows.append(Row(gift.id, gift.merchant, self._programme, gift.amount_fen, at_us))
        self._held_rows += 1
        self._count += 1
        self._fen += gift.amount_fen

    def _day_of(self, gift: SettledGift) -> str:
        if gift.day is not None:
            return gift.day.isoformat()
        if gift.at is None:
            raise Unfit(self._line, "day_missing", "say `day` (in Asia/Shanghai) or `at` of the gift")
        return day_name(day_number(microseconds_of(gift.at)))

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
