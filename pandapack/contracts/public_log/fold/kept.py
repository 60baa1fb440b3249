"""How a fold is kept: at boundaries the books, and a row for each round and month that changed since the one before.

    books    `_id` the size, `at` of the books, `books`
    rounds   `round`, `size`, `until`, `is_open`, `state`
    months   `month` (see `month_key`), `size`, `until`, `state`: day → its sums

A row is the last one as of every boundary of `[size, until)`. All of it follows from the entries: whoever has those can
say what must stand there.
"""

from __future__ import annotations

import zlib
from typing import Any, TypeVar

import msgspec

from pandapack.contracts.public_log.fold.books import DayBooks
from pandapack.contracts.public_log.fold.fold import Day

FORM = 4
"""Of what is kept. Another form has collections of its own, which are made anew from the log."""
MONTH_CHARACTERS = len("2021-11")
COMPRESSION = 1
"""The quickest: levels beyond it save a tenth of the bytes and take several times as long."""

T = TypeVar("T")
Month = tuple[str, str]
"""(programme, month in Asia/Shanghai)."""
DaysOfMonth = dict[str, DayBooks]
"""Day → its sums."""


class Unreadable(Exception):
    """What is kept is not what was packed."""


def collection_of(kind: str) -> str:
    """The collection of books, rounds, months or moments: `fold4_books`."""
    return f"fold{FORM}_{kind}"


def month_of(day: Day) -> Month:
    """In which month a day lies."""
    return day[0], day[1][:MONTH_CHARACTERS]


def month_key(month: Month) -> str:
    """A month as its rows name it: `love-parcel/2021-11`."""
    return "/".join(month)


def as_of(boundary: int) -> dict[str, Any]:
    """Which rows of rounds or months are the last as of a boundary."""
    return {"size": {"$lte": boundary}, "until": {"$gt": boundary}}


def packed(value: Any) -> bytes:
    """Books, a round, a month's days, or whatever else is kept of a fold."""
    return zlib.compress(msgspec.msgpack.encode(value), COMPRESSION)


def unpacked(kept: bytes, kind: type[T]) -> T:
    """The same again. Raises Unreadable."""
    try:
        return msgspec.msgpack.decode(zlib.decompress(kept), type=kind)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise Unreadable(str(error)) from error
