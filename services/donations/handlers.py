"""Kafka in: the owner of a line takes its records onto pages, and says what was new.

Two owners (a zombie after a rebalance) would write the same version or number: one wins, the other drops all that it
holds in memory and starts over from the last page. On assignment, and whenever in doubt, everything is loaded again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from pandapack.contracts.donations import day_number, line_source, microseconds_of
from pandapack.contracts.envelope import encode, envelop
from pandapack.contracts.pages import Columns
from pandapack.runtime.broker import Rewind
from pandapack.runtime.clock import Clock
from pandapack.runtime.hearing import Record
from pandapack.runtime.sender import Sender
from services.donations.domain.ledger import (
    INDEX_ROWS_MAX,
    PAGE_FINDINGS_FULL,
    PAGE_ROWS_FULL,
    DayIndex,
    Finding,
    Input,
    PageHead,
    Rows,
    Stray,
    Taken,
    days_of,
    next_page,
)
from services.donations.domain.seals import seal
from services.donations.store import Stores
from services.donations.store.pages import Page, SaidEvent

ATTEND_PAUSE_S = 2.0
SEAL_PAGES_AT_ONCE = 8
DIGEST_BYTES = 16
PUSH_HEADER = "push"

log = structlog.get_logger(__name__)


class InputLost(Exception):
    """The log begins beyond the next record: input is gone. A person must look; an audited command goes on."""


class LostLine(Exception):
    """Another owner wrote the line's page first, or the outcome of our write is unknown: start over."""


@dataclass(slots=True)
class Line:
    """What an owner holds in memory of its line. Dropped in any doubt."""

    rows: Rows
    head: PageHead
    columns: Columns = field(default_factory=Columns)
    findings: tuple[Finding, ...] = ()
    saying: tuple[SaidEvent, ...] = ()
    index: dict[int, DayIndex] = field(default_factory=dict)
    anchored: bool = False
    sought: int | None = None

    def forget_days_beyond(self, rows_max: int) -> None:
        """Days not used for longest leave first; the newest used one stays."""
        held = sum(len(day.known) for day in self.index.values())
        while held > rows_max and len(self.index) > 1:
            oldest = next(iter(self.index))
            held -= len(self.index.pop(oldest).known)


def input_of(record: Record) -> Input:
    """A record of `donations.pushed`. Never raises: headers may be null or no text."""
    value = record.value or b""
    push = next((text for name, text in record.headers if name == PUSH_HEADER and text), b"")
    digest = hashlib.blake2b(value, digest_size=DIGEST_BYTES).hexdigest()
    raws = [raw for raw in value.split(b"\n") if raw.strip()]
    return Input(record.offset, record.timestamp, digest, push.decode(errors="replace"), raws)


class Ledger(ConsumerRebalanceListener):  # type: ignore[misc]
    """The lines that this process owns."""

    def __init__(
        self, stores: Stores, sender: Sender, clock: Clock, *, lines: int, topic: Callable[[str], str]
    ) -> None:
        self._stores, self._sender, self._clock = stores, sender, clock
        self._count = lines
        self._pushed, self._events, self._dead = (
            topic("donations.pushed"),
            topic("donations.events"),
            topic("dead-letters"),
        )
        self._lines: dict[int, Line] = {}
        self._owned: set[int] = set()
        self._locks = {number: asyncio.Lock() for number in range(lines)}
        self._attending: asyncio.Task[None] | None = None

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        for partition in revoked:
            self._owned.discard(partition.partition)
            self._lines.pop(partition.partition, None)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        for partition in assigned:
            self._owned.add(partition.partition)
            self._lines.pop(partition.partition, None)

    async def take(self, records: Sequence[Record]) -> None:
        """Takes a batch of one line. Raises: the partition is rewound and tried again from the last page."""
        number = records[0].partition
        async with self._locks[number]:
            line = await self._line(number)
            try:
                await self._take(line, self._not_taken(line, records))
            except Rewind:
                raise
            except BaseException:
                if self._lines.get(number) is line:
                    self._lines.pop(number, None)
                raise

    async def _line(self, number: int) -> Line:
        """The line as held in memory, or as its last page has it; then its last events are said again."""
        line = self._lines.get(number)
        if line is None:
            page = await self._stores.pages.last(number)
            rows = Rows(number, self._count)
            if page is None:
                line = Line(rows, PageHead(number), anchored=True)
            else:
                line = Line(rows, page.head, page.columns, page.findings, page.saying)
            await self._say(line)  # whoever takes over says again what may not have been confirmed
            self._lines[number] = line
        return line

    def _not_taken(self, line: Line, records: Sequence[Record]) -> Sequence[Record]:
        """The records behind the last page. Checks first that the log still holds the last record that was taken."""
        first, anchor = records[0].offset, line.head.anchor
        if not line.anchored:
            assert anchor is not None, "a line with pages has an anchor"
            if line.sought is None and first != anchor.offset:
                line.sought = anchor.offset
                raise Rewind(anchor.offset, "to the last record that was taken, to compare it")
            if not self._is_anchored(line, records[0]):
                return records
        expected = line.head.next_offset
        rest = [record for record in records if record.offset >= expected]
        if rest and rest[0].offset > expected:
            if line.sought == expected:
                raise InputLost(
                    f"line {line.head.line}: offset {expected} is wanted, the log begins at {rest[0].offset}"
                )
            line.sought = expected
            raise Rewind(expected, "records were passed over")
        line.sought = None
        return rest

    def _is_anchored(self, line: Line, record: Record) -> bool:
        """Whether the log still is the one that was read. Raises Rewind to read another one from its start."""
        anchor = line.head.anchor
        assert anchor is not None, "a line with pages has an anchor"
        line.anchored, line.sought = True, None
        if record.offset > anchor.offset:
            return True  # the last record has left the log by age; a gap behind it would be found by its offset
        if record.offset == anchor.offset:
            found = input_of(record)
            if (found.timestamp_ms, found.digest) == (anchor.timestamp_ms, anchor.digest):
                return True
        # The log lost its tail, or the topic was made anew: read it all again, exact duplicates make it harmless.
        log.error("log_is_another", line=line.head.line, wanted=anchor.offset, found=record.offset)
        line.head = replace(line.head, anchor=None)
        if record.offset > 0:
            raise Rewind(0, "the log is not the one that was read")
        return False

    async def _take(self, line: Line, records: Sequence[Record]) -> None:
        taken = Taken()
        for record in records:
            given = input_of(record)
            columns = line.rows.decode(given, taken)
            await self._know_days(line, columns)
            line.rows.take(given, columns, line.index, taken)
            full_rows = _base_count(line.head) + len(taken.columns) >= PAGE_ROWS_FULL
            if full_rows or len(taken.findings) + len(taken.strays) >= PAGE_FINDINGS_FULL:
                await self._write(line, taken)
                taken = Taken()
            await asyncio.sleep(0)  # heartbeats and pushes share this loop
        if taken.anchor is not None:
            await self._write(line, taken)

    async def _know_days(self, line: Line, columns: Columns) -> None:
        for day in days_of(columns):
            index = line.index.pop(day, None)
            if index is None:
                index = await self._stores.pages.known(line.head.line, day)
            line.index[day] = index  # behind the others: used last

    async def _write(self, line: Line, taken: Taken) -> None:
        await self._bury(line.head.line, taken.strays)
        today = day_number(microseconds_of(self._clock.now()))
        head, event = next_page(line.head, taken, today)
        same = head.number == line.head.number and line.head.version > 0
        columns = line.columns if same else Columns()
        findings = (*(line.findings if same else ()), *taken.findings)
        saying = line.saying
        if event is not None:
            source = line_source(head.line)
            said = encode(envelop(event, source=source, number=head.said, at=self._clock.now()))
            saying = (*saying, (head.said, said))
        columns.extend(taken.columns)
        page = Page(head, columns, saying, findings)
        if not await self._stores.pages.write(page):
            raise LostLine(f"line {head.line}: page {head.number} version {head.version} was written by another owner")
        line.head, line.columns, line.findings, line.saying = head, columns, findings, saying
        for day, known in taken.known.items():
            line.index[day].known.update(known)
        line.forget_days_beyond(INDEX_ROWS_MAX // max(1, len(self._lines)))
        await self._say(line)

    async def _say(self, line: Line) -> None:
        key = line_source(line.head.line).encode()
        for _, envelope in line.saying:
            await self._sender.send(self._events, key=key, value=envelope)
        line.saying = ()

    async def _bury(self, line: int, strays: Sequence[Stray]) -> None:
        """What is no donation goes to the dead letters before the page is written, under its place."""
        for stray in strays:
            place = f"{self._pushed}/{line}/{stray.offset}/{stray.place}"
            headers = [("place", place.encode()), ("reason", stray.reason.encode(errors="replace"))]
            await self._sender.send(self._dead, key=place.encode(), value=stray.raw, headers=headers)

    async def start(self) -> None:
        """From now on lines are opened and closed pages sealed behind the hot path."""
        self._attending = asyncio.create_task(self._attend())

    async def stop(self) -> None:
        if self._attending is not None:
            self._attending.cancel()
            await asyncio.gather(self._attending, return_exceptions=True)

    async def _attend(self) -> None:
        while True:
            for number in sorted(self._owned):
                try:
                    async with self._locks[number]:
                        await self._line(number)  # an idle line, too, says what its last page still has to say
                    await self._seal_line(number)
                except Exception as error:
                    log.warning("line_not_attended", line=number, error=repr(error))
            await asyncio.sleep(ATTEND_PAUSE_S)

    async def _seal_line(self, line: int) -> None:
        before = await self._stores.seals.last(line)
        pages = await self._stores.pages.closed_from(line, before.number + 1 if before else 0, SEAL_PAGES_AT_ONCE)
        for page in pages:
            before = seal(line, page.head.number, page.columns, before)
            await self._stores.seals.write(before)
            await asyncio.sleep(0)


def _base_count(head: PageHead) -> int:
    return 0 if head.closed else head.count
