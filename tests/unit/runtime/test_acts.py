"""Whoever does anything is told by an event: by the command's own, or by one that says no more than that."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse
from structlog.testing import capture_logs

from pandapack.contracts.acts import Acted
from pandapack.contracts.causation import Actor
from pandapack.contracts.envelope import Envelope, Part, decode
from pandapack.decision import Decision, Refusal
from pandapack.runtime.acts import Acts
from pandapack.runtime.auth import Keys, NewKey, Role, keys_router, needs
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryDocuments, MemoryRows
from pandapack.runtime.http import answer_to, command_of, install_problems
from pandapack.runtime.refused_commands import LOGGED_PER_S_MAX, RefusalLog
from pandapack.runtime.store import Command, Kind, Store
from tests.acts import DAY, operations_in_memory

ANNA = Actor("anna", "operator", "1f2e3d4c")


class Shelf(Part):
    """A document whose decisions have no events."""

    name: str
    boxes: int = 0


def shelves(**kind: bool) -> Store[Shelf]:
    of = Kind("shelves", Shelf, lambda id: Shelf(name=id), lambda id: f"/logistics/shelves/{id}", **kind)
    return Store(of, MemoryDocuments("shelves"), clock=FixedClock(DAY), chance=SeededChance(1))


def one_more(state: Shelf) -> Decision[Shelf]:
    return Decision(state.model_copy(update={"boxes": state.boxes + 1}))


async def events_of(store: Store[Any]) -> list[Envelope]:
    waiting = await store.documents.unpublished(100)
    return [decode(event.envelope) for document in waiting for event in document.outbox]


def told(envelope: Envelope) -> tuple[str, str]:
    event = envelope.event()
    assert isinstance(event, Acted)
    return event.command, event.subject


async def test_an_accepted_command_without_an_event_of_its_own_is_told_with_its_actor_once() -> None:
    store = shelves()
    command = Command("k", "d", ANNA, "req_1", "they asked", what="PUT /v1/shelves/{shelf}")
    for _ in range(2):
        await store.change("a", one_more, command)
    (event,) = await events_of(store)
    assert (event.type, event.source, event.number) == ("logistics.OperatorActed", "/logistics/shelves/a", 1)
    assert told(event) == ("PUT /v1/shelves/{shelf}", "/logistics/shelves/a")
    assert (event.actor, event.actorrole, event.actorkey) == ("anna", "operator", "1f2e3d4c")
    assert (event.requestid, event.reason) == ("req_1", "they asked")


@pytest.mark.parametrize(
    "command", [Command("k", "d", ANNA), Command("k", "d", what="PUT /v1/shelves/{shelf}")], ids=["a step", "nobody"]
)
async def test_a_step_on_the_way_and_what_nobody_sent_are_not_told(command: Command) -> None:
    store = shelves()
    await store.change("a", one_more, command)
    assert await events_of(store) == []


@pytest.mark.parametrize("kind", [{"publishes": False}, {"tells_acts": False}], ids=str)
async def test_documents_whose_events_are_not_theirs_alone_tell_no_acts(kind: dict[str, bool]) -> None:
    store = shelves(**kind)
    await store.change("a", one_more, Command("k", "d", ANNA, what="PUT /v1/shelves/{shelf}"))
    assert await events_of(store) == []


async def test_an_act_on_what_has_no_document_is_noted_with_who_why_and_on_what() -> None:
    operations = operations_in_memory("donations")
    acts = Acts(operations, FixedClock(DAY), SeededChance(1))
    for _ in range(2):
        await acts.note(ANNA, "POST /v1/partitions/{topic}/{partition}/retry", "/donations/partitions/x/3", "mended")
    first, second = await events_of(operations)
    assert first.source.startswith("/donations/operations/2021-11-11-") and (first.number, second.number) == (1, 2)
    assert told(first) == ("POST /v1/partitions/{topic}/{partition}/retry", "/donations/partitions/x/3")
    assert (first.type, first.actor, first.reason) == ("donations.OperatorActed", "anna", "mended")


class Site:
    """Keys, and a route that refuses."""

    def __init__(self) -> None:
        self.operations, clock = operations_in_memory("procurement"), FixedClock(DAY)
        self.app = FastAPI()
        self.keys = Keys(MemoryRows("keys"), clock, SeededChance(1))
        self.app.state.keys, self.app.state.acts = self.keys, Acts(self.operations, clock, SeededChance(2))
        install_problems(self.app)
        self.app.include_router(keys_router())

        @self.app.post("/v1/shelves", dependencies=[Depends(needs(Role.BUYER))])
        async def post_shelf(command: Annotated[Command, Depends(command_of)]) -> JSONResponse:
            return answer_to(await shelves().change("a", lambda _: Refusal("shelf_full", "it is full"), command))

    async def ask(self, method: str, path: str, key: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://here") as browser:
            return await browser.request(method, path, json=body, headers=headers)


async def test_a_key_is_told_when_it_is_made_and_when_it_is_revoked() -> None:
    site = Site()
    operator = await site.keys.add(NewKey(role=Role.OPERATOR, name="anna"))
    made = await site.ask("POST", "/v1/keys", operator, {"role": "auditor", "name": "the yearly audit"})
    prefix = made.json()["key"].split("_")[2]
    assert (await site.ask("DELETE", f"/v1/keys/{prefix}", operator)).status_code == 204
    assert (await site.ask("DELETE", "/v1/keys/00000000", operator)).status_code == 404
    events = await events_of(site.operations)
    subject = f"/procurement/keys/{prefix}"
    assert [told(event) for event in events] == [("POST /v1/keys", subject), ("DELETE /v1/keys/{prefix}", subject)]
    assert [(event.actor, event.actorrole) for event in events] == [("anna", "operator")] * 2
    assert events[0].reason == "auditor: the yearly audit"


async def test_a_refused_command_is_logged_with_who_sent_it_and_tells_no_event() -> None:
    site = Site()
    buyer = await site.keys.add(NewKey(role=Role.BUYER, name="ben"))
    with capture_logs() as logs:
        await site.ask("POST", "/v1/shelves", buyer, {})
        await site.ask("GET", "/v1/keys", buyer)
    (line,) = [one for one in logs if one["event"] == "command_refused"]
    assert (line["command"], line["code"], line["status"]) == ("POST /v1/shelves", "shelf_full", 409)
    assert (line["actor"], line["role"], line["key"]) == ("ben", "buyer", buyer.split("_")[2])
    assert await events_of(site.operations) == []


def test_a_flood_of_refusals_is_counted_and_logged_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    second = 7.0
    monkeypatch.setattr("pandapack.runtime.refused_commands.monotonic_s", lambda: second)
    refusals = RefusalLog()

    def tell() -> None:
        refusals.tell(method="POST", command="POST /v1/x", status=409, code="x", actor=ANNA, request_id="r")

    with capture_logs() as logs:
        for _ in range(LOGGED_PER_S_MAX + 5):
            tell()
        second = 8.0
        tell()
    assert len(logs) == LOGGED_PER_S_MAX + 1 and logs[-1]["not_logged_before"] == 5
