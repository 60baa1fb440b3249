"""Dead letters in: each row that the ledger could not take is kept, under its place, until a person has looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from pandapack.runtime.hearing import Record, Target, take
from pandapack.runtime.store import Hearing, Store
from services.donations.domain.dead_letters import DeadLetter, bury
from services.donations.domain.reversals import KIND_HEADER, REVERSAL_KIND

PLACE_HEADER = "place"
REASON_HEADER = "reason"
NO_REASON = "no reason was given"
REVERSAL = REVERSAL_KIND.decode()


class Undertaker:
    """Keeps dead letters. Whoever wrote them to the topic: headers may be null, no text, or missing."""

    def __init__(self, letters: Store[DeadLetter]) -> None:
        self._letters = letters

    async def take(self, records: Sequence[Record]) -> None:
        """Keeps a batch of one partition."""
        await take([self._target(record) for record in records])

    def _target(self, record: Record) -> Target:
        place = _text(record, PLACE_HEADER) or f"{record.topic}/{record.partition}/{record.offset}"
        at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        reason, is_reversal = _text(record, REASON_HEADER) or NO_REASON, _text(record, KIND_HEADER) == REVERSAL
        buries = partial(bury, raw=record.value or b"", reason=reason, at=at, is_reversal=is_reversal)
        return Target(self._letters, place, Hearing(f"{record.topic}/{record.partition}", record.offset + 1), buries)


def _text(record: Record, header: str) -> str:
    given = next((text for name, text in record.headers if name == header and text), b"")
    return given.decode(errors="replace")
