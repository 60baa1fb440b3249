"""Publications, needs, funds, rounds and orders ⇄ MongoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pandapack.contracts.procurement import ProgrammePublished
from pandapack.runtime.documents import Filter
from pandapack.runtime.parties import Party, parties_kind
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import Need, NeedStatus
from services.procurement.domain.order_state import HeldFor, HeldReason, Order, OrderStatus
from services.procurement.domain.publication import Publication, empty_publication, publication_id
from services.procurement.domain.round import Round, RoundStatus

PUBLICATIONS = Kind("publications", Publication, empty_publication, lambda id: f"/procurement/publications/{id}")
NEEDS = Kind("needs", Need, lambda id: Need(need=id), lambda id: f"/procurement/needs/{id}")
FUNDS = Kind("funds", Fund, lambda id: Fund(programme=id), lambda id: f"/procurement/funds/{id}")
ROUNDS = Kind("rounds", Round, lambda id: Round(round=id), lambda id: f"/procurement/rounds/{id}")
ORDERS = Kind("orders", Order, lambda id: Order(order=id), lambda id: f"/procurement/orders/{id}")
PARTIES = parties_kind("procurement")

INDEXES = {
    PUBLICATIONS.collection: ["state.programme", "state.content.policy.round_code"],
    NEEDS.collection: ["state.status"],
    ROUNDS.collection: ["state.status"],
    ORDERS.collection: ["state.status", "state.round", "state.supplier", "state.held.reason"],
    PARTIES.collection: ["state.kind"],
}


@dataclass(frozen=True, slots=True)
class Stores:
    """All that the procurement service keeps."""

    publications: Store[Publication]
    needs: Store[Need]
    funds: Store[Fund]
    rounds: Store[Round]
    orders: Store[Order]
    parties: Store[Party]


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""

    def indexes(kind: Kind[Any]) -> list[str]:
        return INDEXES.get(kind.collection, [])

    return Stores(
        publications=service.store(PUBLICATIONS, indexes=indexes(PUBLICATIONS)),
        needs=service.store(NEEDS, indexes=indexes(NEEDS)),
        funds=service.store(FUNDS, indexes=indexes(FUNDS)),
        rounds=service.store(ROUNDS, indexes=indexes(ROUNDS)),
        orders=service.store(ORDERS, indexes=indexes(ORDERS)),
        parties=service.store(PARTIES, indexes=indexes(PARTIES)),
    )


async def latest_publication(publications: Store[Publication], programme: str) -> Publication | None:
    """The publication of a programme that counts now."""
    found = await publications.find({"state.programme": programme}, limit=1, newest_first=True)
    return found[0][1] if found else None


async def publication_content(publications: Store[Publication], programme: str, publication: int) -> ProgrammePublished:
    """The content of a publication that an event names: it was written before the event was published."""
    known = await publications.get(publication_id(programme, publication))
    assert known is not None and known.content is not None, f"{programme} has no publication {publication}"
    return known.content


async def is_round_code_taken(publications: Store[Publication], programme: str, code: str) -> bool:
    """Whether another programme names its rounds by this code."""
    found = await publications.find({"state.content.policy.round_code": code})
    return any(known.programme != programme for _, known in found)


async def find_needs(needs: Store[Need], where: Filter, *, after: str, limit: int) -> list[tuple[str, Need]]:
    """Needs, by id."""
    statuses = [NeedStatus.OPEN.value, NeedStatus.MET.value]
    return await needs.find({"state.status": statuses, **where}, after=after, limit=limit)


async def find_rounds(rounds: Store[Round], where: Filter, *, after: str, limit: int) -> list[tuple[str, Round]]:
    """Rounds, by id."""
    statuses = [status.value for status in RoundStatus if status is not RoundStatus.NEW]
    return await rounds.find({"state.status": statuses, **where}, after=after, limit=limit)


def held_for(whom: HeldFor | None) -> Filter:
    """Orders with an invoice that waits for its proof, or for a treasurer. None: all orders."""
    return {} if whom is None else {"state.held.reason": [one.value for one in HeldReason if one.held_for is whom]}


async def find_orders(orders: Store[Order], where: Filter, *, after: str, limit: int) -> list[tuple[str, Order]]:
    """Orders, by id; not those of which only a cost is known yet."""
    statuses = [status.value for status in OrderStatus if status is not OrderStatus.NEW]
    return await orders.find({"state.status": statuses, **where}, after=after, limit=limit)
