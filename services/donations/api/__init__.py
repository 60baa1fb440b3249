"""HTTP in: pushes from the platform, single donations, and who may push or look."""

from __future__ import annotations

from fastapi import APIRouter

from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from services.donations.api.desk import Desk
from services.donations.api.gifts import gifts_router
from services.donations.api.merchants import merchants_router
from services.donations.api.platforms import platforms_router
from services.donations.api.pushers import Pushers
from services.donations.api.pushes import pushes_router
from services.donations.api.reversals import reversals_router
from services.donations.settings import Settings
from services.donations.store import Stores


def router(stores: Stores, desk: Desk, settings: Settings, clock: Clock, chance: Chance) -> APIRouter:
    """`/v1/donations`, `/v1/pushes`, `/v1/reversals`, `/v1/platforms`, `/v1/merchants`."""
    router = APIRouter(prefix="/v1")
    pushers = Pushers(stores.platforms, clock)
    router.include_router(pushes_router(stores, desk, pushers))
    router.include_router(reversals_router(stores, desk, pushers, settings))
    router.include_router(gifts_router(stores, settings))
    router.include_router(platforms_router(stores.platforms, clock, chance))
    router.include_router(merchants_router(stores, settings))
    return router
