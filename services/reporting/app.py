"""Composition of the reporting service: one ASGI app, the broker in its lifespan."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from fastapi import FastAPI

from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.gathering import Batches
from pandapack.runtime.lag import Lag
from pandapack.runtime.loops import every
from pandapack.runtime.patience import patiently
from pandapack.runtime.service import Service, serve
from pandapack.runtime.set_aside import PassedOver
from services.reporting import __doc__ as description
from services.reporting.api import Work, router
from services.reporting.api.login import login_router, where_first_keys_are
from services.reporting.api.static import mount_static
from services.reporting.handlers import ARCHIVE_RECORDS_MAX, LEDGER_TOPIC, VIEW_TOPICS, Handlers
from services.reporting.settings import Settings
from services.reporting.store import Stores, open_stores
from services.reporting.store.public_log import LogContradicted
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.history import History
from services.reporting.work.log_keys import LogKeys
from services.reporting.work.log_owner import APPEND_PAUSE_S, LogOwner
from services.reporting.work.log_progress import LogWatch
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.projector import Projector
from services.reporting.work.readings import Readings
from services.reporting.work.receipts import Receipts
from services.reporting.work.snapshots import FOLLOW_PAUSE_S, Snapshots
from services.reporting.work.streams import Streams
from services.reporting.work.tracer import Tracer
from services.reporting.work.witnesses import POST_PAUSE_S, Posting, Witnessing

PUSHED_TOPIC = "donations.pushed"
ARCHIVE = "archive"
"""The group that archives what the ledger tells."""
DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("reporting", settings, description=description or "")
    stores, neighbours = open_stores(service), Neighbours(settings)
    if settings.consumes:
        _consume(service, Handlers(Projector(stores), settings.namespace))
    else:
        _look_on(service)
    snapshots, way = Snapshots(stores.public_log, stores.snapshots), WayToTotals(service)
    readings = Readings(stores, snapshots, service.clock, way)
    watch = LogWatch(stores.public_log, stores.journal, stores.archive)
    pipeline = Pipeline(readings, service.asks(neighbours.urls), service.readiness, watch, way.archive_lags)
    tracer = Tracer(
        readings,
        neighbours,
        money=stores.money,
        funded_intervals=stores.funded_intervals,
        rounds=stores.rounds,
    )
    streams, history = Streams(readings), History(snapshots, stores.public_log)
    keys = LogKeys(settings)
    service.background(keys)
    if settings.consumes:
        owner = _log_owner(service, stores, keys, settings)
        if settings.log_owner:
            service.background(every(APPEND_PAUSE_S, owner.append, name="public_log"))
        service.tells_also("public_log", owner.standing.report)
    service.background(CaughtUp(snapshots))
    service.background(every(FOLLOW_PAUSE_S, snapshots.follow, name="snapshots"))
    checkpoints = Checkpoints(stores.public_log, stores.cosigned, keys, service.clock)
    if settings.consumes:
        _witness(service, stores, checkpoints, keys)
    service.background(neighbours)
    service.background(StopSignals(streams.end))
    login = login_router(where_first_keys_are(settings.keys_file))
    work = Work(
        stores=stores,
        readings=readings,
        history=history,
        pipeline=pipeline,
        tracer=tracer,
        streams=streams,
        checkpoints=checkpoints,
        receipts=Receipts(neighbours, stores.public_log, checkpoints),
        snapshots=snapshots,
        is_demonstration=settings.demonstration,
    )
    app = service.app(router(work), login, described=DESCRIBED)
    app.state.sessions = service.sessions()
    mount_static(app)
    return app


def _consume(service: Service, handlers: Handlers) -> None:
    """The archive is a group of its own, and not on the way of a gift to the totals."""
    service.consumes(
        LEDGER_TOPIC,
        handle=handlers.archive,
        group=ARCHIVE,
        batches=Batches(records_max=ARCHIVE_RECORDS_MAX),
        stand_in=PassedOver.of,
    )
    service.consumes(LEDGER_TOPIC, *VIEW_TOPICS, handle=handlers.handle, stand_in=PassedOver.of)


def _look_on(service: Service) -> None:
    """Others consume: how far they have come is known here all the same."""
    service.looks_at("reporting", LEDGER_TOPIC, group=ARCHIVE)
    service.looks_at("reporting", LEDGER_TOPIC, *VIEW_TOPICS)


def _witness(service: Service, stores: Stores, checkpoints: Checkpoints, keys: LogKeys) -> None:
    """The log's checkpoints are cosigned where there are witnesses, in a loop of its own."""
    posting = Posting()
    service.background(posting)
    witnessing = Witnessing(
        stores.public_log, stores.cosigned, checkpoints, keys, service.clock, posting, name=service.chance.token()
    )
    service.background(every(POST_PAUSE_S, witnessing.post, name="witnesses"))


def _log_owner(service: Service, stores: Stores, keys: LogKeys, settings: Settings) -> LogOwner:
    return LogOwner(
        stores.journal,
        stores.archive,
        stores.public_log,
        service.signed_log(),
        lambda: keys.veil,
        service.clock,
        name=service.chance.token(),
        quiet_s=settings.log_quiet_s,
    )


class WayToTotals:
    """All that lies between a push and the totals: the ledger's own topic, and what the views are made of.

    Kafka is asked how far the ledger has come, and not the ledger: it may be what is held.
    """

    def __init__(self, service: Service) -> None:
        self._progress = service.progress
        self._groups = {service.group_of("donations"), service.group_of("reporting")}
        self._archive = service.group_of("reporting", ARCHIVE)
        service.looks_at("donations", PUSHED_TOPIC)

    @property
    def looked_at(self) -> datetime | None:
        """When Kafka was last asked."""
        return self._progress.looked_at

    @property
    def lags(self) -> list[Lag]:
        """Of each partition on the way."""
        return [lag for lag in self._progress.lags if lag.consumed.group in self._groups]

    def archive_lags(self) -> list[Lag]:
        """Of each partition of the ledger's topic on its way to the archive, and so to the public log."""
        return [lag for lag in self._progress.lags if lag.consumed.group == self._archive]


CATCH_UP_S_MAX = 20.0
"""From the last boundary it takes far less. What takes longer, a log
that is folded from its beginning, goes on behind pages that name the size that they are of."""


class CaughtUp:
    """Before a process answers anything its snapshot is the log's: no figure is less than others have shown before."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots

    async def start(self) -> None:
        """Folds what there is, for `CATCH_UP_S_MAX`, and waits for MongoDB where it does not answer."""
        await patiently(self._catch_up)

    async def _catch_up(self) -> None:
        with contextlib.suppress(LogContradicted):  # the loop tells of it, again and again; the rest of us is well
            until_s = monotonic_s() + CATCH_UP_S_MAX
            while await self._snapshots.follow() and monotonic_s() < until_s:
                pass

    async def stop(self) -> None:
        """Nothing goes on."""


class StopSignals:
    """Acts before the server's own answer to SIGTERM and SIGINT, which waits until every request has ended."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    async def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # an application inside a test's thread gets no signals
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)

            def on_signal(received: int, frame: FrameType | None, before: Any = before) -> None:
                loop.call_soon_threadsafe(self._act)
                if callable(before):
                    before(received, frame)

            signal.signal(number, on_signal)

    async def stop(self) -> None:
        """The process ends: there is nothing to put back."""


WHOLE_LOOKS_APART = 1_000
"""A thousand open pages are a hundred thousand objects, which take a tenth of a second to look at. Next to nothing is
found there: bodies come as events, and what they leave behind is found young."""


def main() -> None:
    """Serves until it is stopped."""
    settings = Settings()
    serve(create_app(settings), settings, whole_looks_apart=WHOLE_LOOKS_APART)


if __name__ == "__main__":
    main()
