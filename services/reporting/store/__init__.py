"""What the reporting service keeps: views, one document a view and partition, and the journals behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.reporting.domain.banked import Banked
from services.reporting.domain.gifts import DayMerchants, LineGifts
from services.reporting.domain.items import Items
from services.reporting.domain.money import Money
from services.reporting.domain.parcels import ParcelStates, Places
from services.reporting.domain.pipeline import Heard
from services.reporting.domain.rounds import Round, by_round
from services.reporting.domain.spans import Stretch
from services.reporting.domain.totals import Views
from services.reporting.store.journal import Journal

S = TypeVar("S", bound=BaseModel)


def _view(name: str, state: type[S]) -> Kind[S]:
    return Kind(name, state, lambda _: state(), lambda id: f"/reporting/{name}/{id}")


LINES = _view("lines", LineGifts)
MERCHANTS = _view("merchants", DayMerchants)
BANKED = _view("banked", Banked)
MONEY = _view("money", Money)
ITEMS = _view("items", Items)
PARCELS = _view("parcels", ParcelStates)
PLACES = _view("places", Places)
ROUNDS = _view("rounds", Round)
STRETCHES = _view("stretches", Stretch)
PIPELINE = _view("pipeline", Heard)


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the reporting service keeps. `journal`: procurement and logistics; `archive`: the ledger's lines."""

    journal: Journal
    archive: Journal
    lines: Store[LineGifts]
    merchants: Store[DayMerchants]
    banked: Store[Banked]
    money: Store[Money]
    items: Store[Items]
    parcels: Store[ParcelStates]
    places: Store[Places]
    rounds: Store[Round]
    stretches: Store[Stretch]
    pipeline: Store[Heard]


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""
    return Stores(
        journal=Journal(service.rows("journal")),
        archive=Journal(service.rows("archive")),
        lines=service.store(LINES),
        merchants=service.store(MERCHANTS, indexes=["state.day"]),
        banked=service.store(BANKED),
        money=service.store(MONEY),
        items=service.store(ITEMS),
        parcels=service.store(PARCELS),
        places=service.store(PLACES, indexes=["state.country"]),
        rounds=service.store(ROUNDS, indexes=["state.round"]),
        stretches=service.store(STRETCHES, indexes=["state.place"]),
        pipeline=service.store(PIPELINE),
    )


async def all_of(store: Store[S]) -> list[S]:
    """All documents of a view, where they are few."""
    return [state async for _, state in store.every({})]


async def views(stores: Stores) -> Views:
    """The documents that totals are made of."""
    return Views(
        lines=await all_of(stores.lines),
        money=await all_of(stores.money),
        items=await all_of(stores.items),
        parcels=await all_of(stores.parcels),
        banked=await all_of(stores.banked),
    )


async def all_rounds(stores: Stores) -> dict[str, Round]:
    """Every round, merged from its partitions."""
    return by_round(await all_of(stores.rounds))


async def rounds_named(stores: Stores, names: Iterable[str]) -> dict[str, Round]:
    """These rounds, merged; those of which nothing is heard are missing."""
    return by_round(await _where(stores.rounds, "state.round", names))


async def stretches_at(stores: Stores, places: Iterable[str]) -> list[Stretch]:
    """These stretches, as each partition tells them."""
    return await _where(stores.stretches, "state.place", places)


async def merchants_on(stores: Stores, day: str) -> list[DayMerchants]:
    """A day's merchants, a document a line."""
    return await _where(stores.merchants, "state.day", [day])


async def newest_day(stores: Stores) -> str | None:
    """The latest day on which any line knows a gift."""
    days = [day for line in await all_of(stores.lines) for known in line.programmes.values() for day in known.days]
    return max(days, default=None)


async def _where(store: Store[S], path: str, values: Iterable[Any]) -> list[S]:
    wanted = sorted(values)
    return [state async for _, state in store.every({path: wanted})] if wanted else []
