"""The composition that every service's `app.py` does: stores, relay, hearing, HTTP, health, in one event loop.

service = Service("procurement", settings, description=__doc__)
stores = open_stores(service)
service.says("procurement.events")
service.hears("donations.events", route=Handlers(stores).route)
app = service.app(router(stores, service.clock))
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import prometheus_client
import structlog
import uvicorn
from aiokafka import ConsumerRebalanceListener
from fastapi import APIRouter, FastAPI, Response
from pydantic import BaseModel

from pandapack.runtime.asyncapi import describe
from pandapack.runtime.auth import Keys, keys_router, login_router
from pandapack.runtime.broker import DEFAULT_BATCHES, Batches, Broker, Subscription, ensure_topics
from pandapack.runtime.chance import Chance, SystemChance
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.documents import AnswerLost
from pandapack.runtime.door import Door, files_enough
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.hearing import Route, TakeBatch, routed
from pandapack.runtime.http import RequestMarks, install_problems
from pandapack.runtime.mongo import Mongo, Rows
from pandapack.runtime.openapi import PROBLEMS
from pandapack.runtime.relay import Relay
from pandapack.runtime.sender import Sender
from pandapack.runtime.settings import EVENT_PARTITIONS, RuntimeSettings
from pandapack.runtime.store import Kind, Store
from pandapack.runtime.telemetry import configure_logs

VERSION = "0.1.0"
START_WAIT_S_MAX = 60.0
START_PAUSE_S_FIRST = 0.2
START_PAUSE_S_MAX = 3.0
POLL_AGE_S_MAX = 20.0
"""A process whose polls Kafka has not answered for so long is not ready."""
DRAIN_WAIT_S = 10
BACKLOG_MAX = 4_096
"""Connections that wait to be accepted."""
PING_WAIT_S = 3.0

S = TypeVar("S", bound=BaseModel)
log = structlog.get_logger(__name__)
Starter = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Background:
    """Something that runs beside: started after the stores, stopped before them."""

    start: Starter
    stop: Starter


class Service:
    """One service's process, composed."""

    def __init__(self, name: str, settings: RuntimeSettings, *, description: str) -> None:
        configure_logs(name)
        self.name, self.settings, self.description = name, settings, description
        self.clock: Clock = settings.clock()
        self.chance: Chance = SystemChance()
        self.mongo = Mongo(settings.mongo, settings.database(name))
        self.sender = Sender(settings.kafka)
        self.broker = Broker(settings.kafka, client=f"panda-{name}")
        self.keys = Keys(self.mongo.rows("keys"), self.clock, self.chance, settings.page_secret)
        self._stores: list[Store[Any]] = []
        self._relay: Relay | None = None
        self._says: str | None = None
        self._hears: list[str] = []
        self._background: list[Background] = []

    def store(self, kind: Kind[S], *, indexes: Sequence[str] = ()) -> Store[S]:
        """A store of documents of one kind. What its documents decide to say goes to the topic of `says`."""
        documents = self.mongo.documents(kind.collection, indexes=indexes)
        store = Store(kind, documents, clock=self.clock, chance=self.chance, on_saying=self._notify)
        self._stores.append(store)
        return store

    def rows(self, name: str, *, indexes: Sequence[str | tuple[str, ...]] = (), expires: str | None = None) -> Rows:
        """A collection of rows that are written once; see `Mongo.rows`."""
        return self.mongo.rows(name, indexes=indexes, expires=expires)

    def says(self, topic: str) -> None:
        """The topic that the stores' events go to."""
        self._says = topic
        self._relay = Relay(self.sender, self.settings.topic(topic))

    def hears(self, *topics: str, route: Route, group: str = "", batches: Batches = DEFAULT_BATCHES) -> None:
        """Events of these topics are routed to the documents that hear them, from all partitions together."""
        self.hears_batches(*topics, take=routed(route), group=group, batches=replace(batches, together=True))

    def hears_batches(
        self,
        *topics: str,
        take: TakeBatch,
        group: str = "",
        listener: ConsumerRebalanceListener | None = None,
        batches: Batches = DEFAULT_BATCHES,
    ) -> Subscription:
        """Batches of these topics go to `take`.

        A service that hears several topics at several paces names a `group` for each but one.
        """
        self._hears.extend(topics)
        names = [self.settings.topic(topic) for topic in topics]
        member = self.settings.topic(f"panda.{self.name}{'.' if group else ''}{group}")
        return self.broker.hears(names, group=member, take=take, listener=listener, batches=batches)

    def beside(self, start: Starter, stop: Starter) -> None:
        """Runs something of the service's own beside HTTP and hearing."""
        self._background.append(Background(start, stop))

    def _notify(self, store: Store[Any], id: str) -> None:
        if self._relay is not None:
            self._relay.notify(store, id)

    def _topics(self) -> dict[str, int]:
        partitions = {"donations.pushed": self.settings.lines, "dead-letters": 1}
        partitions |= {f"{p}.events": EVENT_PARTITIONS for p in ("donations", "procurement", "logistics")}
        return {self.settings.topic(name): count for name, count in partitions.items()}

    async def _ready_stores(self) -> None:
        await self.mongo.prepare()
        await self.keys.take_in(self.settings.keys_file)
        await ensure_topics(self.settings.kafka, self._topics(), replication=self.settings.replication)
        await self.sender.start()

    @asynccontextmanager
    async def _running(self, app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(self.mongo.close)
            stack.push_async_callback(self.sender.stop)
            await _patiently(self._ready_stores)
            if self._relay is not None:
                for store in self._stores:
                    self._relay.add(store)
                self._relay.start()
                stack.push_async_callback(self._relay.stop)
            for beside in self._background:
                await beside.start()
                stack.push_async_callback(beside.stop)
            if self._hears:
                await self.broker.start()
                stack.push_async_callback(self.broker.stop)
            log.info("ready", host=self.settings.host, port=self.settings.port)
            yield
            log.info("draining")

    def app(self, *routers: APIRouter, streams: Sequence[str] = ()) -> FastAPI:
        """The ASGI application. `streams`: paths whose bodies are bounded by their endpoints."""
        app = FastAPI(
            title=f"Panda Pack {self.name}",
            version=VERSION,
            description=self.description,
            lifespan=self._running,
            docs_url=None,
            redoc_url=None,
        )
        app.state.keys = self.keys
        install_problems(app)
        app.add_middleware(RequestMarks, chance=self.chance, streams=frozenset(streams))
        for router in (*routers, keys_router(), login_router(), self._health_router()):
            app.include_router(router, responses=PROBLEMS)
        return app

    def asyncapi(self) -> dict[str, Any]:
        """What this service hears and says, as AsyncAPI 3.0."""
        return describe(
            f"Panda Pack {self.name}",
            VERSION,
            self.description,
            hears=self._hears,
            says=self._says,
            servers={"kafka": self.settings.kafka},
        )

    def _health_router(self) -> APIRouter:
        router = APIRouter(tags=["health"])

        @router.get("/healthz")
        async def healthz() -> dict[str, str]:
            """The process is alive."""
            return {"status": "alive", "service": self.name, "version": VERSION}

        @router.get("/readyz")
        async def readyz(response: Response) -> dict[str, Any]:
            """Able to work: the store answers, Kafka is polled, no partition is stopped. 503 otherwise."""
            report = await self.readiness()
            response.status_code = 200 if report["ready"] else 503
            return report

        @router.get("/metrics", include_in_schema=False)
        async def metrics() -> Response:
            return Response(prometheus_client.generate_latest(), media_type=prometheus_client.CONTENT_TYPE_LATEST)

        @router.get("/asyncapi.json", include_in_schema=False)
        async def asyncapi() -> dict[str, Any]:
            return self.asyncapi()

        return router

    async def readiness(self) -> dict[str, Any]:
        """Last poll, lag, stopped partitions, store, outbox: each with what is known; unknown is null, not zero."""
        store = "ok"
        try:
            await asyncio.wait_for(self.mongo.ping(), PING_WAIT_S)
        except (Unavailable, TimeoutError) as error:
            store = str(error) or "MongoDB does not answer"
        stopped = [
            {"topic": p.topic, "partition": p.partition, "reason": why.reason, "attempts": why.attempts}
            for subscription in self.broker.subscriptions
            for p, why in subscription.stopped.items()
        ]
        poll_age_s = self.broker.poll_age_s(self.clock.wall())
        is_polling = poll_age_s is None or poll_age_s <= POLL_AGE_S_MAX
        lag = [{"topic": t, "partition": p, "records": n} for (t, p), n in sorted(self.broker.lag().items())]
        return {
            "ready": store == "ok" and not stopped and is_polling,
            "service": self.name,
            "store": store,
            "stopped": stopped,
            "poll_age_s": None if poll_age_s is None else round(poll_age_s, 3),
            "lag": lag,
            "outbox_age_s": round(self._relay.outbox_age_s, 3) if self._relay else None,
            "producer_renewals": self.sender.renewals,
        }


async def _patiently(start: Starter) -> None:
    """Stores may come up after us: tries for `START_WAIT_S_MAX`, with a growing pause."""
    began_s, pause_s = monotonic_s(), START_PAUSE_S_FIRST
    while True:
        try:
            await start()
            return
        except (Unavailable, AnswerLost) as error:
            if monotonic_s() - began_s > START_WAIT_S_MAX:
                raise
            log.warning("waiting_for_stores", error=str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(START_PAUSE_S_MAX, pause_s * 2)


GARBAGE_THRESHOLDS = (2_000, 10, 10)
"""Rows lie in arrays, so a look at everything is cheap; what requests leave behind holds their bodies: 100 MB and more
where it is looked for ten times more seldom."""


def serve(app: FastAPI, settings: RuntimeSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains: open requests end, the batch in hand ends, offsets are committed."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    files_enough()
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=Door,
        backlog=BACKLOG_MAX,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=DRAIN_WAIT_S,
        lifespan="on",
    )
