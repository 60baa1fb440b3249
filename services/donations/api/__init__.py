"""HTTP in: pushes from the platform, and single donations."""

from __future__ import annotations

from fastapi import APIRouter

from services.donations.api.desk import Desk
from services.donations.api.gifts import gifts_router
from services.donations.api.pushes import pushes_router
from services.donations.settings import Settings
from services.donations.store import Stores


def router(stores: Stores, desk: Desk, settings: Settings) -> APIRouter:
    """`/v1/donations` and `/v1/pushes`."""
    router = APIRouter(prefix="/v1")
    router.include_router(pushes_router(stores, desk))
    router.include_router(gifts_router(stores, settings))
    return router
