"""Kafka in: each event once into the journal, then into the documents of the views that it moves.

Three ways, since three things differ. Events of procurement and logistics are journaled before any view hears them. The
lines of the ledger are heard by sequence, at once, and by nothing but their totals: this is the hot path. Their
merchants and their archive follow behind at their own pace, so that a hundred documents are written once a second and
not once an event.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from pandapack.contracts.donations import DonationsBanked, DonationsRecorded, DonationsReversed
from pandapack.contracts.envelope import Envelope, encode, read_as
from pandapack.contracts.logistics import ParcelsDelivered, ParcelsHandedOut
from pandapack.contracts.procurement import FundReversed, RoundClosed, RoundFunded
from pandapack.runtime.hearing import Record, Target, envelope_of, hearing_of, take
from pandapack.runtime.settings import EVENT_PARTITIONS
from pandapack.runtime.store import Decide, Hearing
from services.reporting.domain import banked, gifts, hearing, items, money, parcels, pipeline, spans
from services.reporting.domain.journal import Entry, Place
from services.reporting.domain.pipeline import Heard
from services.reporting.store import Stores

LINES_TOPIC = "donations.events"
ARCHIVE_PAUSE_S = 1.0
"""The archive takes what has come meanwhile: merchants' totals are so much older than the others."""
ARCHIVE_RECORDS_MAX = 64
"""A batch of all partitions: each of its events may name thousands of merchants, all of them in memory."""
DIGEST_BYTES = 16
MONTH_CHARACTERS = len("2021-11")

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_parts = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


@dataclass(frozen=True, slots=True)
class Event:
    """A record of one of our topics, and the envelope in it. `topic` is its name without the namespace."""

    topic: str
    record: Record
    envelope: Envelope

    @property
    def heard(self) -> Heard:
        """The record as the pipeline notes it."""
        return Heard(
            topic=self.topic,
            partition=self.record.partition,
            offset=self.record.offset,
            appended_at_ms=self.record.timestamp,
            events=1,
            last_type=self.envelope.type,
        )

    def entry(self, kept: bytes) -> Entry:
        """The event as the journal keeps it."""
        digest = hashlib.blake2b(self.record.value or b"", digest_size=DIGEST_BYTES).hexdigest()
        place = Place(self.topic, self.record.partition, self.record.offset)
        source, number = self.envelope.source, self.envelope.number
        return Entry(source, number, self.envelope.type, place, self.record.timestamp, digest, kept)


class Hearer:
    """Takes batches, each of one partition. `namespace` is what stands before a topic's name, or nothing."""

    def __init__(self, stores: Stores, namespace: str, *, archive_pause_s: float = ARCHIVE_PAUSE_S) -> None:
        self._stores, self._archive_pause_s = stores, archive_pause_s
        self._prefix = f"{namespace}." if namespace else ""

    def _events(self, records: Sequence[Record]) -> list[Event]:
        return [Event(record.topic.removeprefix(self._prefix), record, envelope_of(record)) for record in records]

    async def take(self, records: Sequence[Record]) -> None:
        """What every view but the archive hears, by topic."""
        own = records[0].topic.removeprefix(self._prefix)
        await (self.take_lines(records) if own == LINES_TOPIC else self.take_views(records))

    async def take_views(self, records: Sequence[Record]) -> None:
        """Procurement and logistics: journal first, then every view."""
        events = {event.record.offset: event for event in self._events(records)}
        place = place_of(next(iter(events.values())))
        known = await self._stores.pipeline.get(place)
        entries = [event.entry(event.record.value or b"") for event in events.values()]
        folded = await self._stores.journal.enter(entries, known.offset if known else -1)
        await take([target for entry in folded for target in self.targets(events[entry.place.offset], place)])

    def targets(self, event: Event, place: str) -> list[Target]:
        """The documents of this partition that hear the event. Every one hears the partition by its offset."""
        stores, envelope = self._stores, event.envelope
        hearing_here = Hearing(place, event.record.offset + 1)
        targets = [Target(stores.pipeline, place, hearing_here, partial(pipeline.note, last=event.heard))]
        told = envelope.event()
        if told is None:  # a newer publisher's: it stays in the journal for a release that knows it
            return targets
        targets += [
            Target(stores.money, place, hearing_here, partial(money.book, event=told)),
            Target(stores.items, place, hearing_here, partial(items.count, event=told)),
            Target(stores.parcels, place, hearing_here, partial(parcels.move, event=told)),
        ]
        if isinstance(told, hearing.OfRound):
            hears = partial(hearing.hear, event=told, at=envelope.time)
            targets.append(Target(stores.rounds, f"{told.round}/{place}", hearing_here, hears))
        if isinstance(told, ParcelsDelivered | ParcelsHandedOut):
            reached = partial(parcels.reach, event=told)
            targets.append(Target(stores.places, f"{told.country}/{place}", hearing_here, reached))
        return targets + self._stretches(told, place, hearing_here)

    def _stretches(self, told: object, place: str, hearing_here: Hearing) -> list[Target]:
        match told:
            case RoundFunded():
                taken = spans.over(told.programme, told.intervals)
                decisions = {
                    at: partial(spans.take, place=at, intervals=over, round=told.round, ordinal=told.ordinal)
                    for at, over in taken.items()
                }
            case FundReversed():
                gone = spans.over(told.programme, told.intervals)
                decisions = {
                    at: partial(spans.take, place=at, intervals=over, round=spans.REVERSALS, ordinal=0)
                    for at, over in gone.items()
                }
            case RoundClosed():
                back = spans.over(told.programme, told.released)
                decisions = {
                    at: partial(spans.give_back, place=at, intervals=over, round=told.round)
                    for at, over in back.items()
                }
            case _:
                return []
        return [
            Target(self._stores.stretches, f"{at}/{place}", hearing_here, decide) for at, decide in decisions.items()
        ]

    async def take_lines(self, records: Sequence[Record]) -> None:
        """The ledger's lines: totals only, strictly in sequence, a write a line and batch. And what is banked."""
        targets = []
        for event in self._events(records):
            match event.envelope.type:
                case DonationsRecorded.TYPE:
                    news = gifts.news_of(event.envelope.data)
                    targets.append(self._of_line(event, news.line, partial(gifts.record, news=news)))
                case DonationsReversed.TYPE:
                    back = gifts.reversal_news_of(event.envelope.data)
                    targets.append(self._of_line(event, back.line, partial(gifts.take_back, news=back)))
                case DonationsBanked.TYPE:
                    told = read_as(event.envelope, DonationsBanked)
                    decide = partial(banked.bank, event=told)
                    targets.append(Target(self._stores.banked, banked_id(told), hearing_of(event.envelope), decide))
                case _:
                    pass  # a newer publisher's: the archive keeps it
            await asyncio.sleep(0)  # requests and heartbeats share this loop
        await take(targets)

    def _of_line(self, event: Event, line: int, decide: Decide[gifts.LineGifts]) -> Target:
        note = partial(gifts.note, last=event.heard)
        return Target(self._stores.lines, line_id(line), hearing_of(event.envelope, next_only=True), decide, note)

    async def take_archive(self, records: Sequence[Record]) -> None:
        """The ledger's lines again, behind: their archive, and the merchants by day."""
        events = {event.record.offset: event for event in self._events(records)}
        entries = []
        for event in events.values():
            entries.append(event.entry(_without_merchants(event)))
            await asyncio.sleep(0)
        targets = []
        for entry in await self._stores.archive.enter(entries, heard_offset=-1):
            event = events[entry.place.offset]
            if event.envelope.type == DonationsRecorded.TYPE:
                targets += self._merchants(event.envelope)
            await asyncio.sleep(0)
        await take(targets)
        if len(records) < ARCHIVE_RECORDS_MAX // EVENT_PARTITIONS:  # else more is waiting
            await asyncio.sleep(self._archive_pause_s)

    def _merchants(self, envelope: Envelope) -> list[Target]:
        news = gifts.merchant_news_of(envelope.data)
        return [
            Target(
                self._stores.merchants,
                f"{line_id(news.line)}/{day}",
                hearing_of(envelope),
                partial(gifts.record_merchants, news=news, day=day),
            )
            for day in sorted({part.day for part in news.days})
        ]


def place_of(event: Event) -> str:
    """A partition's name in the views: `procurement/2`."""
    return f"{event.topic.removesuffix('.events')}/{event.record.partition}"


def line_id(line: int) -> str:
    """A line's name in the views; numbers sort as numbers."""
    return f"{line:04d}"


def banked_id(event: DonationsBanked) -> str:
    """`love-parcel/2021-11`: a document a programme and month, so that it hears from some dozens of settlements."""
    return f"{event.programme}/{event.day[:MONTH_CHARACTERS]}"


def _without_merchants(event: Event) -> bytes:
    """The envelope with its days' sums and without their merchants.

    Those are thousands an event, the pages have every one of them donation by donation, and their totals are a view of
    its own: an archive that repeats them would outgrow the pages.
    """
    if event.envelope.type != DonationsRecorded.TYPE:
        return event.record.value or b""
    data = _fields.decode(event.envelope.data)
    days = [{name: part[name] for name in part if name != "merchants"} for part in _parts.decode(data["days"])]
    data["days"] = msgspec.Raw(msgspec.json.encode(days))
    return encode(msgspec.structs.replace(event.envelope, data=msgspec.Raw(msgspec.json.encode(data))))
