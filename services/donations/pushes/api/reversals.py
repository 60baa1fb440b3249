"""Pushes of reversals: the platform takes donations back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from pandapack.contracts.signing import ID_HEADER
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import JSON_TYPE, idempotency_key, json_bytes
from services.donations.pushes.api.bodies import BodyBudget, body_of
from services.donations.pushes.api.pushes import incoming_push
from services.donations.pushes.api.schemas import PUSH_RESPONSES, REVERSAL_BODY
from services.donations.pushes.work.admission import Admission
from services.donations.pushes.work.push_service import PushService


def reversals_push_router(service: PushService, admission: Admission, budget: BodyBudget) -> APIRouter:
    """`POST /v1/reversals`."""
    router = APIRouter(prefix="/v1/reversals", tags=["reversals"])

    @router.post("", status_code=202, responses=PUSH_RESPONSES, openapi_extra=REVERSAL_BODY)
    async def post_reversals(request: Request, caller: Annotated[Caller, Depends(needs(Role.PLATFORM))]) -> Response:
        """Takes back gifts, in full or in part: one reversal, an array, or NDJSON.

        202 says that all accepted ones are safe in Kafka; `GET` shows what the ledger made of each. A reversal counts
        once by its merchant and its own id, however often it is pushed; one that names something else under an id that
        was taken is a conflict: 409 where nothing else was sent, and it is listed as one. With an Idempotency-Key or a
        webhook-id the same body gets the same answer for a day.
        """
        key = idempotency_key(request.headers, ID_HEADER)
        pusher = await admission.admit(caller.owner, otherwise=caller.party)
        async with body_of(request, budget) as body:
            answer = await service.accept_reversals(incoming_push(admission, pusher, request, body, key))
        return Response(json_bytes(answer), 202, media_type=JSON_TYPE)

    return router
