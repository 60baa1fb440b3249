"""A topic of one partition whose records one service signs, and reads again: `public.log`.

Whoever may write to Kafka may write to it, too: what is not believed is passed over. Since records continue each other,
one that is passed over by mistake is missed at the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from pandapack.runtime.log_reader import LogEnds, LogReader
from pandapack.runtime.sender import Sender
from pandapack.runtime.trust import OwnKey, Trust

LOG_TOPIC = "public.log"
PARTITION = 0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A record and its offset. `value` None: it is not believed."""

    offset: int
    value: bytes | None


class SignedLog:
    """`topic`: its real name."""

    def __init__(self, sender: Sender, reader: LogReader, key: OwnKey, trust: Trust, topic: str) -> None:
        self._sender, self._reader, self._key, self._trust = sender, reader, key, trust
        self._topic = topic

    async def append(self, value: bytes) -> int:
        """The record's offset, once all replicas have it.

        Raises KafkaUnavailable: it may or may not be there; KeyRetired: it is not.
        """
        headers = self._key.log_record_headers(value)
        return await self._sender.send(self._topic, key=None, value=value, partition=PARTITION, headers=headers)

    async def read(self, first: int, limit: int) -> tuple[LogEnds, Sequence[SignedRecord]]:
        """The topic's ends, and its records from offset `first` on. Raises KafkaUnavailable."""
        ends, records = await self._reader.read(self._topic, PARTITION, first, limit)
        found = []
        for record in records:
            distrust = self._trust.judge_log_record(record)
            if distrust is not None:
                log.warning("log_record_passed_over", topic=self._topic, offset=record.offset, reason=distrust.value)
            found.append(SignedRecord(record.offset, record.value or b"" if distrust is None else None))
        return ends, found
