"""Kafka in: `dead-letters`. What the ledger rejected is kept, under its address, until a person has looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from pandapack.contracts.dead_letters import (
    ADDRESS_HEADER,
    REASON_HEADER,
    ROWS_HEADER,
    SIZE_HEADER,
    whole_number,
)
from pandapack.contracts.pushed import header_text, holds_reversals, platform_of
from pandapack.runtime.reactions import Reaction, Record, apply
from pandapack.runtime.store import EventPosition, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Rejection, record

NO_REASON = "no reason was given"


class DeadLetterRecorder:
    """Keeps dead letters; those that are handed in are signed by the ledger."""

    def __init__(self, dead_letters: Store[DeadLetter]) -> None:
        self._dead_letters = dead_letters

    async def handle(self, records: Sequence[Record]) -> None:
        """Keeps a batch of one partition."""
        await apply([self._reaction(one) for one in records])

    def _reaction(self, one: Record) -> Reaction:
        partition = f"{one.topic}/{one.partition}"
        address = header_text(one.headers, ADDRESS_HEADER) or f"{partition}/{one.offset}"
        rejection = Rejection(
            one.value or b"",
            header_text(one.headers, REASON_HEADER) or NO_REASON,
            is_reversal=holds_reversals(one.headers),
            platform=platform_of(one.headers),
            rows=whole_number(header_text(one.headers, ROWS_HEADER)),
            size=whole_number(header_text(one.headers, SIZE_HEADER)),
        )
        decide = partial(record, rejection=rejection, at=datetime.fromtimestamp(one.timestamp / 1000, UTC))
        return Reaction(self._dead_letters, address, EventPosition(partition, one.offset + 1), decide)
