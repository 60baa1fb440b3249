"""Where all groups of a service are, asked of Kafka itself by clients of their own, once a second.

Not the consumers that hand out records are asked: one that hangs would say that it is where it was. And not only what
this process has: a partition that no living process has is behind like any other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.errors import KafkaUnavailable, Unavailable
from pandapack.runtime.lag import Consumed, Lag, Lags
from pandapack.runtime.loops import every
from pandapack.runtime.telemetry import LAG_RECORDS, LAG_SECONDS, OLDEST_RECORD, PARTITIONS_STALLED

LOOK_PAUSE_S = 1.0
ANSWER_WAIT_S = 2.5
"""Kafka answers such questions in a few milliseconds; one that is held does not answer at all."""
LOOK_WAIT_S = 4.0
"""All of a look; reading what waits, and asking the store, are a small part of it."""
READ_WAIT_S = 0.8
WRITTEN_WAIT_S = 0.8
READS_A_LOOK_MAX = 8
"""Each is a fetch of one batch; the others' turn comes at the next look."""
SILENT_S_MAX = 6.0
"""Kafka that answered no look for so long does not answer; a broker that is started anew is away for about as long."""
NO_COMMIT = -1

Written = Callable[[int], Awaitable[int]]
"""A partition → the first offset that is not written yet, where a service knows better than its commits."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A group and the topic that it consumes. `is_own`: this service's; else it is looked at for freshness alone."""

    group: str
    topic: str
    partitions: int
    is_own: bool = True
    written: Written | None = None

    def consumed(self) -> list[Consumed]:
        """Every partition."""
        return [Consumed(self.group, self.topic, number) for number in range(self.partitions)]


class Progress:
    """Looks again and again. `lags` are those of the last look that Kafka answered."""

    def __init__(self, bootstrap: str, clock: Clock) -> None:
        self._bootstrap, self._clock = bootstrap, clock
        self._watches: list[Watch] = []
        self._memory = Lags()
        self._admin: AIOKafkaAdminClient | None = None
        self._reader: AIOKafkaConsumer | None = None
        self._coordinators: dict[str, int] = {}
        self._loop = every(LOOK_PAUSE_S, self._run, name="look-at-kafka")
        self._looking = asyncio.Lock()
        self._failure = ""
        self._answered_s: float | None = None
        self._began_s = monotonic_s()
        self._unconfirmed: dict[Consumed, tuple[int, int]] = {}
        self.looked_at: datetime | None = None
        self.lags: list[Lag] = []

    def watch(self, watch: Watch) -> None:
        """From now on this group is looked at, too."""
        self._watches.append(watch)

    async def start(self) -> None:
        self._began_s = monotonic_s()
        with contextlib.suppress(KafkaUnavailable):
            await self.look()
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()
        await self._close()

    @property
    def own(self) -> list[Lag]:
        """Those of this service's groups, in all its processes."""
        groups = {watch.group for watch in self._watches if watch.is_own}
        return [lag for lag in self.lags if lag.consumed.group in groups]

    def unconfirmed(self, topic: str) -> list[int]:
        """Partitions of which more is written than committed, and was so at the look before: what follows hangs."""
        return [one.partition for one, (_, looks) in self._unconfirmed.items() if one.topic == topic and looks > 1]

    @property
    def kafka(self) -> str:
        """ "ok", or why it is not."""
        silent_s = monotonic_s() - (self._began_s if self._answered_s is None else self._answered_s)
        if silent_s <= SILENT_S_MAX:
            return "ok"
        return f"Kafka has not answered for {silent_s:.0f} s ({self._failure or 'no answer yet'})"

    async def look(self) -> None:
        """One look. Raises KafkaUnavailable."""
        async with self._looking:
            try:
                async with asyncio.timeout(LOOK_WAIT_S):
                    await self._look()
            except (KafkaError, TimeoutError, OSError) as error:
                self._failure = repr(error)
                await self._close()
                raise KafkaUnavailable(f"Kafka at {self._bootstrap} did not say where its groups are: {error!r}") from (
                    error
                )
            self._answered_s = monotonic_s()

    async def appended_at(self, topic: str, partition: int, offset: int) -> datetime | None:
        """When a record was appended; None where Kafka does not say so at once, or does not have it any more."""
        async with self._looking:
            if self._reader is None:
                return None
            return await _appended_at(self._reader, Consumed("", topic, partition), offset, READ_WAIT_S)

    async def _run(self) -> None:
        # A Kafka that is away is told once, by `/readyz`; the loop asks again at its own pace.
        with contextlib.suppress(KafkaUnavailable):
            await self.look()

    async def _look(self) -> None:
        admin, reader = await self._clients()
        # Positions first, ends later: what was appended in between counts as waiting, and nothing is told too early.
        at = self._clock.wall()
        positions: dict[Consumed, int | None] = {}
        for group in dict.fromkeys(watch.group for watch in self._watches):
            positions |= await self._committed(admin, reader, group)
        partitions = {TopicPartition(*one.of_topic) for one in positions}
        ends = {(tp.topic, tp.partition): end for tp, end in (await reader.end_offsets(sorted(partitions))).items()}
        written = await self._written(positions, ends)
        self._note_unconfirmed(positions, written)
        positions |= {one: max(offset, positions[one] or 0) for one, offset in written.items()}
        to_read = self._memory.look(at, positions, ends)
        await self._read(reader, to_read, positions)
        self.looked_at, self.lags = at, self._memory.now()
        _tell(self.own)

    async def _read(
        self, reader: AIOKafkaConsumer, to_read: Sequence[Consumed], positions: Mapping[Consumed, int | None]
    ) -> None:
        """When what waits was appended. What there is no time for is read at the next look."""
        until_s = monotonic_s() + READ_WAIT_S
        for consumed in to_read[:READS_A_LOOK_MAX]:
            wait_s = until_s - monotonic_s()
            if wait_s <= 0:
                return
            appended_at = await _appended_at(reader, consumed, positions[consumed], wait_s)
            if appended_at is not None:
                self._memory.learn(consumed, appended_at)

    async def _committed(
        self, admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer, group: str
    ) -> Mapping[Consumed, int | None]:
        """A group's positions; a partition without a commit stands at its beginning, one without an answer nowhere."""
        watched = [one for watch in self._watches if watch.group == group for one in watch.consumed()]
        if group not in self._coordinators:
            self._coordinators[group] = await admin.find_coordinator(group)
        asked = [TopicPartition(*one.of_topic) for one in watched]
        found = await admin.list_consumer_group_offsets(group, self._coordinators[group], asked)
        new = [tp for tp in asked if tp in found and found[tp].offset == NO_COMMIT]
        first = await reader.beginning_offsets(new) if new else {}
        known = {tp: first[tp] if tp in first else found[tp].offset for tp in found}
        return {one: known.get(TopicPartition(*one.of_topic)) for one in watched}

    async def _written(
        self, positions: Mapping[Consumed, int | None], ends: Mapping[tuple[str, int], int]
    ) -> dict[Consumed, int]:
        """Where services know better; asked of partitions that are behind. A store that is away knows nothing."""
        found: dict[Consumed, int] = {}
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(WRITTEN_WAIT_S):
                for written, one in [(w.written, one) for w in self._watches for one in w.consumed()]:
                    if written is not None and (positions[one] or 0) < ends.get(one.of_topic, 0):
                        found[one] = await written(one.partition)
        return found

    def _note_unconfirmed(self, positions: Mapping[Consumed, int | None], written: Mapping[Consumed, int]) -> None:
        before, self._unconfirmed = self._unconfirmed, {}
        for one, offset in written.items():
            committed = positions[one] or 0
            if offset > committed:
                stood_at, looks = before.get(one, (committed, 0))
                self._unconfirmed[one] = (committed, looks + 1 if stood_at == committed else 1)

    async def _clients(self) -> tuple[AIOKafkaAdminClient, AIOKafkaConsumer]:
        wait_ms = int(ANSWER_WAIT_S * 1000)
        if self._admin is None or self._reader is None:
            # One batch at a time is all that is read, so nothing is fetched ahead.
            self._reader = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                group_id=None,
                enable_auto_commit=False,
                request_timeout_ms=wait_ms,
                max_partition_fetch_bytes=1,
                auto_offset_reset="earliest",  # where the log has lost what waits, its first record is the first
                fetch_max_wait_ms=int(READ_WAIT_S * 1000),
            )
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=wait_ms)
            await self._reader.start()
            await self._admin.start()
        return self._admin, self._reader

    async def _close(self) -> None:
        admin, reader, self._admin, self._reader = self._admin, self._reader, None, None
        self._coordinators.clear()
        for closing in (admin and admin.close, reader and reader.stop):
            if closing is not None:
                with contextlib.suppress(KafkaError, TimeoutError, OSError):
                    await asyncio.wait_for(closing(), ANSWER_WAIT_S)


async def _appended_at(
    reader: AIOKafkaConsumer, consumed: Consumed, position: int | None, wait_s: float
) -> datetime | None:
    """When the record at the position was appended; None where it does not come in time, or is none any more."""
    if position is None:
        return None
    partition = TopicPartition(*consumed.of_topic)
    reader.assign([partition])
    try:
        reader.seek(partition, position)
        async with asyncio.timeout(wait_s):
            record = await reader.getone(partition)
    except (KafkaError, TimeoutError):
        return None
    finally:
        reader.unsubscribe()
    return datetime.fromtimestamp(record.timestamp / 1000, UTC)


def _tell(lags: Sequence[Lag]) -> None:
    """Sets the gauges; what is not known has none."""
    PARTITIONS_STALLED.set(sum(lag.is_stalled for lag in lags))
    for lag in lags:
        labels = (lag.consumed.group, lag.consumed.topic, str(lag.consumed.partition))
        for gauge, value in ((LAG_RECORDS, lag.records), (LAG_SECONDS, lag.waiting_s)):
            if value is None:
                with contextlib.suppress(KeyError):
                    gauge.remove(*labels)
            else:
                gauge.labels(*labels).set(value)
    for group in {lag.consumed.group for lag in lags}:
        waits_s = [lag.waiting_s for lag in lags if lag.consumed.group == group]
        if None in waits_s:
            with contextlib.suppress(KeyError):
                OLDEST_RECORD.remove(group)
        else:
            OLDEST_RECORD.labels(group).set(max(filter(None, waits_s), default=0.0))
