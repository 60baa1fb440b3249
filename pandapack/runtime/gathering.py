"""How long records are gathered before a handler gets them, and which of them it gets together.

Kafka gathers: it answers a fetch after a wait, and what came meanwhile is one batch. To sleep here instead would double
the wait, because aiokafka fetches again as soon as a batch is taken out of its hands, and what comes while that answer
lies there has to wait for the fetch after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaConsumer

from pandapack.runtime.kafka_internals import set_fetch_wait_ms

PACE_TO_WORK = 1.5
"""Batches that may come more seldom take so much longer to be gathered than the one before took to be worked."""


class Gathering(Protocol):
    """What a subscription asks before it consumes, and after each batch."""

    @property
    def records_max(self) -> int:
        """Records in one batch."""
        ...

    @property
    def together(self) -> bool:
        """Whether the handler may get the records of several partitions at once, one partition behind the other."""
        ...

    @property
    def first_wait_ms(self) -> int:
        """For how long Kafka gathers before anything is known of the work."""
        ...

    def worked(self, consumer: AIOKafkaConsumer, worked_ms: float) -> None:
        """A batch of the consumer was worked in so long: sets for how long the batch after next is gathered."""
        ...


@dataclass(frozen=True, slots=True)
class Batches:
    """Gathers for `pace_ms`, and up to `pace_ms_max` where the work takes long; one pace for all partitions.

    Bigger batches cost less a record, and nobody waits longer while there is little to do.
    """

    pace_ms: int = 50
    pace_ms_max: int = 0
    records_max: int = 500
    together: bool = False

    @property
    def first_wait_ms(self) -> int:
        return self.pace_ms

    def next_pace_ms(self, worked_ms: float) -> int:
        """For how long the batch after next is gathered, when one took so long."""
        return round(min(max(self.pace_ms, PACE_TO_WORK * worked_ms), max(self.pace_ms, self.pace_ms_max)))

    def worked(self, consumer: AIOKafkaConsumer, worked_ms: float) -> None:
        set_fetch_wait_ms(consumer, self.next_pace_ms(worked_ms))


DEFAULT_BATCHES = Batches()
