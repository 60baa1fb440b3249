"""Composition of the reporting service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from fastapi import FastAPI

from pandapack.runtime.broker import Batches
from pandapack.runtime.service import Service, serve
from pandapack.runtime.settings import EVENT_PARTITIONS
from services.reporting import __doc__ as description
from services.reporting.api import router
from services.reporting.api.neighbours import Neighbours
from services.reporting.api.policy import Policy, mount_static
from services.reporting.api.readings import Readings
from services.reporting.api.totals import Streams
from services.reporting.handlers import ARCHIVE_RECORDS_MAX, LINES_TOPIC, Hearer
from services.reporting.settings import Settings
from services.reporting.store import open_stores

VIEW_TOPICS = ("procurement.events", "logistics.events")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("reporting", settings, description=description or "")
    stores, neighbours = open_stores(service), Neighbours(settings)
    _hear(service, Hearer(stores, settings.namespace))

    def lags() -> dict[tuple[str, int], int | None]:
        """Of every partition that there is; those which another process has are unknown here."""
        here = service.broker.lag()
        places = [(topic, partition) for topic in (LINES_TOPIC, *VIEW_TOPICS) for partition in range(EVENT_PARTITIONS)]
        return {(topic, partition): here.get((settings.topic(topic), partition)) for topic, partition in places}

    readings = Readings(stores, service.clock, lags)
    streams = Streams(readings)

    async def start() -> None:
        await neighbours.start()
        _when_told_to_stop(streams.end)

    service.beside(start, neighbours.stop)
    app = service.app(router(readings, neighbours, streams, service.readiness))
    app.add_middleware(Policy)
    mount_static(app)
    return app


def _hear(service: Service, hearer: Hearer) -> None:
    """The archive is a group of its own, first: of two that hear one topic, the last one's lag is the one shown."""
    service.hears_batches(
        LINES_TOPIC, take=hearer.take_archive, group="archive", batches=Batches(records_max=ARCHIVE_RECORDS_MAX)
    )
    service.hears_batches(LINES_TOPIC, *VIEW_TOPICS, take=hearer.take)


def _when_told_to_stop(act: Callable[[], None]) -> None:
    """Before the server's own answer to SIGTERM and SIGINT, which waits until every request has ended."""
    if threading.current_thread() is not threading.main_thread():
        return  # an application inside a test's thread is not told by signals
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def told(received: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(act)
            if callable(before):
                before(received, frame)

        signal.signal(number, told)


def main() -> None:
    """Serves until it is told to stop."""
    settings = Settings()
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
