"""Readings of the views: added up, laws, freshness; each fetched once for all who ask at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.lag import Lag, complete_to
from services.reporting import store
from services.reporting.domain import laws, pipeline
from services.reporting.domain.laws import Law
from services.reporting.domain.pipeline import Freshness, LastRecord
from services.reporting.domain.rounds.state import Round
from services.reporting.domain.totals import Views, totals
from services.reporting.store import Stores

VIEWS_FRESH_S = 0.05
ROUNDS_FRESH_S = 1.0
LAWS_FRESH_S = 2.0
LAW_READINGS_MAX = 5
LAW_PAUSE_S = 0.2
"""An event's effects reach all partitions' documents well within this."""

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


@dataclass(frozen=True, slots=True)
class Books:
    """The three laws as several readings show them: what is broken was broken in each."""

    money: Law
    items: Law
    parcels: Law

    @property
    def laws(self) -> tuple[Law, Law, Law]:
        return self.money, self.items, self.parcels

    @property
    def hold(self) -> bool:
        return all(law.holds for law in self.laws)


class Way(Protocol):
    """How far all has come that lies between a push and these figures, as Kafka was last asked for it."""

    @property
    def looked_at(self) -> datetime | None:
        """When Kafka was last asked; None: it has not answered yet."""
        ...

    @property
    def lags(self) -> Sequence[Lag]:
        """Of each partition on the way."""
        ...


class Readings:
    """Every figure that is shown comes from here. `way`: what lies between a push and them."""

    def __init__(self, stores: Stores, clock: Clock, way: Way) -> None:
        self._stores, self._clock, self._way = stores, clock, way
        self._complete_to: datetime | None = None
        self._views = Recent(self._read_views, VIEWS_FRESH_S)
        self._rounds = Recent(self._read_rounds, ROUNDS_FRESH_S)
        self._books = Recent(self._read_books, LAWS_FRESH_S)

    async def _read_views(self) -> Views:
        return await store.views(self._stores)

    async def _read_rounds(self) -> dict[str, Round]:
        return await store.all_rounds(self._stores.rounds)

    async def views(self) -> Views:
        """The documents that totals are made of."""
        return await self._views.get()

    async def rounds(self) -> dict[str, Round]:
        """Every round by name, sorted."""
        return await self._rounds.get()

    async def books(self) -> Books:
        """The three laws."""
        return await self._books.get()

    async def _read_books(self) -> Books:
        """Partitions are consumed at different moments, so what fails is read again: a breach fails every time."""
        found = await self._one_reading()
        for _ in range(LAW_READINGS_MAX - 1):
            if found.hold:
                break
            await asyncio.sleep(LAW_PAUSE_S)
            again = await self._one_reading()
            found = Books(*(laws.lasting(one, now) for one, now in zip(found.laws, again.laws, strict=True)))
        return found

    async def _one_reading(self) -> Books:
        views, rounds = await self._read_views(), await self._read_rounds()
        return Books(
            laws.money_law(views, rounds), laws.item_law(views, rounds), laws.parcel_law(views.parcels, rounds)
        )

    async def last_records(self) -> list[LastRecord]:
        """The last record consumed: of each partition of procurement and logistics, of each shard of the ledger."""
        views = await self.views()
        return [*await store.all_of(self._stores.pipeline), *(shard.last for shard in views.shards)]

    async def freshness(self) -> Freshness:
        """Up to when all that was pushed, decided and delivered is in the figures that are read from now on."""
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

    async def totals(self) -> dict[str, Any]:
        """All figures of `totals`, and how fresh they are: `complete_to` and `behind_s`."""
        fresh = await self.freshness()  # first: what is read later has at least that
        return {**totals(await self.views()), **fresh.as_json()}
