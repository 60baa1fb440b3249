"""The logistics service's HTTP in memory, with one packed round and whoever takes part in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from pandapack.contracts.envelope import Envelope, Event, decode, envelop
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments
from pandapack.runtime.http import install_problems
from pandapack.runtime.reactions import apply
from pandapack.runtime.store import Kind, Store
from services.logistics.api import router
from services.logistics.domain.times import Now
from services.logistics.handlers import Handlers
from services.logistics.store import CONSIGNMENTS, PARTIES, REACHED, SHIPMENTS, SURVEYS, Stores
from tests.acts import acts_in_memory
from tests.service.procurement.world import RoleKeys
from tests.unit.logistics.reports_of import (
    BROKER,
    FORWARDER,
    INSURER,
    PARCELS,
    ROUND,
    SCHOOLS,
    SHIPMENT,
    WAREHOUSE,
    packed,
)

AT = "2021-05-01T08:00:00Z"
SEA, ROAD = "demo-ocean-line", "demo-overland"
OTHER_CARRIER = "demo-rail-cargo"
EVALUATOR, OTHER_EVALUATOR = "demo-evaluator", "another-evaluator"
PARTNER, OTHER_PARTNER = "kh-demo-partner", "np-demo-partner"
LEGS = [
    {"mode": "sea", "carrier": SEA, "document": "BL-1", "origin": "CNSHA", "destination": "KHKOS"},
    {"mode": "road", "carrier": ROAD, "document": "CMR-2", "origin": "KHKOS", "destination": "KHPNH"},
]
BOOKING = {"shipment": SHIPMENT, "round": ROUND, "legs": LEGS}
PARTIES_HERE: Sequence[tuple[str, str, list[str]]] = (
    (FORWARDER, "supplier", []),
    (INSURER, "supplier", []),
    (BROKER, "supplier", []),
    (WAREHOUSE, "warehouse", []),
    *((carrier, "carrier", []) for carrier in (SEA, ROAD, OTHER_CARRIER)),
    (PARTNER, "field-partner", [share.school for share in SCHOOLS]),
    (OTHER_PARTNER, "field-partner", ["NP-S01"]),
    *((evaluator, "evaluator", []) for evaluator in (EVALUATOR, OTHER_EVALUATOR)),
)


def proof(number: str = "P-1", school: str = SCHOOLS[0].school, accepted: Sequence[int] = (1, 2)) -> dict[str, Any]:
    """The body of a proof of delivery."""
    return {
        "delivery": number,
        "school": school,
        "accepted": list(accepted),
        "gave": "carrier's depot",
        "received": "school office",
        "document": "0" * 64,
        "at": AT,
    }


def loss(number: str, *ordinals: int, now: str = "damaged") -> dict[str, Any]:
    """The body of a loss and damage report."""
    return {"report": number, "ordinals": list(ordinals), "now": now, "reason": "wet", "at": AT}


class Depot:
    """The service, and whoever asks it. A caller is a role, or `role@party`."""

    def __init__(self) -> None:
        self.clock, self.chance, self.keys_used = FixedClock(datetime(2021, 5, 1, tzinfo=UTC)), SeededChance(1), 0
        self.stores = Stores(
            consignments=self._store(CONSIGNMENTS),
            shipments=self._store(SHIPMENTS),
            surveys=self._store(SURVEYS),
            reached=self._store(REACHED),
            parties=self._store(PARTIES),
        )
        self.handlers = Handlers(self.stores)
        app = FastAPI()
        app.state.keys, app.state.acts = RoleKeys(), acts_in_memory("logistics", self.clock)
        install_problems(app)
        app.include_router(router(self.stores, self.now))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://logistics")

    def now(self) -> Now:
        return Now(self.clock.now(), timedelta(hours=26))

    def _store(self, kind: Kind[Any]) -> Store[Any]:
        return Store(kind, MemoryDocuments(kind.collection), clock=self.clock, chance=self.chance)

    async def send(
        self, who: str, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> httpx.Response:
        """One request; a new Idempotency-Key unless one is given."""
        self.keys_used += 1
        headers = {"Authorization": f"Bearer {who}", "Idempotency-Key": key or f"key-{self.keys_used}"}
        return await self.http.request(method, f"/v1{path}", json=body, headers=headers)

    async def post(self, who: str, path: str, body: Any) -> Any:
        answer = await self.send(who, "POST", path, body)
        assert answer.is_success, answer.text
        return answer.json()

    async def get(self, who: str, path: str) -> Any:
        answer = await self.send(who, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def consume(self, source: str, number: int, event: Event) -> None:
        """An event of another service arrives."""
        await self._apply([envelop(event, source=source, number=number, at=self.clock.now())])

    async def come_to_rest(self) -> list[Event]:
        """Consumes what the service published itself; answers it."""
        events: list[Event] = []
        while envelopes := [
            one
            for store in (self.stores.shipments, self.stores.consignments, self.stores.surveys)
            for one in await _out(store)
        ]:
            events += [event for one in envelopes if (event := one.event()) is not None]
            await self._apply(envelopes)
        return events

    async def _apply(self, envelopes: Sequence[Envelope]) -> None:
        await apply([reaction for one in envelopes for reaction in await self.handlers.route(one)])


async def _out(store: Store[Any]) -> list[Envelope]:
    found = []
    for document in await store.documents.unpublished(1_000):
        found += [decode(entry.envelope) for entry in document.outbox]
        await store.documents.confirm(document.id, document.outbox[-1].sequence)
    return found


async def stocked() -> Depot:
    """All parties are registered, and all parcels of the round are packed."""
    depot = Depot()
    for party, kind, schools in PARTIES_HERE:
        await depot.post("operator", "/parties", {"party": party, "kind": kind, "name": party, "schools": schools})
    await depot.consume(f"/procurement/rounds/{ROUND}", 1, packed(1, PARCELS))
    await depot.come_to_rest()
    return depot


async def booked() -> Depot:
    """And its shipment is booked."""
    depot = await stocked()
    await depot.post(f"supplier@{FORWARDER}", "/shipments", BOOKING)
    await depot.come_to_rest()
    return depot


async def departed() -> Depot:
    """And its first leg has begun."""
    depot = await booked()
    await depot.post(f"carrier@{SEA}", f"/shipments/{SHIPMENT}/departures", {"leg": 1, "at": AT})
    await depot.come_to_rest()
    return depot
