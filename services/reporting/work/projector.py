"""Events into the views: which documents an event changes, and what the journals keep of it.

Three paces, since three things differ. Events of procurement and logistics are journaled before any view applies them.
The shards of the ledger are applied by sequence, at once, and to nothing but their totals: this is the hot path. Their
merchants and their archive follow at their own pace, so that a hundred documents are written once a second and not once
an event.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import structlog

from pandapack.contracts.donations import DonationsBanked, DonationsRecorded, DonationsReversed
from pandapack.contracts.envelope import Envelope, Event, encode, read_as
from pandapack.contracts.procurement import FenInterval, FundCredited, FundReversed, RoundClosed, RoundFunded
from pandapack.decision import Decision
from pandapack.runtime.reactions import Reaction, apply, position_of
from pandapack.runtime.store import Decide, EventPosition
from services.reporting.domain import banked, donations, money, pipeline
from services.reporting.domain.banked import BankedMerchants
from services.reporting.domain.donations import DayMerchants
from services.reporting.domain.funded_intervals import (
    REVERSALS,
    FundedIntervals,
    by_bucket,
    log_part_of,
    release_intervals,
    take_intervals,
)
from services.reporting.domain.journal import Entry, LogPosition
from services.reporting.domain.journeys.subjects import causes_of, subjects_of
from services.reporting.domain.pipeline import LastRecord
from services.reporting.domain.rounds import fold
from services.reporting.store import Stores
from services.reporting.work.merchants import Mention, write_trees

DIGEST_BYTES = 16

log = structlog.get_logger(__name__)

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_parts = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


@dataclass(frozen=True, slots=True)
class ConsumedEvent:
    """An event as the log has it. `position.topic` is without the namespace; `value` are all bytes of the record.

    `is_set_aside`: an operator had it passed over. No view applies it, and the journal says so.
    """

    position: LogPosition
    appended_at_ms: int
    value: bytes
    envelope: Envelope
    is_set_aside: bool = False

    @property
    def last_record(self) -> LastRecord:
        """The record as the pipeline notes it."""
        return LastRecord(
            topic=self.position.topic,
            partition=self.position.partition,
            offset=self.position.offset,
            appended_at_ms=self.appended_at_ms,
            events=1,
            last_type=self.envelope.type,
        )

    @property
    def position_in_partition(self) -> EventPosition:
        """Its place in the log, for what passed a journal, which lets each event through once."""
        return EventPosition(partition_id(self), self.position.offset + 1)

    def entry(self, envelope: bytes) -> Entry:
        """The event as a journal keeps it, with these bytes of its envelope."""
        digest = hashlib.blake2b(self.value, digest_size=DIGEST_BYTES).hexdigest()
        return Entry(
            source=self.envelope.source,
            number=self.envelope.number,
            type=self.envelope.type,
            position=self.position,
            appended_at_ms=self.appended_at_ms,
            digest=digest,
            envelope=envelope,
            is_set_aside=self.is_set_aside,
            subjects=subjects_of(self.envelope),
            causes=causes_of(self.envelope),
        )


class Projector:
    """Projects batches of events, each batch of one partition and in its order.

    `shown` is told of the ledger's events once the totals have them.
    """

    def __init__(self, stores: Stores, shown: Callable[[Iterable[Envelope]], None] = lambda _: None) -> None:
        self._stores, self._shown = stores, shown

    async def project_views(self, events: Sequence[ConsumedEvent]) -> None:
        """Procurement and logistics: journal first, then every view."""
        by_offset = {event.position.offset: event for event in events}
        known = await self._stores.pipeline.get(partition_id(events[0]))
        entries = [event.entry(event.value) for event in by_offset.values()]
        current = await self._stores.journal.enter(entries, known.offset if known else -1)
        await apply([reaction for entry in current for reaction in self.reactions(by_offset[entry.position.offset])])

    def reactions(self, consumed: ConsumedEvent) -> list[Reaction]:
        """The documents of this partition that the event changes. Each applies the partition by its offset."""
        stores, envelope, partition = self._stores, consumed.envelope, partition_id(consumed)
        position = consumed.position_in_partition
        reactions = [Reaction(stores.pipeline, partition, position, partial(pipeline.note, last=consumed.last_record))]
        event = envelope.event()
        if event is None:  # a newer publisher's: it stays in the journal for a release that knows it
            log.warning("event_type_unknown", type=envelope.type, source=envelope.source, sequence=envelope.number)
            return reactions
        if isinstance(event, FundCredited):
            reactions.append(Reaction(stores.money, partition, position, partial(money.credit, event=event)))
        if isinstance(event, fold.RoundEvent):
            evolve = partial(fold.evolve, event=event, at=envelope.time)
            reactions.append(Reaction(stores.rounds, f"{event.round}/{partition}", position, evolve))
        log_part = log_part_of(consumed.position.offset)
        return reactions + [
            Reaction(stores.funded_intervals, f"{name}/{log_part}/{partition}", position, decide)
            for name, decide in _bucket_decisions(event).items()
        ]

    async def project_ledger(self, events: Sequence[ConsumedEvent]) -> None:
        """The ledger's shards: totals only, strictly in sequence, a write a shard and batch."""
        reactions = []
        for event in events:
            if event.is_set_aside:
                continue
            envelope = event.envelope
            match envelope.type:
                case DonationsRecorded.TYPE:
                    delta = donations.delta_of(envelope.data)
                    reactions.append(self._of_shard(event, delta.shard, partial(donations.record, delta=delta)))
                case DonationsReversed.TYPE:
                    reversals = donations.reversals_delta_of(envelope.data)
                    reverse = partial(donations.reverse, delta=reversals)
                    reactions.append(self._of_shard(event, reversals.shard, reverse))
                case _:
                    pass  # what is banked comes with the archive; a newer publisher's is kept there
            await asyncio.sleep(0)  # requests and heartbeats share this loop
        await apply(reactions)
        self._shown(event.envelope for event in events)

    def _of_shard(self, event: ConsumedEvent, shard: int, decide: Decide[donations.ShardDonations]) -> Reaction:
        note = partial(donations.note, last=event.last_record)
        return Reaction(self._stores.shards, shard_id(shard), position_of(event.envelope, gapless=True), decide, note)

    async def archive(self, events: Sequence[ConsumedEvent]) -> None:
        """The ledger's events again, for what may be older: their archive, and merchants by day, also as far as banked.

        Settlements are many, each a source of its own: what is banked is applied by the log's offsets, as the archive
        passes each event once, so that no document has to remember the settlements of all time.
        """
        by_offset = {event.position.offset: event for event in events}
        entries = []
        for event in by_offset.values():
            entries.append(event.entry(_without_data(event) if event.is_set_aside else _without_merchants(event)))
            await asyncio.sleep(0)
        merchants, settled = dict[str, list[Mention]](), dict[str, list[Mention]]()
        for entry in await self._stores.archive.enter(entries, applied_offset=-1):
            event = by_offset[entry.position.offset]
            if event.envelope.type == DonationsRecorded.TYPE:
                delta, position = donations.merchants_delta_of(event.envelope.data), position_of(event.envelope)
                for day, named in donations.merchants_by_day(delta).items():
                    merchants.setdefault(f"{shard_id(delta.shard)}/{day}", []).append(Mention(position, named))
            elif event.envelope.type == DonationsBanked.TYPE:
                banking = read_as(event.envelope, DonationsBanked)
                tree = f"{banking.day}/{event.position.partition}"
                mention = Mention(event.position_in_partition, banking.merchants, banked.unnamed_in(banking))
                settled.setdefault(tree, []).append(mention)
            await asyncio.sleep(0)
        await write_trees(self._stores.merchants, merchants, lambda state: state.merchants, _grow_merchants)
        await write_trees(self._stores.banked_merchants, settled, lambda state: state.merchants, _bank_merchants)


def _grow_merchants(state: DayMerchants, tree: str, mention: Mention) -> Decision[DayMerchants]:
    shard, _, day = tree.partition("/")
    return donations.grow_merchants(state, int(shard), day, mention.merchants)


def _bank_merchants(state: BankedMerchants, tree: str, mention: Mention) -> Decision[BankedMerchants]:
    return banked.bank_merchants(state, tree.partition("/")[0], mention.merchants, mention.unnamed)


def _bucket_decisions(event: Event) -> Mapping[str, Decide[FundedIntervals]]:
    """Bucket → what the event changes in it."""
    match event:
        case RoundFunded():
            return _taken(event.programme, event.intervals, event.round, event.ordinal)
        case FundReversed():
            return _taken(event.programme, event.intervals, REVERSALS, 0)
        case RoundClosed():
            return {
                bucket: partial(release_intervals, bucket=bucket, intervals=own, round=event.round)
                for bucket, own in by_bucket(event.programme, event.released).items()
            }
        case _:
            return {}


def _taken(
    programme: str, intervals: Sequence[FenInterval], round: str, ordinal: int
) -> Mapping[str, Decide[FundedIntervals]]:
    return {
        bucket: partial(take_intervals, bucket=bucket, intervals=own, round=round, ordinal=ordinal)
        for bucket, own in by_bucket(programme, intervals).items()
    }


def partition_id(event: ConsumedEvent) -> str:
    """A partition's name in the views: `procurement/2`."""
    return f"{event.position.topic.removesuffix('.events')}/{event.position.partition}"


def shard_id(shard: int) -> str:
    """A shard's name in the views; numbers sort as numbers."""
    return f"{shard:04d}"


def _without_data(event: ConsumedEvent) -> bytes:
    """The envelope alone: what it holds may be what could not be read."""
    return encode(msgspec.structs.replace(event.envelope, data=msgspec.Raw(b"{}")))


def _without_merchants(event: ConsumedEvent) -> bytes:
    """The envelope with its days' sums and without their merchants.

    Those are thousands an event, the pages have every one of them donation by donation, and their totals are a view of
    its own: an archive that repeats them would outgrow the pages.
    """
    if event.envelope.type != DonationsRecorded.TYPE:
        return event.value
    data = _fields.decode(event.envelope.data)
    days = [{name: part[name] for name in part if name != "merchants"} for part in _parts.decode(data["days"])]
    data["days"] = msgspec.Raw(msgspec.json.encode(days))
    return encode(msgspec.structs.replace(event.envelope, data=msgspec.Raw(msgspec.json.encode(data))))
