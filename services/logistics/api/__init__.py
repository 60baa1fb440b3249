"""HTTP in: consignments with what people report of them; shipments; surveys; parties.

Each parses and delegates to a decision.
"""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter

from pandapack.runtime.parties import PartyKind, parties_router
from services.logistics.api.consignments import consignments_router
from services.logistics.api.shipments import shipments_router
from services.logistics.api.surveys import surveys_router
from services.logistics.domain.times import Now
from services.logistics.store import Stores

KINDS = tuple(PartyKind)
"""Parties that act here: suppliers are those of whom freight, insurance and duty were ordered."""


def router(stores: Stores, now: Callable[[], Now]) -> APIRouter:
    """`/v1/consignments`, `/v1/shipments`, `/v1/surveys` and `/v1/parties`."""
    router = APIRouter(prefix="/v1")
    router.include_router(consignments_router(stores, now))
    router.include_router(shipments_router(stores, now))
    router.include_router(surveys_router(stores, now))
    router.include_router(parties_router(stores.parties, KINDS))
    return router
