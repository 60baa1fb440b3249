"""A record of `dead-letters`: untouched bytes of `donations.pushed`, where they came from, and why they were rejected.

They are one row of a record; or a record as it is, or what is left of one, and then `rows` says how many rows it has.
"""

from __future__ import annotations

from typing import ClassVar

from pandapack.contracts.envelope import Event
from pandapack.contracts.pushed import KIND_HEADER, PLATFORM_HEADER, REVERSAL_KIND

ADDRESS_HEADER = "address"
REASON_HEADER = "reason"
ROWS_HEADER = "rows"
SIZE_HEADER = "size"
RELEASE_HEADER = "release"
SIGNED_HEADERS = (
    ADDRESS_HEADER,
    REASON_HEADER,
    PLATFORM_HEADER,
    KIND_HEADER,
    ROWS_HEADER,
    SIZE_HEADER,
    RELEASE_HEADER,
)
"""What the signature vouches for, beside the bytes; a record has no others but those of the signature itself."""
ROW_DEAD_LETTERS_A_RECORD_MAX = 100
"""So many rows of one record get a letter each; what is left of it becomes one letter."""
DEAD_LETTER_BYTES_MAX = 512 * 1024
"""Of a record that is longer its letter has the beginning, and its size: the record itself stays in the log."""


def headers_of(
    address: str,
    reason: str,
    platform: str,
    *,
    is_reversal: bool,
    rows: int | None = None,
    size: int | None = None,
    release: str = "",
) -> list[tuple[str, bytes]]:
    """The record's headers. `platform`: whose it was; empty where nobody vouches for one.

    `rows`: of a letter that is no single row, how many it has. `size`: in bytes, where the letter has only the
    beginning. `release`: of the service that judged it, empty where that is not told.
    """
    headers = [(ADDRESS_HEADER, address.encode()), (REASON_HEADER, reason.encode(errors="replace"))]
    headers += [(PLATFORM_HEADER, platform.encode())] if platform else []
    headers += [(KIND_HEADER, REVERSAL_KIND)] if is_reversal else []
    headers += [(ROWS_HEADER, str(rows).encode())] if rows is not None else []
    headers += [(RELEASE_HEADER, release.encode())] if release else []
    return [*headers, (SIZE_HEADER, str(size).encode())] if size is not None else headers


def whole_number(text: str) -> int | None:
    """A header's number; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() else None


class DeadLettersReplayed(Event):
    """An operator has dead letters sent again: a group of them, those that fit a filter, or some by name.

    `replay` names the work, which goes on behind this event; the envelope says who asked and why. `letters` are named
    where they were, by where they came from; `count`: how many are meant, `edited`: of how many another text is sent.
    `platform`: under which those are sent of which nobody vouches whose they are.
    """

    TYPE: ClassVar[str] = "donations.DeadLettersReplayed"

    replay: str
    count: int
    group: str = ""
    cause: str = ""
    sender: str = ""
    dead_letters: tuple[str, ...] = ()
    edited: int = 0
    platform: str = ""
    reason: str


class DeadLettersReplayStopped(Event):
    """An operator stops a replay (or a discard) that is under way: what it has done stays done."""

    TYPE: ClassVar[str] = "donations.DeadLettersReplayStopped"

    replay: str
    done: int
    reason: str


class DeadLettersSettled(Event):
    """Dead letters are given up, or that is taken back: which, as in `DeadLettersReplayed`, and why."""

    replay: str
    count: int
    group: str = ""
    cause: str = ""
    sender: str = ""
    dead_letters: tuple[str, ...] = ()
    reason: str


class DeadLettersDiscarded(DeadLettersSettled):
    """An operator gives dead letters up, with the reason. They are kept and listed, and can be taken back."""

    TYPE: ClassVar[str] = "donations.DeadLettersDiscarded"


class DeadLettersTakenBack(DeadLettersSettled):
    """An operator takes back that dead letters were given up: they are open again."""

    TYPE: ClassVar[str] = "donations.DeadLettersTakenBack"


ABOUT_DEAD_LETTERS: tuple[type[Event], ...] = (
    DeadLettersReplayed,
    DeadLettersReplayStopped,
    DeadLettersDiscarded,
    DeadLettersTakenBack,
)
"""What people did about dead letters. It moves no figure: what they replay is recorded like any push."""
