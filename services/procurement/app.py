"""Composition of the procurement service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from pandapack.runtime.gathering import Batches
from pandapack.runtime.request_bounds import BodyBound
from pandapack.runtime.service import Service, serve
from services.procurement import __doc__ as description
from services.procurement.api import router
from services.procurement.handlers import Handlers
from services.procurement.settings import Settings
from services.procurement.store import open_stores

FUND_BATCHES = Batches(pace_ms=200)
"""A fund applies what its shards recorded five times a second: one write for all of it."""


DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


BODIES = {
    "POST /v1/needs": BodyBound(512 * 1024),
    "PUT /v1/programmes/{programme}": BodyBound(1024 * 1024, 30_000),
}
"""A need names five hundred schools, each with four fields and a district of a hundred characters, perhaps escaped; a
programme has 500 items, 100 suppliers with their offers and 1,000 rates."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("procurement", settings, description=description or "")
    stores = open_stores(service)
    service.publishes("procurement.events")
    route = Handlers(stores, service.clock).route
    service.reacts_to("donations.events", route=route, group="shards", batches=FUND_BATCHES)
    service.reacts_to("procurement.events", "logistics.events", route=route)
    return service.app(router(stores, service.clock), bodies=BODIES, described=DESCRIBED)


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
