"""HTTP in: consignments with what people report of them; shipments. Each parses and delegates to a decision."""

from __future__ import annotations

from fastapi import APIRouter

from services.logistics.api.consignments import consignments_router
from services.logistics.api.shipments import shipments_router
from services.logistics.store import Stores


def router(stores: Stores) -> APIRouter:
    """`/v1/consignments` and `/v1/shipments`."""
    router = APIRouter(prefix="/v1")
    router.include_router(consignments_router(stores.consignments))
    router.include_router(shipments_router(stores.shipments))
    return router
