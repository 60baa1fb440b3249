"""Composition of the logistics service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fastapi import FastAPI

from pandapack.runtime.loops import every
from pandapack.runtime.request_bounds import BodyBound
from pandapack.runtime.service import Service, serve
from services.logistics import __doc__ as description
from services.logistics.api import router
from services.logistics.domain.times import Now
from services.logistics.handlers import Handlers
from services.logistics.settings import Settings
from services.logistics.store import open_stores
from services.logistics.work import PARKED_PAUSE_S, tell_parked

DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


BODIES = {
    f"POST /v1/consignments/{{round_id}}/{reports}": BodyBound(values_max=25_000)
    for reports in ("deliveries", "write-offs")
}
"""A report names each of a round's parcels, some 10,000, accepted or rejected, and may name them wrongly."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("logistics", settings, description=description or "")
    stores = open_stores(service)
    service.publishes("logistics.events")
    service.reacts_to("procurement.events", "logistics.events", route=Handlers(stores).route)
    service.background(every(PARKED_PAUSE_S, partial(tell_parked, stores), name="count-parked"))
    tolerance = settings.report_tolerance()
    return service.app(router(stores, lambda: Now(service.clock.now(), tolerance)), bodies=BODIES, described=DESCRIBED)


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
