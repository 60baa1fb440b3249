"""The whole procurement service in memory: its HTTP, its handlers, and a Kafka of lists that may repeat and reorder.

What a source publishes stays in order; between sources, order and repetition are the seed's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI

from pandapack.contracts.donations import shard_source
from pandapack.contracts.envelope import Envelope, Event, decode, envelop
from pandapack.contracts.logistics import ConsignmentClosed, CostIncurred
from pandapack.contracts.procurement import Category
from pandapack.runtime.auth import Caller, Role
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import Documents, MemoryDocuments
from pandapack.runtime.http import install_problems
from pandapack.runtime.reactions import apply
from pandapack.runtime.store import Kind, Store
from services.procurement.api import router
from services.procurement.handlers import Handlers
from services.procurement.store import (
    FUNDS,
    INVOICE_NUMBERS,
    NEED_BOOKS,
    NEEDS,
    ORDERS,
    PARTIES,
    PUBLICATIONS,
    ROUND_CODES,
    ROUNDS,
    Stores,
)
from tests.acts import acts_in_memory
from tests.unit.procurement.programme import PROGRAMME, donations

AT = datetime(2020, 3, 1, tzinfo=UTC)
BATCH_MAX = 7
STEPS_MAX = 20_000


class RoleKeys:
    """A fake of the keys: a key is the name of its role, or `role@party`."""

    async def caller(self, key: str) -> Caller | None:
        role, _, party = key.partition("@")
        return Caller(f"key-{role}", Role(role), key, party) if role in set(Role) else None


class World:
    """The service, and what was published to it and by it."""

    def __init__(
        self, seed: int = 0, *, repeats: bool = False, documents: Callable[[str], Documents] = MemoryDocuments
    ) -> None:
        self._documents = documents
        self.clock = FixedClock(AT)
        self.chance = SeededChance(seed)
        self.dice = random.Random(seed)
        self.repeats = repeats
        self.stores = Stores(
            publications=self._store(PUBLICATIONS),
            needs=self._store(NEEDS),
            need_books=self._store(NEED_BOOKS),
            funds=self._store(FUNDS),
            rounds=self._store(ROUNDS),
            orders=self._store(ORDERS),
            round_codes=self._store(ROUND_CODES),
            invoice_numbers=self._store(INVOICE_NUMBERS),
            parties=self._store(PARTIES),
        )
        self.handlers = Handlers(self.stores, self.clock)
        self.waiting: dict[str, list[Envelope]] = {}
        self.published: list[Envelope] = []
        self.numbers: dict[str, int] = {}
        self.fronts: dict[int, int] = {}
        self.keys_used = 0
        app = FastAPI()
        app.state.keys, app.state.acts = RoleKeys(), acts_in_memory("procurement", self.clock)
        install_problems(app)
        app.include_router(router(self.stores, self.clock))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://procurement")

    def _store(self, kind: Kind[Any]) -> Store[Any]:
        return Store(kind, self._documents(kind.collection), clock=self.clock, chance=self.chance)

    async def send(
        self, role: str, method: str, path: str, body: Any = None, *, key: str | None = None
    ) -> httpx.Response:
        """One request; a new Idempotency-Key unless one is given."""
        self.keys_used += 1
        headers = {"Authorization": f"Bearer {role}", "Idempotency-Key": key or f"key-{self.keys_used}"}
        return await self.http.request(method, f"/v1{path}", json=body, headers=headers)

    async def get(self, path: str) -> Any:
        answer = await self.send("auditor", "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, role: str, path: str, body: Any, *, method: str = "POST") -> Any:
        answer = await self.send(role, method, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    def publish(self, source: str, event: Event) -> None:
        """Another service publishes an event."""
        number = self.numbers[source] = self.numbers.get(source, 0) + 1
        self.waiting.setdefault(source, []).append(envelop(event, source=source, number=number, at=AT))

    def donate(self, shard: int, fen: int) -> None:
        """Donations of so many fen are recorded on a shard."""
        front = self.fronts.get(shard, 0)
        self.fronts[shard] = front + fen
        self.publish(shard_source(shard), donations(shard, front, front + fen))

    def report_cost(self, round_id: str, category: Category, fen: int, party: str = "demo-office") -> None:
        """Logistics reports what a service cost."""
        cost = CostIncurred(
            round=round_id,
            programme=PROGRAMME,
            country="NP",
            category=category,
            fen=fen,
            document=f"DOC-{category}",
            party=party,
        )
        self.publish(f"/logistics/consignments/{round_id}", cost)

    def end(self, round_id: str, parcels: int) -> None:
        """All parcels of the round were handed over, and logistics closed its consignment."""
        closed = ConsignmentClosed(
            round=round_id,
            programme=PROGRAMME,
            country="NP",
            accepted=parcels,
            rejected=0,
            damaged=0,
            lost=0,
            returned=0,
        )
        self.publish(f"/logistics/consignments/{round_id}", closed)

    async def relay(self) -> None:
        """What is in the outboxes goes to Kafka, in order per source."""
        for store in self._all():
            for document in await store.documents.unpublished(10_000):
                envelopes = [decode(entry.envelope) for entry in document.outbox]
                self.waiting.setdefault(envelopes[0].source, []).extend(envelopes)
                self.published.extend(envelopes)
                await store.documents.confirm(document.id, document.outbox[-1].sequence)

    async def come_to_rest(self) -> None:
        """Relays and consumes until nothing more is published."""
        for _ in range(STEPS_MAX):
            await self.relay()
            batch = self._next_batch()
            if not batch:
                return
            await self.consume(batch)
        raise AssertionError("the service never comes to rest")

    async def consume(self, envelopes: Iterable[Envelope]) -> None:
        reactions = [reaction for envelope in envelopes for reaction in await self.handlers.route(envelope)]
        await apply(reactions)

    def _next_batch(self) -> list[Envelope]:
        batch: list[Envelope] = []
        for _ in range(self.dice.randint(1, BATCH_MAX)):
            sources = sorted(source for source, waiting in self.waiting.items() if waiting)
            if not sources:
                break
            source = self.dice.choice(sources)
            batch.append(self.waiting[source].pop(0))
        if batch and self.repeats and self.published and self.dice.random() < 0.3:
            # A relay that was killed sends the last few again, in order, behind what is there.
            again = self.dice.choice(self.published).source
            own = [envelope for envelope in self.published if envelope.source == again]
            self.waiting.setdefault(again, []).extend(
                own[-self.dice.randint(1, len(own)) :] if self.dice.random() < 0.5 else []
            )
        return batch

    def events(self, type_: str) -> list[Event]:
        """The events of one type, in the order in which they were published."""
        found = [envelope.event() for envelope in self.published if envelope.type == f"procurement.{type_}"]
        return [event for event in found if event is not None]

    def _all(self) -> list[Store[Any]]:
        return [
            self.stores.publications,
            self.stores.needs,
            self.stores.funds,
            self.stores.rounds,
            self.stores.orders,
        ]


def need(country: str, specification: str, *parcels: int) -> dict[str, Any]:
    """The body of POST /v1/needs, for schools that wait for so many parcels."""
    schools = [
        {"school": f"{country}-{number}", "district": f"{country} district 1", "pupils": count, "parcels": count}
        for number, count in enumerate(parcels, 1)
    ]
    return {
        "need": f"need-{country.lower()}",
        "programme": PROGRAMME,
        "country": country,
        "specification": specification,
        "schools": schools,
    }


async def prepared(
    seed: int, body: dict[str, Any], needs: list[dict[str, Any]], *, repeats: bool, world: World | None = None
) -> World:
    """A world, a new one or this, whose fund knows the programme and the needs."""
    world = world or World(seed, repeats=repeats)
    await world.post("buyer", f"/programmes/{PROGRAMME}", body, method="PUT")
    for one in needs:
        await world.post("buyer", "/needs", one)
    await world.come_to_rest()
    return world
