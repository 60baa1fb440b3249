"""What came to the door since this process began, counted a push and not a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pandapack.runtime.telemetry import DONATIONS, FEN_ACCEPTED, LINES_REFUSED
from services.donations.validation.domain.failures import Failure


class PushCounts:
    """Gifts that were accepted, their fen, and lines that were refused."""

    def __init__(self) -> None:
        self._accepted, self._accepted_fen, self._refused = 0, 0, 0

    def accept(self, donations: int, fen: int) -> None:
        """So many gifts of a push are in Kafka."""
        self._accepted += donations
        self._accepted_fen += fen
        DONATIONS.labels("accepted").inc(donations)
        FEN_ACCEPTED.inc(fen)

    def refuse(self, failures: Sequence[Failure]) -> None:
        """These lines of a push were refused; their codes are the validator's own, some dozens."""
        if not failures:
            return
        self._refused += len(failures)
        DONATIONS.labels("refused").inc(len(failures))
        for code, lines in Counter(failure.code for failure in failures).items():
            LINES_REFUSED.labels(code).inc(lines)

    def as_json(self) -> dict[str, int]:
        """As a process's row tells it."""
        return {"accepted": self._accepted, "accepted_fen": self._accepted_fen, "refused": self._refused}
