"""Readings: every figure that is shown comes from one snapshot of the public log, now or as of a size or a moment.

The figures of now have beside it what runs ahead of it (`domain.ahead`). What is made of a snapshot is made once for
all who ask, until there is a next one or more has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from pandapack.contracts.public_log.fold import contents, costs, figures, parcels, surveys
from pandapack.contracts.public_log.fold.books import RoundBooks
from pandapack.contracts.public_log.fold.laws import Law, conservation, laws
from pandapack.decision import Refusal
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.lag import Lag, complete_to
from services.reporting import store
from services.reporting.domain import ahead, pipeline
from services.reporting.domain.ahead import Lead, lead_of
from services.reporting.domain.as_of import as_of
from services.reporting.domain.donations import ShardDonations
from services.reporting.domain.pipeline import Freshness, LastRecord
from services.reporting.store import Stores
from services.reporting.work.known_days import KnownDays, Span
from services.reporting.work.snapshots import Snapshot, Snapshots

SHARDS_FRESH_S = 0.05

Json = dict[str, Any]
T = TypeVar("T")


class Recent(Generic[T]):
    """A value that is read again once it is older than `fresh_s`; those who ask meanwhile share one reading."""

    def __init__(self, read: Callable[[], Awaitable[T]], fresh_s: float) -> None:
        self._read, self._fresh_s = read, fresh_s
        self._value: T | None = None
        self._until_s = 0.0
        self._reading = asyncio.Lock()

    async def get(self) -> T:
        """The value, at most `fresh_s` old."""
        async with self._reading:
            if self._value is None or monotonic_s() >= self._until_s:
                self._value = await self._read()
                self._until_s = monotonic_s() + self._fresh_s
            return self._value


class Way(Protocol):
    """How far all has come that lies between a push and the shards, as Kafka was last asked for it."""

    @property
    def looked_at(self) -> datetime | None:
        """When Kafka was last asked; None: it has not answered yet."""
        ...

    @property
    def lags(self) -> Sequence[Lag]:
        """Of each partition on the way."""
        ...


@dataclass(frozen=True, slots=True)
class Figures:
    """A table, or the totals: as values, and as JSON."""

    values: Json
    json: bytes

    @classmethod
    def of(cls, values: Json) -> Figures:
        return cls(values, msgspec.json.encode(values))


@dataclass(slots=True)
class Made:
    """What was made of a snapshot: `booked` of its books, `led` with what ran ahead of it at a time."""

    size: int = -1
    lead: Lead | None = None
    booked: dict[str, Any] = field(default_factory=dict)
    led: dict[str, Any] = field(default_factory=dict)

    def of(self, size: int, lead: Lead | None) -> Made:
        """For another size all is made anew, where only more has come what that is in."""
        if size != self.size:
            return Made(size, lead)
        return self if lead == self.lead else Made(size, lead, self.booked)


class Reading:
    """All figures of one snapshot. Keep it for one request.

    `lead`: what runs ahead of it and is in its totals; None: the figures are as of it. `is_final`: the answers never
    change. `freshness`: of now; None where the figures are of another time.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        lead: Lead | None = None,
        freshness: Freshness | None = None,
        *,
        is_final: bool = False,
        made: Made | None = None,
    ) -> None:
        self.snapshot, self.lead, self.freshness, self.is_final = snapshot, lead, freshness, is_final
        self._made = Made() if made is None else made

    @property
    def stamp(self) -> Json:
        """`snapshot`, as every answer names it: its size, the time of its last entry, and what runs ahead of it."""
        return {
            "size": self.snapshot.size,
            "at": self.snapshot.at or None,
            "ahead": None if self.lead is None else self.lead.whole.as_json(),
        }

    @property
    def fresh(self) -> Json:
        """`complete_to` and `behind_s`; null where they are not known, and of another time than now."""
        return (self.freshness or Freshness(None, None, None)).as_json()

    @property
    def totals(self) -> Figures:
        """`/v1/totals`."""
        return _once(self._made.led, "totals", lambda: ahead.totals(self.snapshot.books, self.lead))

    @property
    def booked(self) -> Json:
        """The totals of the snapshot alone: what the laws are about."""
        return _once(self._made.booked, "totals", lambda: figures.totals(self.snapshot.books)).values

    @property
    def programmes(self) -> Figures:
        """`/v1/totals/programme`."""
        books, lead = self.snapshot.books, self.lead
        return _once(self._made.led, "programme", lambda: {"items": ahead.programme_rows(books, lead)})

    @property
    def countries(self) -> Figures:
        """`/v1/totals/country`."""
        return self._rows("country", lambda: figures.country_rows(self.snapshot.books))

    @property
    def items(self) -> Figures:
        """`/v1/totals/item`."""
        return self._rows("item", lambda: figures.item_rows(self.snapshot.books))

    @property
    def contents(self) -> Figures:
        """`/v1/totals/content`."""
        return self.contents_of(None)

    def contents_of(self, programme: str | None) -> Figures:
        """The same, of one programme: nothing where it is unknown."""
        books = self.snapshot.books
        if programme is not None and programme not in books.contents:
            return Figures.of({"items": []})
        return self._rows(f"content/{programme or ''}", lambda: contents.content_rows(books, programme))

    @property
    def categories(self) -> Figures:
        """`/v1/totals/category`."""
        return self._rows("category", lambda: costs.category_rows(self.snapshot.books))

    @property
    def years(self) -> Figures:
        """`/v1/totals/year`."""
        return self._rows("year", lambda: costs.year_rows(self.snapshot.books))

    @property
    def specifications(self) -> Figures:
        """`/v1/totals/specification`."""
        return self._rows("specification", lambda: parcels.specification_rows(self.snapshot.books))

    @property
    def indicators(self) -> Figures:
        """`/v1/totals/indicator`."""
        return self._rows("indicator", lambda: surveys.indicator_rows(self.snapshot.books))

    @property
    def complaints(self) -> Figures:
        """`/v1/totals/complaint`."""
        return self._rows("complaint", lambda: surveys.complaint_rows(self.snapshot.books))

    @property
    def conservation(self) -> Figures:
        """`/v1/conservation`."""
        return _once(self._made.booked, "conservation", lambda: conservation(self.snapshot.books))

    @property
    def laws(self) -> tuple[Law, Law, Law]:
        """Money, items, parcels."""
        found: tuple[Law, Law, Law] = self._made.booked.get("laws") or laws(self.snapshot.books)
        self._made.booked["laws"] = found
        return found

    async def days(self, programme: str | None) -> Figures:
        """`/v1/totals/day`, of all programmes or of one."""
        if programme is not None and programme not in self.snapshot.books.programmes:
            return Figures.of({"items": []})
        name = f"day/{programme or ''}"
        days = {} if name in self._made.booked else await self.snapshot.days()
        return self._rows(name, lambda: figures.day_rows(days, programme))

    async def rounds(self, after: str, limit: int, *, is_open: bool | None = None) -> list[RoundBooks]:
        """Rounds behind `after`, by name: all, or the open or the closed ones."""
        return await self.snapshot.rounds(after, limit, is_open=is_open)

    def written(self, figures: Figures) -> bytes:
        """The figures as JSON, with the `snapshot` that they are of."""
        return figures.json[:-1] + b',"snapshot":' + msgspec.json.encode(self.stamp) + b"}"

    def _rows(self, name: str, make: Callable[[], list[Json]]) -> Figures:
        return _once(self._made.booked, name, lambda: {"items": make()})


def _once(made: dict[str, Any], name: str, make: Callable[[], Json]) -> Figures:
    if name not in made:
        made[name] = Figures.of(make())
    found: Figures = made[name]
    return found


class Readings:
    """Every figure that is shown comes from here. `way`: what lies between a push and the shards."""

    def __init__(self, stores: Stores, snapshots: Snapshots, clock: Clock, way: Way) -> None:
        self._stores, self._snapshots, self._clock, self._way = stores, snapshots, clock, way
        self._complete_to: datetime | None = None
        self._shards: Recent[list[ShardDonations]] = Recent(self._read_shards, SHARDS_FRESH_S)
        self._made = Made()
        self._days = KnownDays(snapshots)

    async def known_days(self) -> tuple[Span, ...]:
        """The days as of which there are figures."""
        return await self._days.spans()

    async def _read_shards(self) -> list[ShardDonations]:
        return await store.all_of(self._stores.shards)

    async def now(self) -> Reading:
        """The newest snapshot of this process, with what runs ahead of it."""
        fresh = await self.freshness()  # first: what is read later has at least that
        shards = await self._shards.get()
        snapshot = self._snapshots.current  # no waiting from here on: all is of this one
        lead = lead_of(snapshot.books, shards)
        self._made = self._made.of(snapshot.size, lead)
        return Reading(snapshot, lead, fresh, made=self._made)

    async def as_of(self, text: str) -> Reading | Refusal:
        """The snapshot as of a size, a moment, or the end of a day. Refused: as_of_invalid, size_unknown.

        A moment before the last entry is final: whatever comes is later.
        """
        wanted = as_of(text)
        if isinstance(wanted, Refusal):
            return wanted
        if isinstance(wanted, int):
            snapshot = await self._snapshots.as_of_size(wanted)
            return snapshot if isinstance(snapshot, Refusal) else Reading(snapshot, is_final=True)
        known_to = self._snapshots.current.at
        is_final = known_to != "" and wanted < datetime.fromisoformat(known_to)
        return Reading(await self._snapshots.as_of_moment(wanted), is_final=is_final)

    async def last_records(self) -> list[LastRecord]:
        """The last record consumed: of each partition of procurement and logistics, of each shard of the ledger."""
        shards = await self._shards.get()
        return [*await store.all_of(self._stores.pipeline), *(shard.last for shard in shards)]

    async def freshness(self) -> Freshness:
        """Up to when all that was pushed, decided and delivered has come to this service.

        Gifts are in the current totals from then on. All else is when the log has it: `snapshot.at` says so.
        """
        looked_at, lags = self._way.looked_at, self._way.lags
        records = [lag.records for lag in lags]
        found = pipeline.freshness(
            None if looked_at is None else complete_to(lags, looked_at),
            None if not records or None in records else sum(filter(None, records)),
            looked_at=looked_at,
            now=self._clock.wall(),
            before=self._complete_to,
        )
        self._complete_to = found.complete_to
        return found
