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

from pandapack.decision import Refusal
from pandapack.runtime.clock import monotonic_s
from pandapack.runtime.gathering import Batches
from pandapack.runtime.lag import Lag
from pandapack.runtime.loops import every
from pandapack.runtime.neighbours import NeighbourWatch
from pandapack.runtime.patience import patiently
from pandapack.runtime.service import Service, serve
from pandapack.runtime.set_aside import PassedOver
from services.reporting import __doc__ as description
from services.reporting.api import Work, router
from services.reporting.api.chart_figures import TEND_PAUSE_S, ChartFigures
from services.reporting.api.login import login_router, where_first_keys_are
from services.reporting.api.ops_events import OpsNews
from services.reporting.api.ops_own_parts import OpsWork
from services.reporting.api.static import mount_static
from services.reporting.domain.hops import HOPS
from services.reporting.domain.iati.publisher import Publisher, publisher_of
from services.reporting.handlers import ARCHIVE_RECORDS_MAX, LEDGER_TOPIC, OWN_TOPIC, VIEW_TOPICS, Handlers
from services.reporting.settings import Settings
from services.reporting.store import Stores, open_stores
from services.reporting.store.public_log import LogContradicted
from services.reporting.store.pulses import EXPIRES, Pulses
from services.reporting.work import alerts
from services.reporting.work.alert_looks import AlertLooks
from services.reporting.work.alerts import Alerts
from services.reporting.work.audit_log import CHAIN_PAUSE_S, AuditLog
from services.reporting.work.business_lag import PUSHED_TOPIC, SAMPLE_PAUSE_S, BusinessLags
from services.reporting.work.charts import Charts
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.drawing.drawer import Drawer
from services.reporting.work.examples import LOOK_PAUSE_S, Examples
from services.reporting.work.forwarding import Forwarding
from services.reporting.work.history import History
from services.reporting.work.iati_files import IatiFiles
from services.reporting.work.journey_givers import JourneyGivers
from services.reporting.work.journey_indexing import INDEX_PAUSE_S, JourneyIndexing
from services.reporting.work.journey_walk import JourneyWalk
from services.reporting.work.journeys import Journeys
from services.reporting.work.log_keys import LogKeys
from services.reporting.work.log_owner import APPEND_PAUSE_S, LogOwner
from services.reporting.work.log_progress import LogWatch
from services.reporting.work.needs import NeedsBook
from services.reporting.work.neighbours import Neighbours
from services.reporting.work.pipeline import Pipeline
from services.reporting.work.projector import Projector
from services.reporting.work.pulse import BUSINESS_LAG, READ_PAUSE_S, Pulse
from services.reporting.work.readings import Readings
from services.reporting.work.receipts import Receipts
from services.reporting.work.snapshots import FOLLOW_PAUSE_S, Snapshots
from services.reporting.work.streams import Streams
from services.reporting.work.summaries import Summaries
from services.reporting.work.tracer import Tracer
from services.reporting.work.witnesses import POST_PAUSE_S, Posting, Witnessing

ARCHIVE = "archive"
"""The group that archives what the ledger tells."""
DESCRIBED = Path(__file__).with_name("openapi.json")
"""Completes the OpenAPI: summaries, schemas of answers, examples."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service, ready to serve."""
    settings = settings or Settings()
    service = Service("reporting", settings, description=description or "")
    service.publishes(OWN_TOPIC)
    stores, neighbours = open_stores(service), Neighbours(settings)
    if settings.consumes:
        _consume(service, Handlers(Projector(stores, _business_lags(service).shown), settings.namespace))
    else:
        _look_on(service)
    snapshots, way = Snapshots(stores.public_log, stores.snapshots), WayToTotals(service)
    readings = Readings(stores, snapshots, service.clock, way)
    watch = LogWatch(stores.public_log, stores.journal, stores.archive)
    pulse = _pulse(service, neighbours, readings)
    watched = service.asks(neighbours.urls)
    pipeline = Pipeline(readings, watched, service.readiness, watch, way.archive_lags, pulse)
    needs = _needs(service, neighbours, watched, readings, stores)
    tracer = _tracer(readings, neighbours, stores)
    streams, history = Streams(readings), History(snapshots, stores.public_log)
    keys = LogKeys(settings)
    service.background(keys)
    if settings.consumes:
        owner = _log_owner(service, stores, keys, settings)
        if settings.log_owner:
            service.background(every(APPEND_PAUSE_S, owner.append, name="public_log"))
        service.tells_also("public_log", owner.standing.report)
    audit_log = _audit_log(service, stores, settings)
    service.background(CaughtUp(snapshots))
    service.background(every(FOLLOW_PAUSE_S, snapshots.follow, name="snapshots"))
    checkpoints = Checkpoints(stores.public_log, stores.cosigned, keys, service.clock)
    if settings.consumes:
        _witness(service, stores, checkpoints, keys)
    service.background(neighbours)
    service.background(every(READ_PAUSE_S, pulse.read, name="pulse"))
    charts, figures = _charts(service, snapshots)
    service.background(StopSignals(streams.end))
    news, forwarding = _ops(service, pipeline, needs, neighbours)
    work = Work(
        stores=stores,
        readings=readings,
        history=history,
        pipeline=pipeline,
        alerts=_alerts(
            service, stores, AlertLooks(watched, service.readiness, readings, service.clock, needs.read), settings
        ),
        tracer=tracer,
        journeys=_journeys(service, stores, neighbours, tracer, settings),
        examples=_examples(service, Examples(readings, neighbours, tracer, stores.rounds, settings.example), settings),
        streams=streams,
        checkpoints=checkpoints,
        receipts=Receipts(neighbours, stores.public_log, checkpoints),
        snapshots=snapshots,
        audit_log=audit_log,
        charts=charts,
        chart_figures=figures,
        iati=IatiFiles(snapshots, service.clock, _publisher(settings)),
        summaries=Summaries(readings, snapshots, stores.public_log, service.clock),
        needs=needs,
        news=news,
        forwarding=forwarding,
        chance=service.chance,
        is_demonstration=settings.demonstration,
        service_urls=settings.service_urls,
    )
    return _served(service, work, neighbours, settings)


def _served(service: Service, work: Work, neighbours: Neighbours, settings: Settings) -> FastAPI:
    """The routes; parts of the operations page find what they work with in the application's state."""
    first_keys = where_first_keys_are(settings.keys_file)
    login = login_router(first_keys, is_demonstration=settings.demonstration)
    app = service.app(router(work), login, described=DESCRIBED)
    app.state.sessions, app.state.audit_log, app.state.neighbours = service.sessions(), work.audit_log, neighbours
    app.state.ops, app.state.alerts = OpsWork(work.pipeline, work.readings, work.needs), work.alerts
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


def _journeys(service: Service, stores: Stores, neighbours: Neighbours, tracer: Tracer, settings: Settings) -> Journeys:
    """What was journaled before there was an index is indexed by a process that takes in events."""
    if settings.consumes:
        indexing = JourneyIndexing(stores.journal, stores.archive, stores.journey_index)
        service.background(every(INDEX_PAUSE_S, indexing.run, name="journeys"))
    walk = JourneyWalk(stores.journal, stores.archive, stores.journey_index)
    return Journeys(walk, JourneyGivers(walk, neighbours, tracer), neighbours, service.clock)


def _look_on(service: Service) -> None:
    """Others consume: how far they have come is known here all the same."""
    service.looks_at("reporting", LEDGER_TOPIC, group=ARCHIVE)
    service.looks_at("reporting", LEDGER_TOPIC, *VIEW_TOPICS)


def _pulse(service: Service, neighbours: Neighbours, readings: Readings) -> Pulse:
    """Kafka is asked for every hop, and not the services: one of them may be what is held."""
    for hop in HOPS:
        if hop.consumer != service.name and hop.topic != PUSHED_TOPIC:
            service.looks_at(hop.consumer, hop.topic, group=hop.group)
    pulses, own = Pulses(service.rows("pulses", expires=EXPIRES)), service.instances
    seen = Pulse(service.progress, neighbours, lambda: own.all, readings, pulses, service.clock)
    seen.namespace = service.settings.namespace
    return seen


def _business_lags(service: Service) -> BusinessLags:
    """What this process consumes it measures, and tells the others in its row."""
    topic = service.settings.topic(PUSHED_TOPIC)
    lags = BusinessLags(service.progress.appended_at, topic, service.clock, service.chance)
    service.instances.tells(BUSINESS_LAG, lags.samples)
    service.background(every(SAMPLE_PAUSE_S, lags.measure, name="business-lag"))
    return lags


def _tracer(readings: Readings, neighbours: Neighbours, stores: Stores) -> Tracer:
    """What follows a donation through ledger, fund and rounds."""
    return Tracer(
        readings,
        neighbours,
        money=stores.money,
        funded_intervals=stores.funded_intervals,
        rounds=stores.rounds,
    )


def _examples(service: Service, examples: Examples, settings: Settings) -> Examples:
    """A donation to click is looked for where whose it is may be shown to everybody."""
    if settings.demonstration or settings.example:
        service.background(every(LOOK_PAUSE_S, examples.look, name="examples"))
    return examples


def _audit_log(service: Service, stores: Stores, settings: Settings) -> AuditLog:
    """Any process reads it; whoever consumes chains it."""
    audit_log = AuditLog(stores, service.clock, name=service.chance.token())
    if settings.consumes:
        service.background(every(CHAIN_PAUSE_S, audit_log.append, name="audit-log"))
    return audit_log


def _ops(service: Service, pipeline: Pipeline, needs: NeedsBook, neighbours: Neighbours) -> tuple[OpsNews, Forwarding]:
    """What makes the operations page live, and what takes its acts to the services that own them."""
    news, forwarding = OpsNews(pipeline, needs), Forwarding(neighbours.urls)
    service.background(forwarding)
    service.background(StopSignals(news.end))
    return news, forwarding


def _needs(
    service: Service, neighbours: Neighbours, watched: NeighbourWatch, readings: Readings, stores: Stores
) -> NeedsBook:
    """What waits for a person, in any service."""
    return NeedsBook(
        neighbours,
        watched,
        own=service.readiness,
        standing=service.repairs.standing,
        readings=readings,
        journal=stores.journal,
        clock=service.clock,
    )


def _charts(service: Service, snapshots: Snapshots) -> tuple[Charts, ChartFigures]:
    """Charts are drawn behind the newest snapshot, in a process that ends with this one."""
    drawer = Drawer()
    charts = Charts(snapshots, drawer)
    figures = ChartFigures(charts)
    service.background(drawer)
    service.background(every(TEND_PAUSE_S, figures.tend, name="charts"))
    return charts, figures


def _publisher(settings: Settings) -> Publisher | Refusal:
    """Who reports the aid record, or why nobody does."""
    names = (settings.iati_org_name_zh, settings.iati_org_name_en)
    return publisher_of(settings.iati_org, *names, settings.iati_org_type, is_demonstration=settings.demonstration)


def _witness(service: Service, stores: Stores, checkpoints: Checkpoints, keys: LogKeys) -> None:
    """The log's checkpoints are cosigned where there are witnesses, in a loop of its own."""
    posting = Posting()
    service.background(posting)
    witnessing = Witnessing(
        stores.public_log, stores.cosigned, checkpoints, keys, service.clock, posting, name=service.chance.token()
    )
    service.background(every(POST_PAUSE_S, witnessing.post, name="witnesses"))


def _alerts(service: Service, stores: Stores, looks: AlertLooks, settings: Settings) -> Alerts:
    """A process that takes in events may own the book of alerts; the others show what it finds."""
    found = Alerts(
        stores.alerts,
        stores.alert_orders,
        looks.look,
        service.clock,
        name=service.chance.token(),
        may_own=settings.consumes,
    )
    service.background(every(alerts.LOOK_PAUSE_S, found.evaluate, name="alerts"))
    return found


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
