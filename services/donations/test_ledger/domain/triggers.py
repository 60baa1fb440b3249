"""Named values with which a test brings about what happens seldom, by the code that judges what counts.

A line that has such an id is pushed as one to which that happens: its time, programme, amount or donation is another,
or something was in the test ledger before it. What is refused is then refused by the rule that would refuse it live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pandapack.contracts.donations import AMOUNT_FEN_MAX

TEST_CONFLICT, TEST_DUPLICATE = "test_conflict", "test_duplicate"
TEST_TOO_OLD, TEST_IN_THE_FUTURE = "test_too_old", "test_in_the_future"
TEST_PROGRAMME_UNKNOWN = "test_programme_unknown"
TEST_REVERSAL_REFUSED, TEST_REVERSAL_PARKED = "test_refused", "test_parked"
MARK = b'"test_'
NO_PROGRAMME, NO_DONATION = "test-no-such-programme", "test-no-such-donation"
A_DAY = timedelta(days=1)

Line = dict[str, Any]


@dataclass(slots=True)
class Rehearsal:
    """Lines as they are pushed, and the donations that must be in the test ledger before them."""

    lines: list[bytes]
    before: list[bytes] = field(default_factory=list)


def rehearse_donations(lines: Sequence[bytes], *, now: datetime, accept_days: int) -> Rehearsal:
    """`accept_days`: how old a donation may be."""

    def too_old(line: Line) -> Line:
        return line | {"at": (now - timedelta(days=accept_days) - A_DAY).isoformat()}

    def in_the_future(line: Line) -> Line:
        return line | {"at": (now + A_DAY).isoformat()}

    def to_no_programme(line: Line) -> Line:
        return line | {"programme": NO_PROGRAMME}

    changes: dict[Any, Callable[[Line], Line]] = {
        TEST_TOO_OLD: too_old,
        TEST_IN_THE_FUTURE: in_the_future,
        TEST_PROGRAMME_UNKNOWN: to_no_programme,
    }
    rehearsal = Rehearsal([])
    for raw in lines:
        line = _line_of(raw)
        change = changes.get(line.get("id"))
        rehearsal.lines.append(raw if change is None else _json(change(line)))
        if line.get("id") == TEST_DUPLICATE:
            rehearsal.before.append(raw)
        elif line.get("id") == TEST_CONFLICT:
            rehearsal.before.append(_json(line | {"amount_fen": _another_amount(line.get("amount_fen"))}))
    return rehearsal


def rehearse_reversals(lines: Sequence[bytes], *, programme: str) -> Rehearsal:
    """`programme`: of the donation that one to be refused takes back more than there is of."""
    rehearsal = Rehearsal([])
    for raw in lines:
        line = _line_of(raw)
        if line.get("reversal") == TEST_REVERSAL_PARKED:
            rehearsal.lines.append(_json(line | {"donation": NO_DONATION}))
        elif line.get("reversal") == TEST_REVERSAL_REFUSED:
            rehearsal.lines.append(_json(line | {"amount_fen": AMOUNT_FEN_MAX}))
            rehearsal.before.append(_json(_donation_of(line, programme)))
        else:
            rehearsal.lines.append(raw)
    return rehearsal


def _line_of(raw: bytes) -> Line:
    """A line that may have such a value; any other is as good as empty."""
    if MARK not in raw:
        return {}
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}


def _json(line: Line) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode()


def _another_amount(fen: object) -> object:
    if not isinstance(fen, int):
        return fen
    return fen + 1 if fen < AMOUNT_FEN_MAX else fen - 1


def _donation_of(reversal: Line, programme: str) -> Line:
    """The smallest donation that a reversal could name: one fen at its day's first second."""
    return {
        "id": reversal.get("donation"),
        "merchant": reversal.get("merchant"),
        "programme": programme,
        "amount_fen": 1,
        "at": f"{reversal.get('day')}T00:00:00+08:00",
    }
