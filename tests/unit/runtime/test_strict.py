"""Nothing unknown passes: every route of every service refuses what its own description does not know."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel

from pandapack.runtime.auth import Caller, Keys, NewKey, Role, needs
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.documents import MemoryRows
from pandapack.runtime.http import install_problems
from pandapack.runtime.strict import Strictness

SERVICES = ("donations", "procurement", "logistics", "reporting")

Json = dict[str, Any]


class Part(BaseModel):
    """Of a box."""

    item: str
    count: int = 1


class Box(BaseModel):
    """A body with all that a body can have in it."""

    name: str
    parts: tuple[Part, ...] = ()
    best: Part | None = None
    by_shelf: dict[str, Part] = {}


def boxes() -> FastAPI:
    app = FastAPI()
    router = APIRouter()

    @router.post("/v1/boxes")
    async def post_box(
        box: Box, caller: Annotated[Caller, Depends(needs(Role.BUYER))], *, atomic: bool = False
    ) -> bool:
        return atomic

    @router.get("/v1/boxes")
    async def get_boxes(shelf: Annotated[list[str] | None, Query()] = None, programme: str = "") -> list[str]:
        return shelf or []

    @router.get("/", include_in_schema=False)
    async def page(lang: str = "en") -> str:
        return lang

    install_problems(app)
    app.include_router(router, dependencies=[Depends(Strictness(app, frozenset()))])
    return app


class Site:
    """An application with keys in memory."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        self.app.state.keys = Keys(MemoryRows("keys"), FixedClock(datetime(2021, 11, 11, tzinfo=UTC)), SeededChance(1))

    async def ask(self, method: str, path: str, *, key: bool = True, **more: Any) -> httpx.Response:
        headers = {"Idempotency-Key": "k"}
        if key:
            made = await self.app.state.keys.add(NewKey(role=Role.OPERATOR, name="of a test"))
            headers["Authorization"] = f"Bearer {made}"
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=headers, **more)


def operations(description: Json) -> Iterator[tuple[str, str, Json]]:
    """Method and path, filled in, of all that a description describes."""
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), re.sub(r"\{[^}]*\}", "x", path), operation


@pytest.mark.parametrize("name", SERVICES)
async def test_every_route_of_every_service_refuses_a_parameter_that_it_does_not_know(name: str) -> None:
    site = Site(importlib.import_module(f"services.{name}.app").create_app())
    asked = 0
    for method, path, operation in operations(site.app.openapi()):
        answer = await site.ask(method, path, params={"nonsense": "1"})
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_parameter"), (method, path)
        known = sorted(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
        assert answer.json()["known"] == known
        if operation.get("security"):
            unknown = await site.ask(method, path, key=False, params={"nonsense": "1"})
            assert unknown.status_code == 401, (method, path)
        asked += 1
    assert asked > 5


@pytest.mark.parametrize("name", SERVICES)
async def test_every_body_that_a_service_describes_is_refused_with_a_field_that_it_does_not_know(name: str) -> None:
    app = importlib.import_module(f"services.{name}.app").create_app()
    site = Site(app)
    for method, path, operation in operations(app.openapi()):
        if "requestBody" not in operation or path in ("/v1/donations", "/v1/reversals", "/v1/settlements"):
            continue  # those read their bodies themselves: line by line, with tests of their own
        for body, code in (('{"nonsense": 1}', "unknown_field"), ('{"a": {"b": 1, "b": 2}}', "duplicate_key")):
            answer = await site.ask(method, path, content=body)
            assert (answer.status_code, answer.json()["code"]) == (422, code), (method, path)


async def test_a_misspelt_parameter_is_answered_with_what_was_probably_meant_and_what_the_route_takes() -> None:
    refused = (await Site(boxes()).ask("POST", "/v1/boxes", params={"atomc": "true"})).json()
    assert refused["detail"] == "there is no parameter atomc: did you mean atomic? /v1/boxes takes atomic"
    assert refused["errors"][0]["pointer"] == "/query/atomc"
    assert "atomic" in refused["message"]["zh"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("programme=a&programme=b", "repeated_parameter"),
        ("shelf=a&shelf=b", None),
        ("%FF%00=1", "unknown_parameter"),
        ("=", "unknown_parameter"),
    ],
)
async def test_a_parameter_stands_once_where_one_is_wanted(query: str, code: str | None) -> None:
    answer = await Site(boxes()).ask("GET", f"/v1/boxes?{query}")
    assert (answer.json()["code"] if code else answer.status_code) == (code or 200)


async def test_a_parameter_with_a_value_that_is_none_is_refused() -> None:
    answer = await Site(boxes()).ask("POST", "/v1/boxes?atomic=", json={"name": "b"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/query/atomic")


async def test_a_page_for_people_ignores_what_a_link_brings_along() -> None:
    assert (await Site(boxes()).ask("GET", "/?utm_source=a&lang=zh&lang=en", key=False)).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer", "meant"),
    [
        ('{"name": "b", "nmae": "c"}', "/body/nmae", "name"),
        ('{"name": "b", "parts": [{"item": "i"}, {"item": "i", "cuont": 2}]}', "/body/parts/1/cuont", "count"),
        ('{"name": "b", "best": {"itme": "i"}}', "/body/best/itme", "item"),
        ('{"name": "b", "by_shelf": {"s": {"item": "i", "counts": 3}}}', "/body/by_shelf/s/counts", "count"),
    ],
)
async def test_an_unknown_field_is_named_wherever_it_stands(body: str, pointer: str, meant: str) -> None:
    answer = await Site(boxes()).ask("POST", "/v1/boxes", content=body, params={"atomic": "true"})
    refused = answer.json()
    assert (answer.status_code, refused["code"]) == (422, "unknown_field")
    assert refused["errors"][0]["pointer"] == pointer
    assert f"did you mean {meant}?" in refused["detail"] and meant in refused["message"]["zh"]


@pytest.mark.parametrize(
    "body", ['{"name": "b", "best": null}', '{"name": "b", "best": {"item": "i"}, "by_shelf": {"any": {"item": "i"}}}']
)
async def test_what_is_described_passes(body: str) -> None:
    headers = {"Content-Type": "application/json"}
    site = Site(boxes())
    made = await site.app.state.keys.add(NewKey(role=Role.BUYER, name="b"))
    transport = httpx.ASGITransport(site.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        headers["Authorization"] = f"Bearer {made}"
        answer = await client.post("/v1/boxes?atomic=true", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, True)
