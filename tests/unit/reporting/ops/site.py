"""The operations page before made services, with sessions, keys and bounds as they are; no Kafka, no MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
from fastapi import FastAPI

from pandapack.contracts.public_log.fold.books import Books
from pandapack.runtime.auth import Keys, NewKey, Role
from pandapack.runtime.browser_policy import BrowserPolicy
from pandapack.runtime.chance import SystemChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.neighbours import Neighbour
from pandapack.runtime.partitions_api import partitions_router
from pandapack.runtime.request_bounds import Bounds, RequestBounds
from pandapack.runtime.sessions import Sessions
from services.reporting.api.login import login_router
from services.reporting.api.ops import needs_router, ops_router
from services.reporting.api.ops_events import OpsNews, events_router
from services.reporting.api.ops_forward import forward_router
from services.reporting.api.ops_own_parts import OpsWork
from services.reporting.domain.needs.matters import Matter, Needs, needs_of
from services.reporting.domain.needs.stops import stopped_partitions
from services.reporting.domain.pipeline import Freshness
from services.reporting.work.forwarding import Forwarding
from services.reporting.work.log_progress import LogProgress
from services.reporting.work.pipeline import PipelineState
from services.reporting.work.readings import Reading
from tests.acts import acts_in_memory

NOW = datetime(2021, 11, 11, 12, tzinfo=UTC)
TOPIC, OFFSET = "donations.pushed", 41
STOP = {
    "group": "panda.donations",
    "topic": TOPIC,
    "partition": 2,
    "offset": OFFSET,
    "attempts": 7,
    "since": "2021-11-11T11:00:00+00:00",
    "reason": "UnreadableEvent: <b>no JSON</b>",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "http://here"}


class MadeRepairs:
    """What an operator did about a partition, as donations was asked for it."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, Any]] = []

    async def retry(self, topic: str, partition: int, note: Any) -> dict[str, Any]:
        self.done.append(("retry", f"{topic}/{partition}", None))
        return {"topic": topic, "partition": partition, "groups": ["panda.donations"]}

    async def pass_over(self, topic: str, partition: int, offset: int, passing: Any, note: Any) -> Any:
        is_dry_run = note is None
        self.done.append(("tried" if is_dry_run else "passed_over", f"{topic}/{partition}/{offset}", passing))
        return {"dry_run": is_dry_run, "breaks": "money", "because": "a genuine event", "by": passing.by}


class MadeReadings:
    """An empty log."""

    async def now(self) -> Any:
        snapshot = cast(Any, SimpleNamespace(size=0, at="", books=Books(), rounds=no_rounds))
        return Reading(snapshot, freshness=Freshness(NOW, 0.0, 0))


async def no_rounds(*_: Any, **__: Any) -> list[Any]:
    return []


class MadePipeline:
    """All services answer, but for logistics."""

    def __init__(self) -> None:
        self.behind_s, self.complete_to = 0.0, NOW

    async def read(self) -> PipelineState:
        ready = {"ready": True, "store": "ok", "lag": [], "outbox_age_s": 0.0, "producer_renewals": 0}
        services = [Neighbour(name, ready) for name in ("donations", "procurement")]
        services += [Neighbour("logistics", None, NOW), Neighbour("reporting", ready)]
        log = LogProgress(size=0, waiting_partitions=0, unread_records=0)
        fresh, stamp = Freshness(self.complete_to, self.behind_s, 0), {"size": 0, "at": None, "ahead": None}
        return PipelineState(services, fresh, [], log, stamp)

    async def history(self, minutes: int) -> list[Any]:
        return []


class MadeNeeds:
    """What a test says."""

    def __init__(self, matters: Sequence[Matter]) -> None:
        self.told = needs_of(matters, ["logistics"])

    async def read(self) -> Needs:
        return self.told


class Site:
    """Reporting's pages, and donations behind them with keys of its own that are the same."""

    def __init__(self) -> None:
        clock, chance, kept = FixedClock(NOW), SystemChance(), MemoryRows("keys")
        self.clock, self.keys, self.sessions = clock, Keys(kept, clock, chance), MemoryRows("sessions")
        self.repairs, self.pipeline = MadeRepairs(), MadePipeline()
        self.needs = MadeNeeds(stopped_partitions("donations", [STOP]))
        self.donations = self._app(Keys(kept, clock, chance))
        self.donations.include_router(partitions_router(cast(Any, self.repairs)))
        transport = httpx.ASGITransport(self.donations)
        self.forwarding = Forwarding({"donations": "http://donations", "procurement": "http://gone"}, transport)
        self.app = self._app(self.keys)
        self.news = OpsNews(cast(Any, self.pipeline), cast(Any, self.needs))
        self.app.state.sessions = Sessions(self.sessions, self.keys, clock, chance)
        self.app.state.ops = OpsWork(cast(Any, self.pipeline), cast(Any, MadeReadings()), cast(Any, self.needs))
        for router in (
            login_router(""),
            ops_router(chance, is_demonstration=False),
            forward_router(self.forwarding, chance),
        ):
            self.app.include_router(router)
        self.app.include_router(needs_router(cast(Any, self.needs)), prefix="/v1")
        self.app.include_router(events_router(self.news), prefix="/v1")

    @staticmethod
    def _app(keys: Keys) -> FastAPI:
        app = FastAPI()
        app.state.keys, app.state.acts = keys, acts_in_memory("reporting", FixedClock(NOW))
        install_problems(app)
        app.add_middleware(RequestBounds, of=app, bounds=Bounds())
        app.add_middleware(BrowserPolicy)
        return app

    async def key(self, role: Role) -> str:
        return await self.keys.add(NewKey(role=role, name=f"the {role}"))

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, client=("10.0.0.9", 1))
        return httpx.AsyncClient(transport=transport, base_url="http://here", headers=FORM)

    async def log_in(self, browser: httpx.AsyncClient, role: Role = Role.OPERATOR) -> httpx.Response:
        return await browser.post("/login", content=f"key={await self.key(role)}")
