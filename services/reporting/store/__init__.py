"""What the reporting service keeps: views, one document a view and partition, and the journals behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from pandapack.contracts.public_log.fold.kept import collection_of
from pandapack.runtime.budgets import DEFAULT, DOCUMENT_BYTES_CEILING, Budget
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.reporting.domain.alerts.orders import AlertOrders
from services.reporting.domain.audit_log import PublishedRoot
from services.reporting.domain.banked import BankedMerchants
from services.reporting.domain.donations import DayMerchants, ShardDonations
from services.reporting.domain.funded_intervals import FundedIntervals
from services.reporting.domain.money import Money
from services.reporting.domain.pipeline import LastRecord
from services.reporting.domain.rounds.figures import by_round
from services.reporting.domain.rounds.state import Round
from services.reporting.store.alerts import AlertRows
from services.reporting.store.audit_log import INDEXES as AUDIT_INDEXES
from services.reporting.store.audit_log import ROOTS, AuditRows
from services.reporting.store.cosigned import CosignedCheckpoints
from services.reporting.store.journal import Journal
from services.reporting.store.journey_index import JourneyIndex
from services.reporting.store.public_log import PublicLog
from services.reporting.store.snapshots import SnapshotRows

S = TypeVar("S", bound=BaseModel)
LARGE_DOCUMENTS_A_READ = 16
"""Some 20 MB of merchants at most."""


def _view(name: str, state: type[S], budget: Budget = DEFAULT) -> Kind[S]:
    return Kind(name, state, lambda _: state(), lambda id: f"/reporting/{name}/{id}", budget, publishes=False)


MERCHANTS_BUDGET = Budget(1_280 * 1024)
"""`MERCHANTS_A_DOCUMENT_MAX` of the longest names and largest sums."""


# A line a programme and day that has any: 70,000 of them, or sixty programmes of three years.
SHARDS = _view("shards", ShardDonations, Budget(DOCUMENT_BYTES_CEILING))
MERCHANTS = _view("merchants", DayMerchants, MERCHANTS_BUDGET)
BANKED_MERCHANTS = _view("banked_merchants", BankedMerchants, MERCHANTS_BUDGET)
# A line a programme and shard that it has gifts on: staff publish programmes, hundreds and not millions.
MONEY = _view("money", Money, Budget(DOCUMENT_BYTES_CEILING))
ROUNDS = _view("rounds", Round, Budget(DOCUMENT_BYTES_CEILING))  # all that its consignment keeps
FUNDED_INTERVALS = _view("funded_intervals", FundedIntervals, Budget(DOCUMENT_BYTES_CEILING))
PIPELINE = _view("pipeline", LastRecord)
# What people say to alerts; a bounded number of silences and of acknowledgements, a reason of 500 characters each.
ALERT_ORDERS = Kind(
    "alert_orders",
    AlertOrders,
    lambda _: AlertOrders(),
    lambda id: f"/reporting/alerts/{id}",
    Budget(DOCUMENT_BYTES_CEILING),
)


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the reporting service keeps. `journal`: procurement and logistics; `archive`: the ledger."""

    journal: Journal
    archive: Journal
    journey_index: JourneyIndex
    shards: Store[ShardDonations]
    merchants: Store[DayMerchants]
    banked_merchants: Store[BankedMerchants]
    money: Store[Money]
    rounds: Store[Round]
    funded_intervals: Store[FundedIntervals]
    pipeline: Store[LastRecord]
    public_log: PublicLog
    snapshots: SnapshotRows
    cosigned: CosignedCheckpoints
    audit_log: AuditRows
    audit_roots: Store[PublishedRoot]
    alerts: AlertRows
    alert_orders: Store[AlertOrders]


BY_PARTITION = ("topic", "partition", "offset")
"""The order in which the public log's owner reads the journals."""


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""
    index = JourneyIndex(service.rows("journeys"))
    return Stores(
        journal=Journal(service.rows("journal", indexes=[BY_PARTITION]), index),
        archive=Journal(service.rows("archive", indexes=[BY_PARTITION]), index),
        journey_index=index,
        shards=service.store(SHARDS),
        merchants=service.store(MERCHANTS, indexes=["state.day"]),
        banked_merchants=service.store(BANKED_MERCHANTS, indexes=["state.day"]),
        money=service.store(MONEY),
        rounds=service.store(ROUNDS, indexes=["state.round"]),
        funded_intervals=service.store(FUNDED_INTERVALS, indexes=["state.bucket"]),
        pipeline=service.store(PIPELINE),
        public_log=PublicLog(*(service.rows(f"log_{name}") for name in ("heads", "entries", "tiles", "seals"))),
        snapshots=SnapshotRows(
            service.rows(collection_of("books"), indexes=["at"]),
            service.rows(collection_of("rounds"), indexes=[("round", "until"), ("is_open", "until", "round")]),
            service.rows(collection_of("months"), indexes=[("month", "until"), "until"]),
            service.rows(collection_of("moments")),
        ),
        cosigned=CosignedCheckpoints(service.rows("log_cosigned")),
        audit_log=AuditRows(service.rows("audit_heads"), service.rows("audit_log", indexes=AUDIT_INDEXES)),
        audit_roots=service.store(ROOTS),
        alerts=AlertRows(service.rows("alerts")),
        alert_orders=service.store(ALERT_ORDERS),
    )


async def all_of(store: Store[S]) -> list[S]:
    """All documents of a view, where they are few."""
    return [state async for _, state in store.scan({})]


async def rounds_named(rounds: Store[Round], names: Iterable[str]) -> dict[str, Round]:
    """These rounds, merged; those of which no event is applied yet are missing."""
    return by_round(await _where(rounds, "state.round", names))


async def buckets_named(funded_intervals: Store[FundedIntervals], ids: Iterable[str]) -> list[FundedIntervals]:
    """These buckets, a document a part of the log of each partition that told of them."""
    return await _where(funded_intervals, "state.bucket", ids)


async def merchants_on(merchants: Store[DayMerchants], day: str) -> AsyncIterator[DayMerchants]:
    """A day's merchants, a tree of documents a shard; few are in memory at a time."""
    async for one in _large_on(merchants, day):
        yield one


async def banked_merchants_on(banked: Store[BankedMerchants], day: str) -> AsyncIterator[BankedMerchants]:
    """What is banked of a day's merchants, a tree of documents a partition; few are in memory at a time."""
    async for one in _large_on(banked, day):
        yield one


async def _large_on(store: Store[S], day: str) -> AsyncIterator[S]:
    after = ""
    while found := await store.find({"state.day": day}, after=after, limit=LARGE_DOCUMENTS_A_READ):
        for after, one in found:  # noqa: B007 - where the next read begins
            yield one


async def newest_day(shards: Store[ShardDonations]) -> str | None:
    """The latest day of which any shard has a donation."""
    days = [day for shard in await all_of(shards) for known in shard.programmes.values() for day in known.days]
    return max(days, default=None)


async def _where(store: Store[S], path: str, values: Iterable[Any]) -> list[S]:
    wanted = sorted(values)
    return [state async for _, state in store.scan({path: wanted})] if wanted else []
