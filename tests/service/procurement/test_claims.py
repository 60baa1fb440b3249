"""A name that only one may have is won once, however many ask for it at the same moment: over a real MongoDB."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pandapack.runtime.documents import Update
from pandapack.runtime.mongo import Mongo
from services.procurement.domain import need_book
from services.procurement.domain.need_book import NeedBook
from tests.service.procurement.world import World, need
from tests.stack import Servers
from tests.unit.procurement.programme import PROGRAMME, SMALL

AT_ONCE = 20
RACED: dict[str, Any] = {**SMALL, "policy": {**SMALL["policy"], "round_code": "RACE"}}


@pytest.fixture
async def world(stack: Servers, namespace: str) -> AsyncIterator[World]:
    """The service over a database of its own."""
    mongo = Mongo(stack.mongo, f"{namespace}_procurement")
    world = World(documents=mongo.documents)
    await mongo.prepare()
    yield world
    await mongo.drop()
    mongo.close()


async def answers(world: World, requests: list[tuple[str, str, str, Any]]) -> Counter[str]:
    """The codes of all answers, sent together; `ok` where it was done."""
    sent = await asyncio.gather(*(world.send(*request) for request in requests))
    return Counter("ok" if answer.is_success else answer.json()["code"] for answer in sent)


async def test_of_twenty_programmes_with_one_round_code_one_is_published(world: World) -> None:
    paths = [f"/programmes/race-{number}" for number in range(AT_ONCE)]
    assert await answers(world, [("buyer", "PUT", path, RACED) for path in paths]) == {
        "ok": 1,
        "round_code_taken": AT_ONCE - 1,
    }
    again = [await world.send("auditor", "GET", path) for path in paths]
    assert Counter(answer.status_code for answer in again) == {200: 1, 404: AT_ONCE - 1}
    (winner,) = [path for path, answer in zip(paths, again, strict=True) if answer.status_code == 200]
    assert (await world.post("buyer", winner, RACED, method="PUT"))["publication"] == 2, "it is the winner's for good"


async def test_a_programme_that_is_refused_claims_no_round_code(world: World) -> None:
    refused = await world.send("buyer", "PUT", "/programmes/first", {**RACED, "items": []})
    assert refused.status_code == 422
    await world.post("buyer", "/programmes/second", RACED, method="PUT")


async def test_an_invoice_number_is_one_orders_of_its_supplier(world: World) -> None:
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    await world.post("buyer", "/needs", need("NP", "small", 40))
    world.donate(0, 20_000)
    await world.come_to_rest()
    orders = (await world.get("/orders?supplier=demo-supplier-01"))["items"]
    assert len(orders) > 5
    paths = [f"/orders/{one['order']}/invoices" for one in orders]
    bill = {"invoice": "INV-1", "amount_fen": 100}
    won = await answers(world, [("supplier@demo-supplier-01", "POST", path, bill) for path in paths])
    assert won == {"ok": 1, "invoice_number_taken": len(orders) - 1}
    other = await world.send(
        "supplier@demo-supplier-02", "POST", "/orders/O-000001-demo-supplier-02/invoices", {**bill, "amount_fen": 1}
    )
    assert other.is_success, "another supplier numbers its own"


async def test_of_twenty_needs_for_the_last_place_one_is_opened_and_leaves_nothing_behind_of_the_others(
    world: World,
) -> None:
    await world.post("buyer", f"/programmes/{PROGRAMME}", SMALL, method="PUT")
    places = {f"old-{number}": number + 1 for number in range(need_book.OPEN_NEEDS_MAX - 1)}
    book = NeedBook(programme=PROGRAMME, taken=len(places), places=places)
    await world.stores.need_books.documents.write(PROGRAMME, 0, _written(book))
    bodies = [{**need("NP", "small", 3), "need": f"race-{number}"} for number in range(AT_ONCE)]
    assert await answers(world, [("buyer", "POST", "/needs", body) for body in bodies]) == {
        "ok": 1,
        "too_many_open_needs": AT_ONCE - 1,
    }
    assert len((await world.get("/needs"))["items"]) == 1


async def test_of_twenty_requests_for_one_need_by_different_programmes_the_others_keep_no_place(world: World) -> None:
    programmes = [f"p-{number}" for number in range(AT_ONCE)]
    for number, programme in enumerate(programmes):
        code = f"C{chr(65 + number)}"
        body = {**SMALL, "policy": {**SMALL["policy"], "round_code": code}}
        await world.post("buyer", f"/programmes/{programme}", body, method="PUT")
    bodies = [{**need("NP", "small", 3), "programme": programme} for programme in programmes]
    assert await answers(world, [("buyer", "POST", "/needs", body) for body in bodies]) == {
        "ok": 1,
        "need_known": AT_ONCE - 1,
    }
    books = [await world.stores.need_books.get(programme) for programme in programmes]
    assert sum(len(book.places) for book in books if book) == 1


def _written(state: NeedBook) -> Any:
    return Update(inbox={}, state=state.model_dump(mode="json"), sequence=0, outbox=(), answers=())
