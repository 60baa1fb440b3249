"""Kafka in: `donations.pushed`, of which each partition is a shard of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRebalanceListener, TopicPartition

from pandapack.contracts.pushed_columns import is_columns
from pandapack.contracts.pushed_rows import lines_of
from pandapack.runtime.reactions import Record
from services.donations.ledger.work.recorder import Recorder
from services.donations.ledger.work.shards import OwnedShards

ROWS_SHOWN_MAX = 50
"""More rows, written out, would not fit into what is shown of a record."""


@dataclass(slots=True)
class UnmarkedRecord:
    """A record that an operator set aside: it keeps its place on the shard, and becomes one dead letter, unread."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def without_mark(record: Record) -> Record:
    """What is handled in the stead of a record that was set aside: a shard's log has no holes."""
    return UnmarkedRecord(record.topic, record.partition, record.offset, record.timestamp, record.key, record.value)


def shown(value: bytes) -> bytes:
    """A record of the topic for eyes: of columns the first rows, written out."""
    return (b"\n".join(lines_of(value, ROWS_SHOWN_MAX)) if is_columns(value) else b"") or value


class LedgerHandler(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands each batch of a shard to the recorder, and tells which shards are ours."""

    def __init__(self, shards: OwnedShards, recorder: Recorder) -> None:
        self._shards, self._recorder = shards, recorder

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        for partition in revoked:
            self._shards.revoke(partition.partition)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        for partition in assigned:
            self._shards.assign(partition.partition)

    async def handle(self, records: Sequence[Record]) -> None:
        """A batch of one shard. Raises: the partition is rewound and tried again from the last page."""
        await self._recorder.record(records[0].partition, records)
