"""HTTP in: programmes, needs and funds; rounds; orders; parties.

Each parses, stamps the time, and delegates to a decision.
"""

from __future__ import annotations

from fastapi import APIRouter

from pandapack.runtime.clock import Clock
from pandapack.runtime.parties import PartyKind, parties_router
from services.procurement.api.funding import funding_router
from services.procurement.api.orders import orders_router
from services.procurement.api.rounds import rounds_router
from services.procurement.store import Stores

KINDS = (PartyKind.SUPPLIER, PartyKind.WAREHOUSE)
"""Parties that act here."""


def router(stores: Stores, clock: Clock) -> APIRouter:
    """`/v1/programmes`, `/v1/needs`, `/v1/funds`, `/v1/rounds`, `/v1/orders` and `/v1/parties`."""
    router = APIRouter(prefix="/v1")
    router.include_router(funding_router(stores, clock))
    router.include_router(rounds_router(stores.rounds))
    router.include_router(orders_router(stores))
    router.include_router(parties_router(stores.parties, KINDS))
    return router
