"""Kafka in: `dead-letters`. Each row that the ledger rejected is kept, under its address, until a person has looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from pandapack.contracts.dead_letters import ADDRESS_HEADER, REASON_HEADER
from pandapack.contracts.pushed import header_text, holds_reversals, platform_of
from pandapack.runtime.reactions import Reaction, Record, apply
from pandapack.runtime.store import EventPosition, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, record

NO_REASON = "no reason was given"


class DeadLetterRecorder:
    """Keeps dead letters. Whoever wrote them to the topic: headers may be null, no text, or missing."""

    def __init__(self, dead_letters: Store[DeadLetter]) -> None:
        self._dead_letters = dead_letters

    async def handle(self, records: Sequence[Record]) -> None:
        """Keeps a batch of one partition."""
        await apply([self._reaction(one) for one in records])

    def _reaction(self, one: Record) -> Reaction:
        partition = f"{one.topic}/{one.partition}"
        address = header_text(one.headers, ADDRESS_HEADER) or f"{partition}/{one.offset}"
        decide = partial(
            record,
            raw=one.value or b"",
            reason=header_text(one.headers, REASON_HEADER) or NO_REASON,
            at=datetime.fromtimestamp(one.timestamp / 1000, UTC),
            is_reversal=holds_reversals(one.headers),
            platform=platform_of(one.headers),
        )
        return Reaction(self._dead_letters, address, EventPosition(partition, one.offset + 1), decide)
