"""Pushes, and what became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import IDEMPOTENCY_KEY_CHARACTERS_MAX, Problem, json_bytes
from services.donations.api.bodies import body_of
from services.donations.api.desk import Desk
from services.donations.store import Stores

FINDINGS_SHOWN_MAX = 1_000


def pushes_router(stores: Stores, desk: Desk) -> APIRouter:
    """`POST /donations`, `GET /pushes/{push_id}`."""
    router = APIRouter(tags=["pushes"])

    @router.post("/donations", status_code=202)
    async def push(request: Request, caller: Annotated[Caller, Depends(needs(Role.PLATFORM))]) -> Response:
        """Takes one donation, an array of them, or NDJSON. Good lines are taken although others are refused.

        202 says that all accepted lines are safe in Kafka. After 5xx or silence push the same body again: nothing
        counts twice. With an Idempotency-Key the same body gets the same answer, another body 409.
        """
        key = request.headers.get("idempotency-key")
        if key is not None and not 0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX:
            words = f"Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} characters"
            raise Problem(400, "idempotency_key_invalid", words)
        body, held = await body_of(request, desk.gate)
        try:
            status, answer = await desk.take(caller, key, body, request.headers.get("content-type", ""))
        finally:
            desk.gate.leave(held)
        media_type = "application/json" if status == 202 else "application/problem+json"
        return Response(json_bytes(answer), status, media_type=media_type)

    @router.get("/pushes/{push_id}")
    async def one_push(
        push_id: str, caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]
    ) -> JSONResponse:
        """What became of a push: what was answered, and what the ledger found beside the rows that it counted."""
        push = await stores.pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.caller != caller.prefix):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        findings = await stores.pages.finding(push_id)
        shown = [{"kind": f.kind, "merchant": f.merchant, "id": f.id} for f in findings[:FINDINGS_SHOWN_MAX]]
        return JSONResponse(
            {
                "push_id": push_id,
                "at": push.at.isoformat(),
                "state": "published" if push.answer else "unfinished",
                **{name: (push.answer or {}).get(name) for name in ("accepted", "rejected", "failures")},
                "duplicates": sum(f.kind == "duplicate" for f in findings),
                "conflicts": sum(f.kind == "conflict" for f in findings),
                "findings": shown,
            }
        )

    return router
