"""Pushes, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import PROBLEM_TYPE, Problem, json_bytes
from services.donations.api.answers import PUSH_ANSWERS, PUSH_BODY, ShownPush
from services.donations.api.bodies import JSON, Body, body_of, kind_of, lines_of
from services.donations.api.desk import Desk, Pushed
from services.donations.api.pushers import Pusher, Pushers, key_of
from services.donations.store import Stores
from services.donations.store.pushes import Push

FINDINGS_SHOWN_MAX = 1_000


def pushes_router(stores: Stores, desk: Desk, pushers: Pushers) -> APIRouter:
    """`POST /donations`, `GET /pushes/{push_id}`."""
    router = APIRouter(tags=["pushes"])

    async def take(request: Request, pusher: Pusher, body: Body, key: str | None, *, atomic: bool) -> Response:
        pushers.check(pusher, request.headers, body.raw)
        lines = lines_of(body.plain, request.headers)
        pusher.charge(len(lines))
        pushed = Pushed(pusher.owner, key, body.raw, lines, is_atomic=atomic, is_test=pusher.is_testing)
        status, answer = await desk.take(pushed)
        if status != 202:
            answer["request_id"] = request.scope.get("request_id", "")
        return Response(json_bytes(answer), status, media_type=JSON if status == 202 else PROBLEM_TYPE)

    @router.post("/donations", status_code=202, responses=PUSH_ANSWERS, openapi_extra=PUSH_BODY)
    async def push(
        request: Request,
        caller: Annotated[Caller, Depends(needs(Role.PLATFORM))],
        *,
        atomic: Annotated[bool, Query(description="Take all lines, or none where one is refused.")] = False,
    ) -> Response:
        """Takes one donation, an array, NDJSON, or CloudEvents. Good lines are taken although others are refused.

        202 says that all accepted lines are safe in Kafka. After 5xx or silence push the same body again: nothing
        counts twice. With an Idempotency-Key or a webhook-id the same body gets the same answer for a day, another
        body 409.
        """
        key = key_of(request.headers)
        pusher = await pushers.pusher(caller)
        kind_of(request.headers)  # before the body is read at all
        async with body_of(request, desk.gate) as body:
            return await take(request, pusher, body, key, atomic=atomic)

    @router.get("/pushes/{push_id}", response_model=ShownPush)
    async def one_push(
        push_id: str, caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]
    ) -> dict[str, Any]:
        """What became of a push: what was answered, and what the ledger found beside the rows that it counted."""
        push = await stores.pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.owner != caller.party):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        return await _shown(stores, push)

    return router


async def _shown(stores: Stores, push: Push) -> dict[str, Any]:
    findings = await stores.pages.finding(push.id)
    answer = push.answer or {}
    kinds = [finding.kind for finding in findings]
    return {
        "push_id": push.id,
        "at": push.at.isoformat(),
        "state": "unfinished" if push.answer is None else "test" if answer.get("test") else "published",
        **{name: answer.get(name) for name in ("accepted", "rejected", "test", "failures")},
        "duplicates": kinds.count("duplicate"),
        "conflicts": kinds.count("conflict"),
        "findings": [{"kind": f.kind, "merchant": f.merchant, "id": f.id} for f in findings[:FINDINGS_SHOWN_MAX]],
    }
