"""Publications, needs, funds, rounds and orders ⇄ MongoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pandapack.contracts.procurement import ProgrammePublished, SchoolShare
from pandapack.runtime.budgets import DOCUMENT_BYTES_CEILING, EVENT_BYTES_CEILING, Budget
from pandapack.runtime.documents import Filter
from pandapack.runtime.parties import Party, parties_kind
from pandapack.runtime.service import Service
from pandapack.runtime.store import Kind, Store
from services.procurement.domain.claim import Claim
from services.procurement.domain.fund import Fund
from services.procurement.domain.need import Need, NeedStatus
from services.procurement.domain.need_book import NeedBook
from services.procurement.domain.order_state import HeldFor, HeldReason, Order, OrderStatus
from services.procurement.domain.publication import Publication, empty_publication, publication_id
from services.procurement.domain.round import Round, RoundStatus

PUBLICATIONS = Kind(
    "publications",
    Publication,
    empty_publication,
    lambda id: f"/procurement/publications/{id}",
    # Five hundred items in two languages: published seldom, and whole.
    Budget(DOCUMENT_BYTES_CEILING, EVENT_BYTES_CEILING, "publish fewer items, specifications or rates"),
)
NEEDS = Kind(
    "needs",
    Need,
    lambda id: Need(need=id),
    lambda id: f"/procurement/needs/{id}",
    Budget(instead="open several needs, with some of the schools each"),
)
NEED_BOOKS = Kind("need_books", NeedBook, lambda id: NeedBook(programme=id), lambda id: f"/procurement/need-books/{id}")
FUNDS = Kind(
    "funds",
    Fund,
    lambda id: Fund(programme=id),
    lambda id: f"/procurement/funds/{id}",
    # Its prices, its open needs and its pieces of fen lines, each at its own end.
    Budget(DOCUMENT_BYTES_CEILING),
)
ROUNDS = Kind(
    "rounds",
    Round,
    lambda id: Round(round=id),
    lambda id: f"/procurement/rounds/{id}",
    Budget(instead="pack all that is left as one lot"),
)
ORDERS = Kind(
    "orders",
    Order,
    lambda id: Order(order=id),
    lambda id: f"/procurement/orders/{id}",
    Budget(instead="let a treasurer decide on the order"),
)
ROUND_CODES = Kind("round_codes", Claim, lambda id: Claim(name=id), lambda id: f"/procurement/round-codes/{id}")
INVOICE_NUMBERS = Kind(
    "invoice_numbers", Claim, lambda id: Claim(name=id), lambda id: f"/procurement/invoice-numbers/{id}"
)
PARTIES = parties_kind("procurement")

INDEXES = {
    PUBLICATIONS.collection: ["state.programme"],
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
    need_books: Store[NeedBook]
    funds: Store[Fund]
    rounds: Store[Round]
    orders: Store[Order]
    round_codes: Store[Claim]
    invoice_numbers: Store[Claim]
    parties: Store[Party]


def open_stores(service: Service) -> Stores:
    """The service's collections, with the indexes that the queries below need."""

    def indexes(kind: Kind[Any]) -> list[str]:
        return INDEXES.get(kind.collection, [])

    return Stores(
        publications=service.store(PUBLICATIONS, indexes=indexes(PUBLICATIONS)),
        needs=service.store(NEEDS, indexes=indexes(NEEDS)),
        need_books=service.store(NEED_BOOKS, indexes=indexes(NEED_BOOKS)),
        funds=service.store(FUNDS, indexes=indexes(FUNDS)),
        rounds=service.store(ROUNDS, indexes=indexes(ROUNDS)),
        orders=service.store(ORDERS, indexes=indexes(ORDERS)),
        round_codes=service.store(ROUND_CODES, indexes=indexes(ROUND_CODES)),
        invoice_numbers=service.store(INVOICE_NUMBERS, indexes=indexes(INVOICE_NUMBERS)),
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


async def schools_of(needs: Store[Need], need: str) -> tuple[SchoolShare, ...]:
    """The schools of a need for which a round was funded: they were written before the fund heard of it."""
    known = await needs.get(need)
    assert known is not None and known.schools, f"there is no need {need}"
    return known.schools


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
