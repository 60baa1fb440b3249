"""What pushing raises, as a tree.

PushError
├── PushFailed  no usable answer within the limits of `Retry`: push the same again, nothing counts twice
└── Rejected    the service says no to the whole batch (key, signature, size, a used id): mend it first

Both carry the numbers of the batch's lines. Lines that are no donations raise nothing: they are in the report.
"""

from __future__ import annotations


class PushError(Exception):
    """A batch was not accepted. `first_line` and `last_line` count from 1."""

    def __init__(self, detail: str, first_line: int, last_line: int) -> None:
        super().__init__(f"lines {first_line} to {last_line} {detail}")
        self.first_line, self.last_line = first_line, last_line


class PushFailed(PushError):
    """No usable answer within the limits of `Retry`. `attempts` were made, `last` is what came back."""

    def __init__(self, attempts: int, last: str, first_line: int, last_line: int) -> None:
        detail = f"were not accepted after {attempts} attempts ({last}); push the same again: nothing counts twice"
        super().__init__(detail, first_line, last_line)
        self.attempts, self.last = attempts, last


class Rejected(PushError):
    """The service refused the batch as a whole. `status` and `code` are for programs, `detail` says how to mend it."""

    def __init__(self, status: int, code: str, detail: str, first_line: int, last_line: int) -> None:
        super().__init__(f"were refused: {status} {code}: {detail}", first_line, last_line)
        self.status, self.code, self.detail = status, code, detail
