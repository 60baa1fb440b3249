"""Sending to Kafka: acknowledged by all replicas, idempotent within a producer, and a new producer after any doubt.

An idempotent producer can wedge after an error that is not retriable: its sequence then has a gap that no broker
accepts. So after any error the producer is closed and a new one made, and the caller sends the record again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pandapack.runtime.errors import KafkaUnavailable

RECORD_BYTES_MAX = 8 * 1024 * 1024
ACKNOWLEDGE_WAIT_MS = 10_000
SEND_WAIT_S_MAX = 30.0
"""A record that the producer neither delivers nor gives up for so long is in doubt, and so is the producer."""
LINGER_MS = 10
BATCH_BYTES = 256 * 1024
CLOSE_WAIT_S = 5.0
SENDS_A_PRODUCER_MAX = 2**30
"""A producer's sequence wraps wrongly after 2³¹ records to a partition; it is renewed long before."""
COMPRESSION = "snappy"

log = structlog.get_logger(__name__)
Headers = Sequence[tuple[str, bytes]]


class Sender:
    """One producer at a time, renewed when in doubt."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._sends = 0
        self.renewals = 0

    async def start(self) -> None:
        """Raises KafkaUnavailable."""
        await self._current()

    async def stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _close(producer)

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes, partition: int | None = None, headers: Headers = ()
    ) -> int:
        """The record's offset, once all replicas have it. Raises KafkaUnavailable: it may or may not be there."""
        producer = await self._current()
        try:
            async with asyncio.timeout(SEND_WAIT_S_MAX):
                sent = await producer.send(topic, value, key=key, partition=partition, headers=list(headers))
                return int((await sent).offset)
        except (KafkaError, TimeoutError) as error:
            self._renew(producer, error)
            raise KafkaUnavailable(f"Kafka did not acknowledge a record for {topic}: {error!r}") from error

    async def _current(self) -> AIOKafkaProducer:
        async with self._making:
            if self._producer is not None and self._sends >= SENDS_A_PRODUCER_MAX:
                self._renew(self._producer, None)
            if self._producer is None:
                self._producer = await self._make()
                self._sends = 0
            self._sends += 1
            return self._producer

    async def _make(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type=COMPRESSION,
            max_request_size=RECORD_BYTES_MAX,
            max_batch_size=BATCH_BYTES,
            linger_ms=LINGER_MS,
            request_timeout_ms=ACKNOWLEDGE_WAIT_MS,
        )
        try:
            await producer.start()
        except KafkaError as error:
            await _close(producer)
            raise KafkaUnavailable(f"Kafka at {self._bootstrap} does not answer: {error!r}") from error
        return producer

    def _renew(self, producer: AIOKafkaProducer, error: Exception | None) -> None:
        if producer is self._producer:
            self._producer = None
            self.renewals += 1
            log.warning("producer_renewed", error=repr(error))
            task = asyncio.ensure_future(_close(producer))
            task.add_done_callback(lambda done: done.exception() if not done.cancelled() else None)


async def _close(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, TimeoutError):
        await asyncio.wait_for(producer.stop(), CLOSE_WAIT_S)
