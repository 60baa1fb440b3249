"""Heads: what the chains of all lines were when a day had ended, one head a day, without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, day_of_name
from pandapack.contracts.merkle import root_of
from pandapack.contracts.pages import FIRST_SEAL
from pandapack.contracts.proof import DayHead, LineHead, seal_leaf

SETTLE_S = 60
"""So long after midnight (business time, Asia/Shanghai) the day's last pages may still be written."""


@dataclass(frozen=True, slots=True)
class LineEnd:
    """The last page of a line that was opened on a day or before it, and is closed. `page` -1: there is none."""

    line: int
    page: int = -1
    counts: dict[str, int] = field(default_factory=dict)
    fen: dict[str, int] = field(default_factory=dict)


def due_day(last: str | None, first_opened: int | None, now_us: int) -> int | None:
    """The day whose head is to be signed next, in days since 1970, or None while none is due.

    last: the day of the last head. first_opened: the day on which the ledger's first page was opened.
    """
    if last is None and first_opened is None:
        return None
    day = day_of_name(last) + 1 if last is not None else first_opened
    assert day is not None, "either a head or a page is there"
    ends_us = (day + 1) * DAY_US - DAY_OFFSET_US
    return day if now_us >= ends_us + SETTLE_S * 1_000_000 else None


def first_new(before: DayHead | None, line: int) -> int:
    """The first page of a line that the head before does not cover."""
    return before.lines[line].page + 1 if before else 0


def line_head(end: LineEnd, before: DayHead | None, chained: Sequence[str]) -> LineHead:
    """A line's part of a head. `chained`: the seals (hex) of its new pages, in order."""
    first = first_new(before, end.line)
    assert len(chained) == end.page + 1 - first, f"line {end.line}: every page to {end.page} is sealed"
    idle = before.lines[end.line].chained if before else FIRST_SEAL.hex()
    last = chained[-1] if chained else idle
    seals_root = root_of([seal_leaf(one) for one in chained]).hex()
    return LineHead(end.line, first, end.page, last, seals_root, end.counts, end.fen)
