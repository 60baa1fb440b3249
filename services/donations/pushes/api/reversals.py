"""Pushes of reversals: the platform takes donations back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from pandapack.runtime.http import JSON_TYPE, json_bytes
from services.donations.door.api.door import Sender
from services.donations.platforms.api.access import tests_of
from services.donations.pushes.api.pushes import PushEntrance, Showing
from services.donations.pushes.api.schemas import PUSH_RESPONSES, REVERSAL_BODY
from services.donations.pushes.api.views import Wait, seconds_of
from services.donations.pushes.work.book import PushesOf


def reversals_push_router(pushes_of: PushesOf, door: PushEntrance, showing: Showing) -> APIRouter:
    """`POST /v1/reversals`."""
    router = APIRouter(prefix="/v1/reversals", tags=["reversals"])

    @router.post("", status_code=202, responses=PUSH_RESPONSES, openapi_extra=REVERSAL_BODY)
    async def post_reversals(request: Request, caller: Sender, wait: Wait = None) -> Response:
        """Takes back gifts, in full or in part: one reversal, an array, or NDJSON.

        202 says that all accepted ones are safe in Kafka; `GET` shows what the ledger made of each. A reversal counts
        once by its merchant and its own id, however often it is pushed; one that names something else under an id that
        was taken is a conflict: 409 where nothing else was sent, and it is listed as one. With an Idempotency-Key or a
        webhook-id the same body gets the same answer for a day. With `wait` the answer is what
        `GET /v1/pushes/{push_id}` shows once the push is judged, or when the time has passed.
        """
        wait_s = seconds_of(wait)
        async with door.incoming(request, caller) as push:
            answer = await (await pushes_of(tests_of(caller))).accepting.accept_reversals(push)
        views = await showing.views(tests_of(caller))
        answer = await views.answer_of(request, caller, answer, wait_s)
        return Response(json_bytes(answer), 202, media_type=JSON_TYPE)

    return router
