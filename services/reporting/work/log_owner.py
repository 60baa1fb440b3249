"""The owner of the public log: each journaled event once, in one order, first to `public.log` and then to the log.

Any number of processes may run one. The topic decides between them (`domain.public_log`): a record that continues a log
which another record has continued before is passed over by all. So an owner reads what came before its own record, and
keeps what the topic says, its own or another's. The head's version fences the database; an owner that has not moved the
head lately stands by, so that two do not do the same work for long.

A stop anywhere is harmless: what reached the topic is read there again, what did not is ordered anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec
from pydantic import ValidationError

from pandapack.contracts.envelope import decode
from pandapack.contracts.public_log.entries import Journaled, entries_of
from pandapack.contracts.public_log.sums import summed_entries
from pandapack.contracts.public_log.veil import Veil
from pandapack.contracts.tlog.tiles import Tile
from pandapack.decision import Refusal
from pandapack.runtime.clock import Clock
from pandapack.runtime.log_reader import LogEnds
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.signed_log import SignedRecord
from services.reporting.domain.log_order import (
    HELD_MS_MAX,
    WAITING_A_PARTITION_MAX,
    Pace,
    Place,
    Step,
    Waiting,
    cause_keys,
    hurries,
    is_seal,
    joined,
    next_steps,
    positions_after,
)
from services.reporting.domain.public_log import (
    BEFORE_ALL,
    LogHead,
    LogRecord,
    decode_record,
    encode_record,
    follow,
    record_behind,
)
from services.reporting.store.journal import SET_ASIDE, Journal
from services.reporting.store.public_log import LogContradicted, PublicLog
from services.reporting.work.log_standing import LogStanding

APPEND_PAUSE_S = 1.0
"""At most so long a journaled event waits, where it waits for nothing else; and gifts at least."""
STAND_BY_S = 5.0
"""Another's head that has not moved for so long may be taken over: it has stopped, or has nothing to do."""
RECORD_ENTRIES_BYTES_MAX = 2 * 1024 * 1024
"""Of a record's entries but for the last step's, some hundred KiB more: a record of Kafka's has 8 MiB."""
RECORDS_A_READ_MAX = 16
"""64 MiB at most, and then only of the longest entries."""
SERVICES = ("donations", "logistics", "procurement", "reporting")


class LogTopic(Protocol):
    """`public.log`; see `runtime.signed_log.SignedLog`."""

    async def append(self, value: bytes) -> int: ...

    async def read(self, first: int, limit: int) -> tuple[LogEnds, Sequence[SignedRecord]]: ...


class LogStopped(Exception):
    """`public.log` contradicts itself or what is kept. Nothing is appended until a person has looked."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Waiting events by partition, and what each of them is, by identity."""

    waiting: dict[str, list[Waiting]]
    events: dict[str, Journaled]


class LogOwner:
    """One process's owner. `name` tells processes apart. `append` is one run of its loop.

    `quiet_s`: so long gifts are held in a quiet time.
    """

    def __init__(
        self,
        journal: Journal,
        archive: Journal,
        kept: PublicLog,
        topic: LogTopic,
        veil: Callable[[], Veil],
        clock: Clock,
        *,
        name: str,
        quiet_s: float = HELD_MS_MAX / 1000,
    ) -> None:
        self._journals = {name: archive if name == "donations" else journal for name in SERVICES}
        self._kept, self._topic, self._veil, self._clock, self._name = kept, topic, veil, clock, name
        self._held_ms_max = int(quiet_s * 1000)
        self._head: LogHead | None = None
        self._summed_at = BEFORE_ALL
        self.standing = LogStanding(clock)

    async def append(self) -> bool:
        """Appends what may be appended. True: more is waiting.

        Raises LogStopped, LogContradicted, KafkaUnavailable, KeyRetired, StoreUnavailable, AnswerLost; the next run
        begins anew.
        """
        try:
            is_more_waiting = await self._append()
        except (LogStopped, LogContradicted) as stopped:
            self.standing.stop(str(stopped))
            raise
        self.standing.resume()
        return is_more_waiting

    async def _append(self) -> bool:
        head, self._head = self._head, None  # in any doubt the head is read again
        if head is None:
            head = await self._kept.head()
            if not await self._may_take(head):
                return False
            head = await self._caught_up(head)
        moved, is_more_waiting = await self._append_behind(head)
        self._head = moved if moved.owner in ("", self._name) else None
        return is_more_waiting

    async def _may_take(self, head: LogHead) -> bool:
        """Whether nobody else is at it: another's head is taken over where it stands while something waits."""
        if head.owner in ("", self._name):
            return True
        if self._clock.wall() < head.moved_at + timedelta(seconds=STAND_BY_S):
            return False
        return any((await self._read(head)).waiting.values())

    async def _append_behind(self, head: LogHead) -> tuple[LogHead, bool]:
        batch = await self._read(head)
        if not any(batch.waiting.values()):
            self.standing.show(head.size, ())
            return head, False
        places = await self._places(batch)
        wall = self._clock.wall()
        rested = wall - self._summed_at >= timedelta(seconds=APPEND_PAUSE_S)
        pace = Pace(int(wall.timestamp() * 1000), rested, self._held_ms_max)
        order = next_steps(head.positions, batch.waiting, places, pace)
        self.standing.show(head.size, order.blocked)
        if not order.steps:
            return head, False
        groups = {key: one.envelope.source for key, one in batch.events.items() if one.is_summed}
        at = max(self._clock.now(), head.at)
        steps, entries = await self._entries(joined(order.steps, groups), batch.events, at)
        value = encode_record(record_behind(head, at, positions_after({}, steps), entries))
        offset = await self._topic.append(value)
        if any(step.is_summed for step in steps):
            self._summed_at = wall
        return await self._followed(head, offset, value), True

    async def _read(self, head: LogHead) -> _Batch:
        batch = _Batch({}, {})
        for service in SERVICES:
            for partition in range(EVENT_PARTITIONS):
                name = f"{service}/{partition}"
                rows = await self._journals[service].behind(
                    f"{service}.events", partition, head.positions.get(name, 0), limit=WAITING_A_PARTITION_MAX
                )
                batch.waiting[name] = [_waiting(name, row, batch.events) for row in rows]
        return batch

    async def _places(self, batch: _Batch) -> Mapping[str, Place]:
        """Where the causes of all that waits lie. What is read already need not be looked for."""
        waiting = [one for events in batch.waiting.values() for one in events]
        known = {one.key: one.place for one in waiting}
        wanted = {key for one in waiting for key in one.causes if key not in known}
        for service, journal in self._journals.items():
            own = [key for key in wanted if key.startswith(f"/{service}/")]
            for key, position in (await journal.positions(own) if own else {}).items():
                known[key] = Place(f"{service}/{position.partition}", position.offset)
        return known

    async def _entries(
        self, steps: Iterable[Step], events: Mapping[str, Journaled], at: datetime
    ) -> tuple[list[Step], list[bytes]]:
        """As many steps as one record has room for, and their entries."""
        taken, entries, size, veil = list[Step](), list[bytes](), 0, self._veil()
        for step in steps:
            if size > RECORD_ENTRIES_BYTES_MAX:
                break
            own = [events[one.key] for one in step.events]
            try:
                found = summed_entries(own, at, veil) if step.is_summed else entries_of(own, at, veil)
            except ValidationError as error:
                detail = f"{step.partition} has an event that no release can read among {own[0].envelope.key} and on"
                raise LogStopped(f"{detail}: see `panda partition`, and set it aside ({error})") from error
            taken.append(step)
            entries += found
            size += sum(map(len, found))
            await asyncio.sleep(0)  # requests and heartbeats share this loop
        return taken, entries

    async def _followed(self, head: LogHead, offset: int, value: bytes) -> LogHead:
        """The head behind our own record, and behind others' that came before it, if any did."""
        if offset < head.next_offset:
            raise LogStopped(
                f"public.log went on at offset {offset}, but {head.next_offset} are known: it was made anew"
            )
        while head.next_offset < offset:
            head = await self._follow_next(head)
        return await self._follow(head, [SignedRecord(offset, value)]) if head.next_offset == offset else head

    async def _caught_up(self, head: LogHead) -> LogHead:
        """The head behind all that the topic has: after a start, a doubt, and where nothing is kept any more."""
        while True:
            before = head.next_offset
            head = await self._follow_next(head)
            if head.next_offset == before:
                return head

    async def _follow_next(self, head: LogHead) -> LogHead:
        ends, records = await self._topic.read(head.next_offset, RECORDS_A_READ_MAX)
        if not ends.begins <= head.next_offset <= ends.ends:
            raise LogStopped(
                f"public.log has offsets {ends.begins} to {ends.ends}, and {head.next_offset} comes next: it lost some "
                "or was made anew. Put back the topic, or the database of reporting, from a backup"
            )
        return await self._follow(head, records) if records else head

    async def _follow(self, head: LogHead, records: Sequence[SignedRecord]) -> LogHead:
        """Keeps what the records say, and then moves the head behind them."""
        first, entries, tiles = head.size, list[bytes](), dict[Tile, bytes]()
        moved = head
        for one in records:
            read = _decoded(one)
            if read is None:
                moved = replace(moved, next_offset=one.offset + 1)
                continue
            followed = follow(moved, one.offset, read)
            if isinstance(followed, Refusal):
                raise LogStopped(f"{followed.code}: {followed.detail}")
            moved = followed.head
            entries += followed.entries
            tiles |= followed.tiles
        if moved.size == 0:
            raise LogStopped(
                f"public.log has {moved.next_offset} records, and none of them is believed: is the trust file another "
                "one? Put back the one that lists the key by which reporting signed them; retired keys stay in it. "
                "Where this is a new stack on the Kafka of another, give it a Kafka or a namespace of its own. A new "
                "log begins only where public.log is empty: whoever has seen the old one could show two"
            )
        await self._kept.keep(first, entries, tiles)
        moved = replace(moved, owner=self._name, moved_at=self._clock.wall())
        if not await self._kept.move(moved):
            raise Overtaken("another owner has moved the log's head")
        return replace(moved, version=moved.version + 1)


class Overtaken(Exception):
    """Another owner was faster. It stands by from the next run on."""


def _waiting(partition: str, row: Mapping[str, Any], events: dict[str, Journaled]) -> Waiting:
    envelope = decode(bytes(row["envelope"]))
    # The archive keeps the ledger's events without their merchants, and the digest of all their bytes.
    is_archived = partition.startswith("donations/")
    hashed = str(row["digest"]).encode() if is_archived else bytes(row["envelope"])
    is_set_aside = row.get(SET_ASIDE, False)
    events[row["_id"]] = Journaled(envelope, hashed, is_set_aside)
    place = Place(partition, row["offset"])
    causes, may_hurry = cause_keys(envelope), hurries(envelope)
    return Waiting(
        place,
        row["_id"],
        row["appended_at_ms"],
        causes,
        may_hurry,
        is_set_aside=is_set_aside,
        is_seal=is_seal(envelope),
    )


def _decoded(one: SignedRecord) -> LogRecord | None:
    """None: it is not believed. Raises LogStopped for one that is believed and cannot be read."""
    if one.value is None:
        return None
    try:
        return decode_record(one.value)
    except msgspec.DecodeError as error:
        raise LogStopped(f"public.log offset {one.offset} cannot be read: {error}") from error
