"""Members that a line must not have: one that is not known there, and a second one of the same name.

Judged at the door only: what was accepted once is read by the ledger as it was read then.
"""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.nesting import is_nested_too_deeply
from pandapack.contracts.strict_json import read_strictly
from services.donations.validation.domain.failures import Failure, duplicate_key, unknown_field
from services.donations.validation.domain.reader import DonationLine
from services.donations.validation.domain.reversal_lines import Reversal
from services.donations.validation.domain.text_lines import TextLines

DONATION_FIELDS = DonationLine.__struct_fields__
REVERSAL_FIELDS = Reversal.__struct_fields__
DONATION_QUOTES = 18
"""In the five names and the four texts of a donation, unless a text holds one itself."""


def odd_member(index: int, raw: bytes, known: tuple[str, ...]) -> Failure | None:
    """What stands twice in a line, or is not `known` in it; None where it is no object, which its reader says."""
    if is_nested_too_deeply(raw):
        return None
    read = read_strictly(raw)
    if read is None or not isinstance(read.value, dict):
        return None
    if read.duplicate is not None:
        return duplicate_key(index, read.duplicate)
    unknown = next((name for name in read.value if name not in known), None)
    return None if unknown is None else unknown_field(index, unknown, known)


def odd_donations(text: TextLines, lines: Iterable[int], refused: Iterable[int]) -> dict[int, Failure]:
    """Line → what is odd in it, of some `lines`, of which `refused` are no donations.

    In a donation as many quotes as its five members have mean that there is no other member, so it need not be read.
    """
    doubtful, found = frozenset(refused), dict[int, Failure]()
    for line in lines:
        raw = text.line(line)
        if line in doubtful or raw.count(b'"') != DONATION_QUOTES:
            failure = odd_member(line, raw, DONATION_FIELDS)
            if failure is not None:
                found[line] = failure
    return found
