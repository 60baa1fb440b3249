"""Composition of the logistics service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from pandapack.runtime.service import Service, serve
from services.logistics import __doc__ as description
from services.logistics.api import router
from services.logistics.domain.times import Now
from services.logistics.handlers import Handlers
from services.logistics.settings import Settings
from services.logistics.store import open_stores

DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("logistics", settings, description=description or "")
    stores = open_stores(service)
    service.publishes("logistics.events")
    service.reacts_to("procurement.events", "logistics.events", route=Handlers(stores).route)
    tolerance = settings.report_tolerance()
    return service.app(router(stores, lambda: Now(service.clock.now(), tolerance)), described=DESCRIBED)


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
