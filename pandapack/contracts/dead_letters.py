"""A record of `dead-letters`: untouched bytes of `donations.pushed`, where they came from, and why they were rejected.

They are one row of a record; or a record as it is, or what is left of one, and then `rows` says how many rows it has.
"""

from __future__ import annotations

from pandapack.contracts.pushed import KIND_HEADER, PLATFORM_HEADER, REVERSAL_KIND

ADDRESS_HEADER = "address"
REASON_HEADER = "reason"
ROWS_HEADER = "rows"
SIZE_HEADER = "size"
SIGNED_HEADERS = (ADDRESS_HEADER, REASON_HEADER, PLATFORM_HEADER, KIND_HEADER, ROWS_HEADER, SIZE_HEADER)
"""What the signature vouches for, beside the bytes; a record has no others but those of the signature itself."""
ROW_DEAD_LETTERS_A_RECORD_MAX = 100
"""So many rows of one record get a letter each; what is left of it becomes one letter."""
DEAD_LETTER_BYTES_MAX = 512 * 1024
"""Of a record that is longer its letter has the beginning, and its size: the record itself stays in the log."""


def headers_of(
    address: str, reason: str, platform: str, *, is_reversal: bool, rows: int | None = None, size: int | None = None
) -> list[tuple[str, bytes]]:
    """The record's headers. `platform`: whose it was; empty where nobody vouches for one.

    `rows`: of a letter that is no single row, how many it has. `size`: in bytes, where the letter has only the
    beginning.
    """
    headers = [(ADDRESS_HEADER, address.encode()), (REASON_HEADER, reason.encode(errors="replace"))]
    headers += [(PLATFORM_HEADER, platform.encode())] if platform else []
    headers += [(KIND_HEADER, REVERSAL_KIND)] if is_reversal else []
    headers += [(ROWS_HEADER, str(rows).encode())] if rows is not None else []
    return [*headers, (SIZE_HEADER, str(size).encode())] if size is not None else headers


def whole_number(text: str) -> int | None:
    """A header's number; None where it is none."""
    return int(text) if text.isascii() and text.isdigit() else None
