"""A desk for dead letters in memory: they come in as records, go out to a Kafka in memory, and are counted on pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from pandapack.contracts.dead_letters import headers_of
from pandapack.contracts.pushed import PLATFORM_HEADER, PUSH_HEADER, header_text
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.sender import Sender
from pandapack.runtime.store import Command, Kind, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status
from services.donations.dead_letters.domain.groups import LetterGroup
from services.donations.dead_letters.domain.jobs import Doing, LetterJob, Selection, job_id
from services.donations.dead_letters.handlers import DeadLetterRecorder
from services.donations.dead_letters.store import DEAD_LETTERS, LETTER_GROUPS, LETTER_JOBS
from services.donations.dead_letters.work.dead_letters import Letters
from services.donations.dead_letters.work.jobs import LetterJobs
from services.donations.dead_letters.work.previews import Preview, Previews
from services.donations.dead_letters.work.sorting import LetterSorter
from services.donations.ledger.domain.pages import Page, PageHeader, roll_over
from services.donations.ledger.store.pages import Pages
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work.forecast import Forecaster, PageBudget
from services.donations.pushes.work.publisher import PushPublisher
from services.donations.validation.domain.failures import UNMARKED
from tests.trusted import marks
from tests.unit.donations.pushes.pushing import SHARDS, KafkaInMemory

NOW = datetime(2021, 11, 20, 4, 0, tzinfo=UTC)
BAD_AMOUNT = "Expected `int` >= 1 - at `$.amount_fen`"
NO_JSON = "JSON is malformed: invalid character (byte 1)"


@dataclass
class CameIn:
    """A record of `dead-letters`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def came_in(
    offset: int,
    value: bytes,
    reason: str = BAD_AMOUNT,
    *,
    platform: str = "shop",
    address: str = "",
    release: str = "0.1.0",
    rows: int | None = None,
    is_reversal: bool = False,
) -> CameIn:
    """A letter, as the ledger sends it."""
    address = address or f"donations.pushed/0/{offset:06d}/0"
    headers = headers_of(address, reason, platform, is_reversal=is_reversal, rows=rows, release=release)
    at = NOW - timedelta(hours=1) + timedelta(seconds=offset)
    return CameIn("dead-letters", 0, offset, int(at.timestamp() * 1000), address.encode(), value, headers)


def unmarked(offset: int, lines: Sequence[bytes]) -> CameIn:
    """A record that nobody vouches for."""
    return came_in(offset, b"\n".join(lines), UNMARKED, platform="", rows=len(lines))


class MadeBook:
    """The feature on documents in memory, with a ledger that counts what was sent."""

    def __init__(self) -> None:
        self.clock, self.chance, self.kafka = FixedClock(NOW), SeededChance(7), KafkaInMemory()
        self.dead_letters: Store[DeadLetter] = self._store(DEAD_LETTERS)
        self.groups: Store[LetterGroup] = self._store(LETTER_GROUPS)
        self.stored: Store[LetterJob] = self._store(LETTER_JOBS)
        rows = MemoryRows("pages")
        self.pages = Pages(rows)
        self.forecaster = Forecaster(self.pages, Reversals(rows), shards=SHARDS, seed=b"seed")
        self.recorder, self.reading = (
            DeadLetterRecorder(self.dead_letters, self.groups),
            Letters(self.dead_letters, self.groups),
        )
        self.sorter = LetterSorter(self.clock, SHARDS)
        self.previews = Previews(self.reading, self.sorter, self.forecaster)
        self.jobs = self.process()
        self._counted = 0

    def _store(self, kind: Kind[Any]) -> Store[Any]:
        return Store(kind, MemoryDocuments(kind.collection), clock=self.clock, chance=self.chance)

    def process(self) -> LetterJobs:
        """What works at jobs; another one on the same documents."""
        publisher = PushPublisher(cast("Sender", self.kafka), "donations.pushed", marks())
        return LetterJobs(
            self.stored, self.dead_letters, self.groups, self.sorter, publisher, clock=self.clock, chance=self.chance
        )

    async def open(self, selection: Selection, doing: Doing = Doing.REPLAY, key: str = "key", **more: Any) -> LetterJob:
        """A job that an operator begins."""
        wanted = LetterJob(
            job=job_id(doing, key, "op"),
            doing=doing,
            digest=str((selection, more)),
            selection=selection,
            reason="mended",
            by="op",
            at=self.clock.wall(),
            count=len(selection.addresses),
            **more,
        )
        return await self.jobs.open(wanted, Command(key, wanted.digest))

    async def done(self, selection: Selection, doing: Doing = Doing.REPLAY, key: str = "key", **more: Any) -> LetterJob:
        """A job, done to its end."""
        return await self.jobs.until_over(await self.open(selection, doing, key, **more))

    async def preview(self, selection: Selection, platform: str = "", **edited: str) -> Preview:
        return await self.previews.of(selection, edited, platform)

    async def all_groups(self) -> list[LetterGroup]:
        return [group for _, group in await self.groups.find({})]

    async def statuses(self) -> list[Status]:
        return [dead_letter.status for _, dead_letter in await self.dead_letters.find({})]

    async def totals(self) -> tuple[int, int]:
        """(gifts, fen) that the ledger has counted, once it has read what was sent."""
        new, self._counted = range(self._counted, len(self.kafka.sent)), len(self.kafka.sent)
        for number in new:
            shard, value = self.kafka.sent[number]
            platform = header_text(self.kafka.headers[number], PLATFORM_HEADER)
            result = (await self.forecaster.donations(shard, value, platform, PageBudget())).result
            last = await self.pages.last(shard) or Page(PageHeader(shard))
            assert await self.pages.write(roll_over(last, result, today=18_951, at=NOW))
        pages = [await self.pages.last(shard) for shard in range(SHARDS)]
        counts = [sum(page.header.counts.values()) for page in pages if page]
        return sum(counts), sum(sum(page.header.fronts.values()) for page in pages if page)

    def pushes(self) -> list[str]:
        """The push of each record that was sent."""
        return [header_text(headers, PUSH_HEADER) for headers in self.kafka.headers]
