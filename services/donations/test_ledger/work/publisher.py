"""Publishing a test push: straight into the platform's test ledger, by the recorder that records what counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pandapack.contracts.donations import EPOCH, microseconds_of
from pandapack.contracts.pushed import headers_of
from pandapack.decision import Refusal, Refused
from pandapack.runtime.clock import Clock
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.reactions import Record
from services.donations.ledger.domain.findings import RejectedRow
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.work.publisher import HasPage
from services.donations.ledger.work.recorder import Recorder
from services.donations.ledger.work.shards import LostShard, OwnedShard
from services.donations.pushes.domain.sorting import PushSorter, SortedPush, in_records
from services.donations.validation.domain.text_lines import TextLines

SHARD = 0
"""A test ledger has this one."""
DONATIONS_MAX = 100_000
"""So many donations, with what is kept beside them (duplicates, reversals), a platform's test ledger holds; the oldest
leave by themselves."""
ATTEMPTS_MAX = 20
"""So often a push starts over because another process wrote the page first."""
BEFORE = "psh_test_before"
"""The push of what is put into a test ledger before a test."""


class TestLedgerBusy(Unavailable):
    """Other processes write a platform's test ledger again and again."""

    __test__ = False


@dataclass(slots=True)
class TestRecord:
    """A record as Kafka would hand it over."""

    __test__ = False

    offset: int
    timestamp: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    topic: str = "none"
    partition: int = SHARD
    key: bytes | None = None


class Untold:
    """Publishes no event of a test ledger, and keeps none."""

    async def publish(self, shard: HasPage) -> None:
        """The page's events are done with."""
        shard.page = replace(shard.page, outbox=())


class NoDeadLetters:
    """Rows of a test were judged at the door: what the ledger rejects all the same is nobody's to replay."""

    async def send(self, shard: int, rows: Iterable[RejectedRow]) -> None:
        """Nothing is sent."""


class NoLog:
    """A test ledger reads no log: each record was made for the page that it goes onto."""

    async def unread(self, shard: OwnedShard, records: Sequence[Record]) -> Sequence[Record]:
        """All of them."""
        return records


class TestPublisher:
    """Takes sorted test pushes of one platform. `sorter`: for a ledger of one shard."""

    __test__ = False

    def __init__(self, recorder: Recorder, pages: Pages, clock: Clock, sorter: PushSorter) -> None:
        self._recorder, self._pages, self._clock, self._sorter = recorder, pages, clock, sorter
        self._writing = asyncio.Lock()

    async def publish(
        self,
        push_id: str,
        platform: str,
        push: SortedPush,
        *,
        are_reversals: bool = False,
        indexes: Sequence[int] | None = None,
        traceparent: str | None = None,
    ) -> dict[int, int]:
        """As `PushPublisher.publish` does; when it returns, the test ledger has judged all of it.

        Raises Refused where the test ledger is full; TestLedgerBusy, AnswerLost.
        """
        await self._refuse_full(push.accepted)
        ends = dict[int, int]()
        for part in in_records(push, indexes) if are_reversals else (push,):
            for shard, value in part.by_shard.items():
                lines = part.packed_lines.get(shard)
                ends[shard] = await self._record(
                    value,
                    headers_of(push_id, platform, are_reversals=are_reversals, lines=lines, traceparent=traceparent),
                )
        return ends

    async def put_before(self, platform: str, donations: Sequence[bytes]) -> None:
        """Puts donations into the test ledger that a test wants to find there. Raises as `publish` does."""
        if donations:
            await self._refuse_full(len(donations))
            now = self._clock.now()
            push = self._sorter.sort(TextLines(*donations), platform, now=now, accept_days=(now - EPOCH).days)
            for value in push.by_shard.values():
                await self._record(value, headers_of(BEFORE, platform))

    async def _record(self, value: bytes, headers: Sequence[tuple[str, bytes]]) -> int:
        """The offset at which it lies on a page."""
        for _ in range(ATTEMPTS_MAX):
            async with self._writing:
                offset = await self._pages.next_offset(SHARD)
                timestamp = microseconds_of(self._clock.wall()) // 1_000
                try:
                    await self._recorder.record(SHARD, [TestRecord(offset, timestamp, value, headers)])
                except LostShard:
                    continue
                return offset
        raise TestLedgerBusy("other processes write this platform's test ledger all the time")

    async def _refuse_full(self, more: int) -> None:
        held = await self._pages.rows_held(SHARD)
        if held + more > DONATIONS_MAX:
            detail = (
                f"the test ledger holds {held} donations of {DONATIONS_MAX}, and this push has {more}: push less, or "
                "wait, since what was pushed leaves by itself after some days"
            )
            raise Refused(Refusal("test_ledger_full", detail, extra={"limit": DONATIONS_MAX}))
