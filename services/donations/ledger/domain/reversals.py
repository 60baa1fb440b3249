"""Reversals: donations that the platform takes back, in full or in part, because orders were refunded.

A reversal travels down its donation's shard and is kept by the page that has its record. The donation stays where it
is: no column, interval or count changes (decision record 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from pandapack.contracts.columns import Columns, number_of_id
from pandapack.contracts.donations import (
    DonationsReversed,
    ProgrammeReversal,
    day_name,
    day_number,
    microseconds_of,
)
from services.donations.ledger.domain.findings import Finding
from services.donations.validation.domain.reversal_lines import Reversal

TAKEN, PARKED, REFUSED = "taken", "parked", "refused"
"""Taken: the fund learns of it. Parked: its donation is not known, a person must look; pushed again, it is tried again.
Refused: it exceeds what is left of the donation."""


@dataclass(frozen=True, slots=True)
class PushedReversal:
    """A reversal as it came: by which push, on which line of its record."""

    push: str
    index: int
    reversal: Reversal


@dataclass(frozen=True, slots=True)
class ReversalRecord:
    """A reversal on a page. `programme` is its donation's, empty where that is not known.

    `page` is the page's id, where the reversal was read from one.
    """

    reversal: Reversal
    state: str
    programme: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class ReversedDonation:
    """The donation that a reversal names."""

    programme: str
    fen: int


def named_on(columns: Columns, reversals: Iterable[Reversal]) -> dict[str, ReversedDonation]:
    """Which of the donations that reversals name lie on a page, by `Reversal.of`."""
    wanted = {one.of: one.donation for one in reversals}
    ids = set(wanted.values())
    numbers = [number for number in map(number_of_id, ids) if number is not None]
    rows = {row for row, text in columns.ids.texts.items() if text in ids}
    rows.update(np.flatnonzero(np.isin(columns.ids.numbers, np.array(numbers, np.uint64))).tolist())
    found = {}
    for row in map(columns.row, sorted(rows)):
        of = f"{row.merchant}/{row.id}/{day_name(day_number(row.at_us))}"
        if of in wanted:
            found[of] = ReversedDonation(row.programme, row.amount_fen)
    return found


def decide_reversals(
    pushed: Iterable[PushedReversal], donations: Mapping[str, ReversedDonation], known: Iterable[ReversalRecord]
) -> tuple[list[ReversalRecord], list[Finding]]:
    """Decides reversals in the order of the log. `donations`: by `Reversal.of`; `known`: what pages have of them."""
    by_key = {record.reversal.key: record for record in known if record.state == TAKEN}
    reversed_fen: dict[str, int] = {}
    for record in by_key.values():
        of = record.reversal.of
        reversed_fen[of] = reversed_fen.get(of, 0) + record.reversal.amount_fen
    records, findings = list[ReversalRecord](), list[Finding]()
    for one in pushed:
        reversal, before = one.reversal, by_key.get(one.reversal.key)
        if before is not None:
            kind = "duplicate" if _without_reason(before.reversal) == _without_reason(reversal) else "conflict"
            findings.append(Finding(one.push, one.index, kind, reversal.merchant, reversal.reversal))
            continue
        record = _decided(reversal, donations.get(reversal.of), reversed_fen.get(reversal.of, 0))
        records.append(record)
        if record.state == TAKEN:
            by_key[reversal.key] = record
            reversed_fen[reversal.of] = reversed_fen.get(reversal.of, 0) + reversal.amount_fen
    return records, findings


def standing(records: Iterable[ReversalRecord]) -> dict[str, ReversalRecord]:
    """What became of each reversal, by its key, of all that pages have in order: the one taken, or the last."""
    by_key: dict[str, ReversalRecord] = {}
    for record in records:
        before = by_key.get(record.reversal.key)
        if before is None or before.state != TAKEN:
            by_key[record.reversal.key] = record
    return by_key


def _without_reason(reversal: Reversal) -> Reversal:
    """What makes a repeat a duplicate rather than a conflict: a reason may be worded anew."""
    return msgspec.structs.replace(reversal, reason=None)


def _decided(reversal: Reversal, donation: ReversedDonation | None, reversed_fen: int) -> ReversalRecord:
    if donation is None:
        return ReversalRecord(reversal, PARKED)
    if reversed_fen + reversal.amount_fen > donation.fen:
        return ReversalRecord(reversal, REFUSED, donation.programme)
    return ReversalRecord(reversal, TAKEN, donation.programme)


def reversed_event(
    shard: int, page: int, reversed_fen: Mapping[str, int], records: Sequence[ReversalRecord]
) -> tuple[DonationsReversed | None, dict[str, int]]:
    """What is said of new reversals on a page, and all that the shard has reversed then, by programme.

    `reversed_fen` is what it had reversed before. No event where none was taken.
    """
    parts: dict[str, dict[str, tuple[int, int]]] = {}
    for record in records:
        if record.state == TAKEN:
            days = parts.setdefault(record.programme, {})
            day = day_name(day_number(microseconds_of(record.reversal.at)))
            count, fen = days.get(day, (0, 0))
            days[day] = (count + 1, fen + record.reversal.amount_fen)
    reversals, upto = list[ProgrammeReversal](), dict(reversed_fen)
    for programme, days in sorted(parts.items()):
        begin, new_fen = upto.get(programme, 0), sum(fen for _, fen in days.values())
        upto[programme] = begin + new_fen
        count = sum(count for count, _ in days.values())
        reversals.append(
            ProgrammeReversal(programme=programme, count=count, fen_from=begin, fen_to=begin + new_fen, days=days)
        )
    event = DonationsReversed(shard=shard, page=page, reversals=tuple(reversals)) if reversals else None
    return event, upto
