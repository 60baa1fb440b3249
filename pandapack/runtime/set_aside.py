"""Records set aside: what a service passed over in Kafka's log, and why; by itself, or because an operator said so.

By itself it sets aside what it does not believe (`runtime.trust`): that stops nothing, since nothing genuine can look
like it. An operator sets aside what stops a partition; until that is done the partition waits.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import Json, Rows
from pandapack.runtime.rate_limits import RateLimit
from pandapack.runtime.reactions import HandleBatch, Record
from pandapack.runtime.telemetry import RECORDS_DISTRUSTED
from pandapack.runtime.trust import Distrust

VALUE_BYTES_KEPT_MAX = 16 * 1024
"""Of each record so much is kept, with its size and digest: it lies in the log itself."""
HEADERS_KEPT_MAX = 16
HEADER_BYTES_KEPT_MAX = 256
KEPT_DAYS = 90
DISTRUSTED_BURST_MAX = 2_000
DISTRUSTED_PER_S = 0.1
"""Whoever may write to a topic may write without end: beyond these, records are counted and not kept one by one."""
ROWS_SHOWN_MAX = 1_000

log = structlog.get_logger(__name__)
Judge = Callable[[Record], Distrust | None]
"""Why a record is not believed; None: it is."""


@dataclass(frozen=True, slots=True)
class Passing:
    """An operator's word that a record is passed over: who, why, and what that breaks (empty: nothing)."""

    by: str
    reason: str
    breaks: str = ""


def address_of(topic: str, partition: int, offset: int) -> str:
    """Where a record lies: `procurement.events/2/71`."""
    return f"{topic}/{partition}/{offset}"


class SetAside:
    """The records that this service has set aside, by address."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows, self._clock = rows, clock
        self._limit = RateLimit()
        self.distrusted = 0

    async def distrust(self, records: Sequence[tuple[Record, Distrust]]) -> None:
        """Keeps records that are not believed, and says so, in one line a batch. Raises AnswerLost."""
        kept = list[Json]()
        for record, why in records:
            RECORDS_DISTRUSTED.labels(record.topic, why).inc()
            if self._limit.wait_s(monotonic_s(), burst_s=DISTRUSTED_BURST_MAX / DISTRUSTED_PER_S) == 0.0:
                self._limit.charge(1, per_s=DISTRUSTED_PER_S, now_s=monotonic_s())
                kept.append(self._row(record, why, None))
        self.distrusted += len(records)
        await self._rows.insert_in_order(kept)
        first = records[0][0]
        log.error(
            "records_distrusted",
            records=len(records),
            kept=len(kept),
            causes=dict(Counter(str(why) for _, why in records)),
            first=address_of(first.topic, first.partition, first.offset),
        )

    async def pass_over(self, record: Record, passing: Passing) -> Json:
        """An operator's record is passed over from now on; what was said first stands. Raises AnswerLost."""
        row = self._row(record, "operator", passing)
        if not await self._rows.insert(row):
            return await self._rows.one(row["_id"]) or row
        log.warning("record_set_aside", record=row["_id"], by=passing.by, reason=passing.reason, breaks=passing.breaks)
        return row

    async def passed(self, records: Iterable[Record]) -> set[str]:
        """The addresses of those among some records that an operator passed over."""
        ids = [address_of(one.topic, one.partition, one.offset) for one in records]
        return {id for id, row in (await self._rows.read(ids)).items() if row["cause"] == "operator"}

    async def of_partition(self, topic: str, partition: int) -> list[Json]:
        """What was set aside of a partition, the newest first, at most `ROWS_SHOWN_MAX`."""
        where = {"topic": topic, "partition": partition}
        return await self._rows.find(where, sort=(("offset", -1),), limit=ROWS_SHOWN_MAX)

    def _row(self, record: Record, cause: str, passing: Passing | None) -> Json:
        value, wall = record.value or b"", self._clock.wall()
        return {
            "_id": address_of(record.topic, record.partition, record.offset),
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "cause": str(cause),
            "at": wall,
            "appended_at_ms": record.timestamp,
            "size_bytes": len(value),
            "sha256": hashlib.sha256(value).hexdigest(),
            "value": base64.b64encode(value[:VALUE_BYTES_KEPT_MAX]).decode(),
            "headers": headers_shown(record),
            "by": passing.by if passing else "",
            "reason": passing.reason if passing else "",
            "breaks": passing.breaks if passing else "",
            "expires": wall + timedelta(days=KEPT_DAYS) if passing is None else None,
        }


def headers_shown(record: Record) -> list[list[str]]:
    """A record's first headers, bounded: name and content, bytes that are no text marked in it."""
    return [
        [str(name)[:HEADER_BYTES_KEPT_MAX], (content or b"")[:HEADER_BYTES_KEPT_MAX].decode(errors="backslashreplace")]
        for name, content in list(record.headers)[:HEADERS_KEPT_MAX]
    ]


@dataclass(slots=True)
class PassedOver:
    """A record that an operator had passed over, where a handler must know that it was there (`Passes`)."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

    @classmethod
    def of(cls, record: Record) -> Record:
        """What stands in for a record: all that it has, and that it was passed over."""
        return cls(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            tuple(record.headers),
        )


class Passes:
    """What an operator passed over, applied to a subscription's batches.

    `stand_in`: what is handled in a record's stead, where its position must not be missing; None: nothing is.
    """

    def __init__(self, set_aside: SetAside, stand_in: Callable[[Record], Record] | None = None) -> None:
        self._set_aside, self._stand_in = set_aside, stand_in

    async def without_passed(self, records: Sequence[Record]) -> list[Record]:
        """The records that are to be handled. Raises Unavailable."""
        passed = await self._set_aside.passed(records)
        handled = list[Record]()
        for record in records:
            if address_of(record.topic, record.partition, record.offset) not in passed:
                handled.append(record)
            elif self._stand_in is not None:
                handled.append(self._stand_in(record))
        return handled


def believing(judge: Judge, set_aside: SetAside, handle: HandleBatch) -> HandleBatch:
    """A batch handler that gets the records that are believed; the others are set aside before."""

    async def handle_batch(records: Sequence[Record]) -> None:
        judged = [(record, judge(record)) for record in records]
        distrusted = [(record, why) for record, why in judged if why is not None]
        if not distrusted:
            await handle(records)
            return
        await set_aside.distrust(distrusted)
        believed = [record for record, why in judged if why is None]
        if believed:
            await handle(believed)

    return handle_batch
