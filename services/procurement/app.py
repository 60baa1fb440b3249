"""Composition of the procurement service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

from fastapi import FastAPI

from pandapack.runtime.broker import Batches
from pandapack.runtime.service import Service, serve
from services.procurement import __doc__ as description
from services.procurement.api import router
from services.procurement.handlers import Handlers
from services.procurement.settings import Settings
from services.procurement.store import open_stores

LINES = Batches(pace_ms=200)
"""A fund hears its lines five times a second: one write for all that they recorded meanwhile."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("procurement", settings, description=description or "")
    stores = open_stores(service)
    service.says("procurement.events")
    route = Handlers(stores).route
    service.hears("donations.events", route=route, group="lines", batches=LINES)
    service.hears("procurement.events", "logistics.events", route=route)
    return service.app(router(stores, service.clock))


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
