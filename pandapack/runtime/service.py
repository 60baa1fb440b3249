"""The composition that every service's `app.py` does: stores, relay, subscriptions, HTTP, health, in one event loop.

service = Service("procurement", settings, description=__doc__)
stores = open_stores(service)
service.publishes("procurement.events")
service.reacts_to("donations.events", route=Handlers(stores).route)
app = service.app(router(stores, service.clock))
"""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
import uvicorn
from aiokafka import ConsumerRebalanceListener
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from pandapack.runtime.acts import Acts, operations_kind
from pandapack.runtime.asyncapi import describe
from pandapack.runtime.auth import Keys, keys_router
from pandapack.runtime.broker import Broker
from pandapack.runtime.browser_policy import BrowserPolicy
from pandapack.runtime.chance import Chance, SystemChance
from pandapack.runtime.client_addresses import Proxies, TrueClients
from pandapack.runtime.clock import Clock
from pandapack.runtime.connection_limits import files_enough, limited_connections
from pandapack.runtime.data_form import check_form
from pandapack.runtime.docs_page import docs_router
from pandapack.runtime.gathering import DEFAULT_BATCHES, Batches
from pandapack.runtime.health import health_router
from pandapack.runtime.http import RequestMarks, install_problems
from pandapack.runtime.instances import EXPIRES, Instances
from pandapack.runtime.log_reader import LogReader
from pandapack.runtime.logs import InOwnWords, configure_logs, tell_crashes
from pandapack.runtime.mongo import Mongo, MongoRows
from pandapack.runtime.neighbours import NeighbourWatch
from pandapack.runtime.openapi import PROBLEMS
from pandapack.runtime.openapi_examples import describe_fully
from pandapack.runtime.partition_repairs import Consumer, Judged, PartitionRepairs
from pandapack.runtime.partitions import StopNotes
from pandapack.runtime.partitions_api import partitions_router
from pandapack.runtime.patience import patiently
from pandapack.runtime.problem_pages import problem_pages_router
from pandapack.runtime.progress import Progress, Watch, Written
from pandapack.runtime.reactions import HandleBatch, Record, Route, reacting
from pandapack.runtime.readiness import Readiness
from pandapack.runtime.relay import EventPublisher, Oldest, Relay
from pandapack.runtime.request_bounds import BodyBound, Bounds, RequestBounds, check_bounds
from pandapack.runtime.sender import Sender
from pandapack.runtime.sessions import ENDS, Sessions
from pandapack.runtime.set_aside import Passes, SetAside, believing
from pandapack.runtime.settings import EVENT_PARTITIONS, RuntimeSettings
from pandapack.runtime.signed_log import LOG_TOPIC, SignedLog
from pandapack.runtime.static_files import static_files_router
from pandapack.runtime.store import Kind, Store
from pandapack.runtime.strict import Strictness
from pandapack.runtime.subscriptions import Subscription
from pandapack.runtime.topics import ensure_topics
from pandapack.runtime.trust import Distrust, OwnKey, Trust

VERSION = "0.1.0"
DEAD_LETTERS_TOPIC = "dead-letters"
EVENTS_SUFFIX = ".events"
"""Records of these topics are signed."""
BY_PARTITION = ("topic", "partition", "offset")
DRAIN_WAIT_S = 10
BACKLOG_MAX = 4_096
"""Connections that wait to be accepted."""

S = TypeVar("S", bound=BaseModel)
log = structlog.get_logger(__name__)


class Background(Protocol):
    """Something of a service's own beside HTTP and Kafka, such as a `Loop`."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Service:
    """One service's process, composed."""

    def __init__(self, name: str, settings: RuntimeSettings, *, description: str) -> None:
        configure_logs(name)
        self.name, self.settings, self.description = name, settings, description
        self.clock: Clock = settings.clock()
        self.chance: Chance = SystemChance()
        self.mongo = Mongo(settings.mongo, settings.database(name))
        self.sender = Sender(settings.kafka)
        self.trust = Trust(settings.trust_file)
        self.event_key = OwnKey(name, settings.event_key, settings.event_key_file, self.trust, self.clock)
        self.set_aside = SetAside(self.mongo.rows("set_aside", indexes=[BY_PARTITION], expires="expires"), self.clock)
        self.stops = StopNotes(self.mongo.rows("partition_stops", indexes=["resumed", BY_PARTITION]), self.clock)
        self.repairs = PartitionRepairs(
            self.stops,
            self.set_aside,
            LogReader(settings.kafka),
            real=settings.topic,
            shown=settings.topic_shown,
            judge=self._judge,
            partitions=self._topics,
        )
        self.broker = Broker(settings.kafka, self.stops, client=f"panda-{name}")
        self.progress = Progress(settings.kafka, self.clock)
        self.keys = Keys(self.mongo.rows("keys"), self.clock, self.chance)
        rows = self.mongo.rows("instances", expires=EXPIRES)
        self.instances = Instances(rows, self.clock, self.chance, service=name, version=VERSION)
        self._notes = self.mongo.rows("data_form")
        self._stores: list[Store[Any]] = []
        self._relay: Relay | None = None
        self._signs = False
        self._publishes: str | None = None
        self._consumes: list[str] = []
        self._background: list[Background] = []
        self.acts = Acts(self.store(operations_kind(name)), self.clock, self.chance)
        self._readiness = Readiness(
            self.clock,
            store=self.mongo,
            broker=self.broker,
            progress=self.progress,
            sender=self.sender,
            set_aside=self.set_aside,
            instances=self.instances,
            outbox_age_s=lambda: self._relay.outbox_age_s if self._relay else None,
        )

    def store(self, kind: Kind[S], *, indexes: Sequence[str] = (), waiting: Sequence[str] = ()) -> Store[S]:
        """A store of documents of one kind. Their outboxes go to the topic of `publishes`. See `Mongo.documents`."""
        documents = self.mongo.documents(kind.collection, indexes=indexes, waiting=waiting)
        store = Store(kind, documents, clock=self.clock, chance=self.chance, on_outbox=self._notify)
        self._stores.append(store)
        return store

    def rows(
        self, name: str, *, indexes: Sequence[str | tuple[str, ...]] = (), expires: str | None = None
    ) -> MongoRows:
        """A collection of rows; see `Mongo.rows`."""
        return self.mongo.rows(name, indexes=indexes, expires=expires)

    def sessions(self) -> Sessions:
        """The sessions of people who log in on this service's pages."""
        rows, secure = self.rows("sessions", expires=ENDS), self.settings.pages_by_tls
        return Sessions(rows, self.keys, self.clock, self.chance, always_secure=secure)

    def publishes(self, topic: str) -> None:
        """The topic that the stores' events go to."""
        self._publishes = topic
        self._relay = Relay(self.event_publisher(topic), self.clock)
        self._signs = True

    def publishes_besides(self, oldest: Oldest) -> None:
        """Events that the stores' relay does not publish: what waits of them counts for the outbox's age."""
        assert self._relay is not None, "the topic is named first"
        self._relay.ages_with(oldest)

    def event_publisher(self, topic: str) -> EventPublisher:
        """What publishes events of this service, signed, to its topic."""
        return EventPublisher(self.sender, self.event_key, self.settings.topic(topic))

    def signed_log(self) -> SignedLog:
        """The topic behind the public log, whose records this service signs and reads."""
        self._signs = True
        topic = self.settings.topic(LOG_TOPIC)
        return SignedLog(self.sender, LogReader(self.settings.kafka), self.event_key, self.trust, topic)

    def believing(self, handle: HandleBatch) -> HandleBatch:
        """Hands on the records that are believed, of topics whose records are signed; the others are set aside."""
        return believing(self._distrust_of, self.set_aside, handle)

    def _distrust_of(self, record: Record) -> Distrust | None:
        judged = self._judge(record)
        return judged if isinstance(judged, Distrust) else None

    def _judge(self, record: Record) -> Judged:
        topic = self.settings.topic_shown(record.topic)
        if topic.endswith(EVENTS_SUFFIX):
            return self.trust.judge_event(record, topic.removesuffix(EVENTS_SUFFIX), EVENT_PARTITIONS)
        return self.trust.judge_dead_letter(record, "donations") if topic == DEAD_LETTERS_TOPIC else None

    def reacts_to(self, *topics: str, route: Route, group: str = "", batches: Batches = DEFAULT_BATCHES) -> None:
        """Events of these topics are routed to the documents that they change, all partitions together."""
        self.consumes(*topics, handle=reacting(route), group=group, batches=replace(batches, together=True))

    def consumes(
        self,
        *topics: str,
        handle: HandleBatch,
        group: str = "",
        listener: ConsumerRebalanceListener | None = None,
        batches: Batches = DEFAULT_BATCHES,
        stand_in: Callable[[Record], Record] | None = None,
        written: Written | None = None,
    ) -> Subscription:
        """Batches of these topics go to `handle`: of signed ones those that are believed.

        A service that consumes several topics at several paces names a `group` for each but one. `stand_in`: see
        `set_aside.Passes`. `written`: up to where a partition is written, where commits tell it later.
        """
        are_signed = all(topic.endswith(EVENTS_SUFFIX) or topic == DEAD_LETTERS_TOPIC for topic in topics)
        handle = self.believing(handle) if are_signed else handle
        passes = Passes(self.set_aside, stand_in)
        self._consumes.extend(topics)
        names = [self.settings.topic(topic) for topic in topics]
        self.repairs.consumers.append(Consumer(f"panda.{self.name}{'.' if group else ''}{group}", topics))
        member = self.group_of(self.name, group)
        for topic in names:
            self.progress.watch(Watch(member, topic, self._topics()[topic], written=written))
        return self.broker.subscribe(
            names, group=member, handle=handle, passes=passes, listener=listener, gathering=batches
        )

    def group_of(self, service: str, group: str = "") -> str:
        """The real name of a service's consumer group."""
        return self.settings.topic(f"panda.{service}{'.' if group else ''}{group}")

    def looks_at(self, service: str, *topics: str, group: str = "") -> None:
        """How far another process has come on these topics is known here, too, whether that one answers or not."""
        for name in map(self.settings.topic, topics):
            self.progress.watch(Watch(self.group_of(service, group), name, self._topics()[name], is_own=False))

    def asks(self, urls: Mapping[str, str]) -> NeighbourWatch:
        """Other services (name → URL) are asked whether they answer; `/readyz` tells of those that do not."""
        watch = NeighbourWatch(urls, self.clock)
        self._readiness.tells_of(watch)
        self.background(watch)
        return watch

    def tells_also(self, name: str, tell: Callable[[], dict[str, Any]]) -> None:
        """`/readyz` has what `tell` answers under a name, too; it makes nothing unready."""
        self._readiness.tells_also(name, tell)

    def background(self, task: Background) -> None:
        """Starts a task after the stores and stops it before them; in the order in which tasks are named."""
        self._background.append(task)

    def _notify(self, store: Store[Any], id: str) -> None:
        if self._relay is not None:
            self._relay.notify(store, id)

    def _topics(self) -> dict[str, int]:
        partitions = {"donations.pushed": self.settings.shards, DEAD_LETTERS_TOPIC: 1, LOG_TOPIC: 1}
        partitions |= {f"{p}.events": EVENT_PARTITIONS for p in ("donations", "procurement", "logistics", "reporting")}
        return {self.settings.topic(name): count for name, count in partitions.items()}

    async def _ready_stores(self) -> None:
        await check_form(self.mongo, self._notes)
        await self.mongo.prepare()
        await self.keys.import_file(self.settings.keys_file)
        await ensure_topics(self.settings.kafka, self._topics(), replication=self.settings.replication)
        await self.sender.start()

    @asynccontextmanager
    async def _running(self, app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            self.trust.load()
            if self._signs:
                self.event_key.load()
            stack.callback(self.mongo.close)
            stack.push_async_callback(self.sender.stop)
            await patiently(self._ready_stores)
            if self._relay is not None:
                for store in self._stores:
                    if store.kind.publishes:
                        self._relay.add(store)
                await self._relay.start()
                stack.push_async_callback(self._relay.stop)
            for task in self._background:
                await task.start()
                stack.push_async_callback(task.stop)
            if self._consumes:
                await self.broker.start()
                stack.push_async_callback(self.broker.stop)
            await self._readiness.start()
            stack.push_async_callback(self._readiness.stop)
            log.info("ready", host=self.settings.host, port=self.settings.port)
            yield
            log.info("draining")

    def app(
        self,
        *routers: APIRouter,
        streams: Sequence[str] = (),
        bodies: Mapping[str, BodyBound] | None = None,
        described: Path | None = None,
    ) -> FastAPI:
        """The ASGI application.

        `streams`: paths whose bodies are bounded by their endpoints; `bodies`: what other bodies may hold than the
        default, by "METHOD /path"; `described`: the file that completes its OpenAPI.
        """
        app = FastAPI(
            title=f"Panda Pack {self.name}",
            version=VERSION,
            description=self.description,
            lifespan=self._running,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
        )
        app.state.keys, app.state.acts = self.keys, self.acts
        install_problems(app)
        bounds = Bounds(frozenset(streams), bodies or {})
        app.add_middleware(RequestBounds, of=app, bounds=bounds)
        app.add_middleware(RequestMarks, chance=self.chance)
        app.add_middleware(BrowserPolicy)
        app.add_middleware(TrueClients, proxies=Proxies.named(self.settings.trusted_proxies))
        health = health_router(self.instances, readiness=self.readiness, asyncapi=self.asyncapi)
        strict = [Depends(Strictness(app, frozenset(streams)))]
        for router in (*routers, keys_router(), partitions_router(self.repairs), health):
            app.include_router(router, responses=PROBLEMS, dependencies=strict)
        docs = docs_router(app.title, is_demonstration=self.settings.demonstration)
        for pages in (docs, problem_pages_router(), static_files_router()):
            app.include_router(pages)
        check_bounds(app, bounds)
        describe_fully(app, *([described] if described else []))
        return app

    def asyncapi(self) -> dict[str, Any]:
        """What this service consumes and publishes, as AsyncAPI 3.0."""
        return describe(
            f"Panda Pack {self.name}",
            VERSION,
            self.description,
            consumes=self._consumes,
            publishes=self._publishes,
            servers={"kafka": self.settings.kafka},
        )

    async def readiness(self) -> dict[str, Any]:
        """See `Readiness.report`."""
        return self._readiness.report()


GARBAGE_THRESHOLDS = (2_000, 10)
WHOLE_LOOKS_APART = 10
"""Rows lie in arrays, so a look at everything is cheap; what requests leave behind holds their bodies: 100 MB and more
where it is looked for ten times more seldom."""


def serve(app: FastAPI, settings: RuntimeSettings, *, whole_looks_apart: int = WHOLE_LOOKS_APART) -> None:
    """Serves until SIGTERM or SIGINT, then drains: requests and the batch under way end, offsets are committed.

    `whole_looks_apart`: so many looks for garbage among what is young to one at everything, for which all else stands.
    """
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS, whole_looks_apart)
    files_enough()
    tell_crashes()
    logging.getLogger("uvicorn.error").addFilter(InOwnWords())
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=limited_connections(Proxies.named(settings.trusted_proxies)),
        proxy_headers=False,
        backlog=BACKLOG_MAX,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=DRAIN_WAIT_S,
        lifespan="on",
    )
