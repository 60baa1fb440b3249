"""Pushes of donations, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pandapack.contracts.signing import ID_HEADER
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import JSON_TYPE, Problem, idempotency_key, json_bytes
from services.donations.ledger.store.pages import Pages
from services.donations.pushes.api.bodies import Body, BodyBudget, body_of, lines_of, supported_type_of
from services.donations.pushes.api.schemas import PUSH_BODY, PUSH_RESPONSES, PushView
from services.donations.pushes.domain.push import Push
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.admission import Admission, Pusher
from services.donations.pushes.work.push_service import IncomingPush, PushService

FINDINGS_SHOWN_MAX = 1_000


def incoming_push(
    admission: Admission, pusher: Pusher, request: Request, body: Body, key: str | None = None, *, atomic: bool = False
) -> IncomingPush:
    """What a request pushes, once it is known to be signed as it should be. Raises Refused, Problem."""
    admission.check_signature(pusher, request.headers, body.raw)
    lines = lines_of(body.plain, request.headers)
    pusher.charge(len(lines))
    return IncomingPush(pusher.owner, key, body.raw, lines, is_atomic=atomic, is_test=pusher.is_testing)


def pushes_router(
    service: PushService, admission: Admission, budget: BodyBudget, pushes: Pushes, pages: Pages
) -> APIRouter:
    """`POST /v1/donations`, `GET /v1/pushes/{push_id}`."""
    router = APIRouter(prefix="/v1", tags=["pushes"])

    @router.post("/donations", status_code=202, responses=PUSH_RESPONSES, openapi_extra=PUSH_BODY)
    async def post_donations(
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
        key = idempotency_key(request.headers, ID_HEADER)
        pusher = await admission.admit(caller.owner, otherwise=caller.party)
        supported_type_of(request.headers)  # before the body is read at all
        async with body_of(request, budget) as body:
            push = incoming_push(admission, pusher, request, body, key, atomic=atomic)
            answer = await service.accept_donations(push)
        return Response(json_bytes(answer), 202, media_type=JSON_TYPE)

    @router.get("/pushes/{push_id}", response_model=PushView)
    async def get_push(
        push_id: str, caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))]
    ) -> dict[str, Any]:
        """What became of a push: what was answered, and what the ledger found beside the rows that it counted."""
        push = await pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.owner != caller.party):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        return await _push_view(push, pages)

    return router


async def _push_view(push: Push, pages: Pages) -> dict[str, Any]:
    findings = await pages.findings_of(push.id)
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
