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
from pandapack.contracts.pages import page_number
from services.donations.ledger.domain.findings import Finding, First
from services.donations.validation.domain.reversal_lines import Reversal
from services.donations.validation.domain.reversal_refusals import (
    ReversalRefusal,
    before_the_donation,
    exceeds_what_is_left,
    reversal_conflict,
)

TAKEN, PARKED, REFUSED, CONFLICT = "taken", "parked", "refused", "conflict"
"""Taken: the fund learns of it. Parked: its donation is not known, a person must look; pushed again, it is tried again.
Refused: its donation forbids it. Conflict: its id took something else back before. The last two say why."""


@dataclass(frozen=True, slots=True)
class PushedReversal:
    """A reversal as it came: by which push, as which line of it; None where that is not known."""

    push: str
    index: int | None
    reversal: Reversal


@dataclass(frozen=True, slots=True)
class ReversalRecord:
    """A reversal on a page. `programme` is its donation's, empty where that is not known.

    `page` is the page's id, where the reversal was read from one. `refusal`: of one that is refused or a conflict.
    """

    reversal: Reversal
    state: str
    programme: str = ""
    page: str = ""
    refusal: ReversalRefusal | None = None


@dataclass(frozen=True, slots=True)
class ReversedDonation:
    """The donation that a reversal names. `at_us`: when it was given, in microseconds since 1970 UTC."""

    programme: str
    fen: int
    at_us: int


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
            found[of] = ReversedDonation(row.programme, row.amount_fen, row.at_us)
    return found


def decide_reversals(
    pushed: Iterable[PushedReversal], donations: Mapping[str, ReversedDonation], known: Sequence[ReversalRecord]
) -> tuple[list[ReversalRecord], list[Finding]]:
    """Decides reversals in the order of the log: what is new on the page, and what was found of all but those taken.

    `donations`: by `Reversal.of`; `known`: what pages have of them. What comes again and stands as it stood is found
    again, and not recorded again.
    """
    now, conflicts = standing(known), {_contents(record.reversal) for record in known if record.state == CONFLICT}
    reversed_fen: dict[str, int] = {}
    for stands in now.values():
        if stands.state == TAKEN:
            of = stands.reversal.of
            reversed_fen[of] = reversed_fen.get(of, 0) + stands.reversal.amount_fen
    records, findings = list[ReversalRecord](), list[Finding]()
    for one in pushed:
        reversal, before = one.reversal, now.get(one.reversal.key)
        record = _decided(reversal, before, donations.get(reversal.of), reversed_fen.get(reversal.of, 0))
        if record is None or record.state != TAKEN:
            left = _left_fen(donations.get(reversal.of), reversed_fen.get(reversal.of, 0))
            findings.append(_finding(one, record, before, left))
        if record is None or _contents(reversal) in conflicts or _is_as_before(record, before):
            continue
        records.append(record)
        if record.state == CONFLICT:
            conflicts.add(_contents(reversal))
            continue
        now[reversal.key] = record
        if record.state == TAKEN:
            reversed_fen[reversal.of] = reversed_fen.get(reversal.of, 0) + reversal.amount_fen
    return records, findings


def _left_fen(donation: ReversedDonation | None, reversed_fen: int) -> int | None:
    return None if donation is None else donation.fen - reversed_fen


def _finding(
    one: PushedReversal, record: ReversalRecord | None, before: ReversalRecord | None, left_fen: int | None
) -> Finding:
    """`record`: what became of it, None where it was taken before; `before`: what stands under its id."""
    reversal, kind = one.reversal, "duplicate" if record is None else record.state
    first = None
    if before is not None and kind in ("duplicate", CONFLICT):
        page = page_number(before.page) if before.page else None
        at_us = microseconds_of(before.reversal.at)
        first = First(before.programme, before.reversal.amount_fen, at_us, page, None)
    left = left_fen if kind in (REFUSED, CONFLICT) else None
    return Finding(
        one.push,
        one.index,
        kind,
        reversal.merchant,
        reversal.reversal,
        reversal.day,
        reversal.amount_fen,
        first,
        left,
    )


def standing(records: Iterable[ReversalRecord]) -> dict[str, ReversalRecord]:
    """What became of each reversal, by its key, of all that pages have in order: the one taken, or the last."""
    by_key: dict[str, ReversalRecord] = {}
    for record in records:
        before = by_key.get(record.reversal.key)
        if record.state != CONFLICT and (before is None or before.state != TAKEN):
            by_key[record.reversal.key] = record
    return by_key


def conflict_with(taken: ReversalRecord | None, reversal: Reversal) -> ReversalRefusal | None:
    """Why a reversal cannot be: its id took something else back. None where nothing stands under it, or the same."""
    if taken is None or taken.state != TAKEN or _contents(taken.reversal) == _contents(reversal):
        return None
    return reversal_conflict(taken.reversal, reversal)


def _contents(reversal: Reversal) -> Reversal:
    """What makes a repeat a duplicate rather than a conflict: a reason may be worded anew."""
    return msgspec.structs.replace(reversal, reason=None)


def _is_as_before(record: ReversalRecord, before: ReversalRecord | None) -> bool:
    """Whether the same reversal came again, and the answer is the same."""
    if before is None or before.state != record.state or _contents(before.reversal) != _contents(record.reversal):
        return False
    return _code(before) == _code(record)


def _code(record: ReversalRecord) -> str | None:
    return None if record.refusal is None else record.refusal.code


def _decided(
    reversal: Reversal, before: ReversalRecord | None, donation: ReversedDonation | None, reversed_fen: int
) -> ReversalRecord | None:
    """None: it was taken before. `before`: what stands under its id; `reversed_fen`: taken of its donation so far."""
    conflict = conflict_with(before, reversal)
    if conflict is not None:
        return ReversalRecord(reversal, CONFLICT, "" if donation is None else donation.programme, refusal=conflict)
    if before is not None and before.state == TAKEN:
        return None
    if donation is None:
        return ReversalRecord(reversal, PARKED)
    refusal = _refusal(reversal, donation, reversed_fen)
    return ReversalRecord(reversal, TAKEN if refusal is None else REFUSED, donation.programme, refusal=refusal)


def _refusal(reversal: Reversal, donation: ReversedDonation, reversed_fen: int) -> ReversalRefusal | None:
    if microseconds_of(reversal.at) < donation.at_us:
        return before_the_donation(reversal, donation.at_us)
    if reversed_fen + reversal.amount_fen > donation.fen:
        return exceeds_what_is_left(reversal, donation.fen, reversed_fen)
    return None


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
