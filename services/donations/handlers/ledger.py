"""Kafka in: the owner of a line takes its records onto pages, and says what was new.

Two owners (a zombie after a rebalance) would write the same version or number: one wins, the other drops all that it
holds in memory and starts over from the last page. On assignment, and whenever in doubt, everything is loaded again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition

from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_number, line_source, microseconds_of
from pandapack.contracts.envelope import Event, encode, envelop
from pandapack.runtime.broker import Rewind
from pandapack.runtime.clock import Clock
from pandapack.runtime.hearing import Record
from pandapack.runtime.sender import Sender
from pandapack.runtime.store import Command
from services.donations.domain.duplicates import DayIndex, Fingerprints, PageLookup
from services.donations.domain.ledger import PAGE_ROWS_FULL, Finding, PageHead, Stray, Taken, next_page
from services.donations.domain.lines import allows, stopped
from services.donations.domain.reading import LineReader
from services.donations.domain.reversals import (
    KIND_HEADER,
    REVERSAL_KIND,
    REVERSALS_A_RECORD_MAX,
    Kept,
    Told,
    reversal_of,
    settle,
    with_reversals,
)
from services.donations.domain.rows import Batch, Input, Known, Rows, Suspects
from services.donations.domain.seals import seal
from services.donations.store import Stores
from services.donations.store.pages import Page, SaidEvent

ATTEND_PAUSE_S = 2.0
"""Idle lines are looked after, and full pages sealed, so long after one another."""
SEAL_PAGES_AT_ONCE = 8
INDEX_BYTES_MAX = 640 * 1024 * 1024
"""Known donations held in memory by one process, over all its lines; days not used for longest leave first."""
LOOKUPS_MAX = 32
"""Closed pages held in memory by one process, because something on them was pushed again."""
LOOKUPS_AT_ONCE = 8
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
    reversals: tuple[Kept, ...] = ()
    saying: tuple[SaidEvent, ...] = ()
    index: dict[int, DayIndex] = field(default_factory=dict)
    anchored: bool = False
    sought: int | None = None

    def forget_days_beyond(self, bytes_max: int) -> None:
        """Days not used for longest leave first; the newest used one stays."""
        held = sum(day.size_bytes for day in self.index.values())
        while held > bytes_max and len(self.index) > 1:
            oldest = next(iter(self.index))
            held -= self.index.pop(oldest).size_bytes


def input_of(record: Record) -> Input:
    """A record of `donations.pushed`. Never raises: headers may be null or no text."""
    push = next((text for name, text in record.headers if name == PUSH_HEADER and text), b"")
    return Input(record.offset, record.timestamp, push.decode(errors="replace"), record.value or b"")


def is_reversal(record: Record) -> bool:
    """Whether a record holds reversals instead of donations."""
    return any(name == KIND_HEADER and text == REVERSAL_KIND for name, text in record.headers)


class Ledger(ConsumerRebalanceListener):  # type: ignore[misc]
    """The lines that this process owns."""

    def __init__(
        self, stores: Stores, sender: Sender, clock: Clock, *, lines: int, topic: Callable[[str], str], seed: bytes
    ) -> None:
        self._stores, self._sender, self._clock, self._count = stores, sender, clock, lines
        self._pushed, self._events, self._dead = (
            topic("donations.pushed"),
            topic("donations.events"),
            topic("dead-letters"),
        )
        self._reader, self._fingerprints = LineReader(lines), Fingerprints(seed)
        self._lookups: OrderedDict[tuple[int, int], PageLookup] = OrderedDict()
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
                await self._take(line, await self._not_taken(line, records))
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
            rows = Rows(number, self._reader, self._fingerprints)
            if page is None:
                line = Line(rows, PageHead(number), anchored=True)
            else:
                line = Line(rows, page.head, page.columns, page.findings, page.reversals, page.saying)
            await self._say(line)  # whoever takes over says again what may not have been confirmed
            self._lines[number] = line
        return line

    async def _not_taken(self, line: Line, records: Sequence[Record]) -> Sequence[Record]:
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
            if line.sought != expected:
                line.sought = expected
                raise Rewind(expected, "records were passed over")
            await self._may_go_on(line.head.line, expected, rest[0].offset)
        line.sought = None
        return rest

    def _is_anchored(self, line: Line, record: Record) -> bool:
        """Whether the log still is the one that was read. Raises Rewind to read another one from its start."""
        anchor = line.head.anchor
        assert anchor is not None, "a line with pages has an anchor"
        line.anchored, line.sought = True, None
        if record.offset > anchor.offset:
            return True  # the last record has left the log by age; a gap behind it would be found by its offset
        if record.offset == anchor.offset and input_of(record).anchor == anchor:
            return True
        # The log lost its tail, or the topic was made anew: read it all again, exact duplicates make it harmless.
        log.error("log_is_another", line=line.head.line, wanted=anchor.offset, found=record.offset)
        line.head = replace(line.head, anchor=None)
        if record.offset > 0:
            raise Rewind(0, "the log is not the one that was read")
        return False

    async def _may_go_on(self, number: int, wanted: int, begins: int) -> None:
        """Input is gone. Notes that the line stopped and raises InputLost, unless an operator let this gap go."""
        book = await self._stores.lines.get(str(number))
        if book is not None and allows(book, wanted, begins):
            log.error("line_goes_on_behind_a_gap", line=number, wanted=wanted, begins=begins)
            return
        words = f"line {number}: offset {wanted} is wanted, the log begins at {begins}"
        command = Command(f"stopped {wanted} {begins}", words)
        at = self._clock.wall()
        await self._stores.lines.change(str(number), lambda state: stopped(state, wanted, begins, at), command)
        raise InputLost(f"{words}; POST /v1/lines/{number}/go-on lets it go on without what is between")

    async def _take(self, line: Line, records: Sequence[Record]) -> None:
        """Takes records page by page; a record never straddles pages. Reversals lie behind what was told before."""
        for are_reversals, group in groupby(records, is_reversal):
            some: list[Input] = []
            rows = 0
            for record in map(input_of, group):
                some.append(record)
                rows += record.lines
                if rows >= (REVERSALS_A_RECORD_MAX if are_reversals else PAGE_ROWS_FULL - _base_count(line.head)):
                    await self._take_page(line, some, are_reversals)
                    some, rows = [], 0
            if some:
                await self._take_page(line, some, are_reversals)

    async def _take_page(self, line: Line, records: Sequence[Input], are_reversals: bool) -> None:
        if are_reversals:
            await self._reverse(line, records)
        else:
            await self._write(line, await self._sorted(line, records))

    async def _reverse(self, line: Line, records: Sequence[Input]) -> None:
        """Takes records of reversals. What pages have of their ids and donations is looked up: reversals are few."""
        told, taken = list[Told](), Taken(anchor=records[-1].anchor)
        for record in records:
            for place, raw in enumerate(record.value.split(b"\n")):
                read = reversal_of(raw, line.head.line, self._count) if raw.strip() else None
                if isinstance(read, str):
                    taken.strays.append(Stray(record.offset, place, raw, read, is_reversal=True))
                elif read is not None:
                    told.append(Told(record.push, place, read))
        pages, all_told = self._stores.pages, [came.reversal for came in told]
        given = await pages.given(line.head.line, all_told)
        known = await pages.reversals(line.head.line, {one.key for one in all_told}, {one.of for one in all_told})
        kept, taken.findings = settle(told, given, known)
        taken.reversals = len(kept)
        await self._write(line, taken, kept)

    async def _sorted(self, line: Line, records: Sequence[Input]) -> Taken:
        """What of the records is new, and what is known."""
        batch = line.rows.read(records)
        await asyncio.sleep(0)  # heartbeats and pushes share this loop
        await self._know_days(line, batch.rows_of_days())
        suspects = line.rows.suspects(batch, line.index)
        taken = line.rows.settle(batch, suspects, await self._known(line, batch, suspects))
        await asyncio.sleep(0)
        return taken

    async def _know_days(self, line: Line, days: Iterable[int]) -> None:
        for day in days:
            index = line.index.pop(day, None)
            if index is None:
                index = DayIndex()
                async for page, columns in self._stores.pages.of_day(line.head.line, day):
                    line.rows.learn(index, day, page, columns)
            line.index[day] = index  # behind the others: used last

    async def _known(self, line: Line, batch: Batch, suspects: Suspects) -> Known:
        """What the pages that suspects may lie on hold of them; a few pages in memory at a time."""
        known: Known = {}
        pages = sorted(suspects.pages)
        for begin in range(0, len(pages), LOOKUPS_AT_ONCE):
            for page, lookup in (await self._looked_up(line, pages[begin : begin + LOOKUPS_AT_ONCE])).items():
                known |= batch.known_on(lookup, suspects.pages[page])
        return known

    async def _looked_up(self, line: Line, pages: Sequence[int]) -> dict[int, PageLookup]:
        """Some pages of a line. Closed ones never change, so they may be kept whatever happens."""
        number, found = line.head.line, dict[int, PageLookup]()
        for page in pages:
            if page == line.head.number:
                found[page] = line.rows.lookup(line.columns)
            elif (number, page) in self._lookups:
                self._lookups.move_to_end((number, page))
                found[page] = self._lookups[number, page]
        missing = [page for page in pages if page not in found]
        for page, columns in (await self._stores.pages.columns(number, missing) if missing else {}).items():
            found[page] = line.rows.lookup(columns)
            if page < line.head.number:  # a later one, another owner's, may still be open
                self._lookups[number, page] = found[page]
        while len(self._lookups) > LOOKUPS_MAX:
            self._lookups.popitem(last=False)
        return found

    async def _write(self, line: Line, taken: Taken, kept: Sequence[Kept] = ()) -> None:
        await self._bury(line.head.line, taken.strays)
        today = day_number(microseconds_of(self._clock.now()))
        head, recorded = next_page(line.head, taken, today)
        head, taken_back = with_reversals(head, kept)
        same = head.number == line.head.number and line.head.version > 0
        columns = taken.columns.behind(line.columns) if same else taken.columns
        findings = (*(line.findings if same else ()), *taken.findings)
        reversals = (*(line.reversals if same else ()), *kept)
        saying = (*line.saying, *self._said(line.head, (recorded, taken_back)))
        page = Page(head, columns, saying, findings, reversals)
        if not await self._stores.pages.write(page):
            raise LostLine(f"line {head.line}: page {head.number} version {head.version} was written by another owner")
        line.head, line.columns, line.findings, line.saying = head, columns, findings, saying
        line.reversals = reversals
        for day, prints in taken.prints.items():
            line.index[day].learn(prints, head.number)
        line.forget_days_beyond(INDEX_BYTES_MAX // max(1, len(self._lines)))
        await self._say(line)

    def _said(self, before: PageHead, events: Sequence[Event | None]) -> list[SaidEvent]:
        """What a write says, numbered behind all that the line has said before."""
        source, at = line_source(before.line), self._clock.now()
        told = enumerate((event for event in events if event is not None), before.said + 1)
        return [(number, encode(envelop(event, source=source, number=number, at=at))) for number, event in told]

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
            if stray.is_reversal:
                headers.append((KIND_HEADER, REVERSAL_KIND))
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
            is_behind = False
            for number in sorted(self._owned):
                try:
                    async with self._locks[number]:
                        await self._line(number)  # an idle line, too, says what its last page still has to say
                    is_behind |= await self._seal_line(number) == SEAL_PAGES_AT_ONCE
                except Exception as error:
                    log.warning("line_not_attended", line=number, error=repr(error))
            await asyncio.sleep(0 if is_behind else ATTEND_PAUSE_S)

    async def _seal_line(self, line: int) -> int:
        """Seals some closed pages of a line, in order; answers how many."""
        before = await self._stores.seals.last(line)
        pages = await self._stores.pages.closed_from(line, before.number + 1 if before else 0, SEAL_PAGES_AT_ONCE)
        for page in pages:
            before = await asyncio.to_thread(seal, line, page.head.number, page.columns, before)
            await self._stores.seals.write(before)
        return len(pages)


def _base_count(head: PageHead) -> int:
    return 0 if head.closed else head.count
