"""Pushes of donations, and what became of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pandapack.contracts.causation import traceparent_of
from pandapack.decision import Refused
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import JSON_TYPE, Problem, json_bytes, problem_of
from services.donations.door.api.door import Entrance, Sender
from services.donations.platforms.api.access import tests_of
from services.donations.pushes.api.bodies import PUSH_LIMITS, PUSHES, lines_of
from services.donations.pushes.api.schemas import PUSH_BODY, PUSH_RESPONSES, PushView
from services.donations.pushes.api.views import PushViews, Wait, seconds_of
from services.donations.pushes.domain.push import whose
from services.donations.pushes.work.book import PushesOf
from services.donations.pushes.work.push_service import IncomingPush
from services.donations.pushes.work.refusals import RefusalNotes
from services.donations.validation.domain.reversal_refusals import REVERSAL_CONFLICT

UNNOTED = ("platform_unregistered", "rate_exceeded", "busy", REVERSAL_CONFLICT)
"""Of these no note is kept: nobody's, those that only have to come later, and those of which the push is kept."""


class PushEntrance:
    """The door for pushes, which keeps note of those that were refused."""

    def __init__(self, door: Entrance, notes: RefusalNotes) -> None:
        self._door, self._notes = door, notes

    @asynccontextmanager
    async def incoming(self, request: Request, caller: Caller, *, atomic: bool = False) -> AsyncIterator[IncomingPush]:
        """What a request pushes, held until it is left. Raises Refused, Problem."""
        id = request.scope.get("request_id", "")
        try:
            entry = await self._door.enter(request, caller, PUSHES)
            async with entry.body(PUSH_LIMITS) as body:
                lines = lines_of(body.plain, request.headers)
                entry.charge(len(lines))
                owner, name, is_test = entry.platform, entry.name, entry.is_test
                yield IncomingPush(
                    owner,
                    name,
                    body.raw,
                    lines,
                    is_atomic=atomic,
                    is_test=is_test,
                    request_id=id,
                    traceparent=traceparent_of(request.headers.get("traceparent", "")),
                )
        except (Refused, Problem) as error:
            problem = problem_of(error.refusal) if isinstance(error, Refused) else error
            if caller.owner and caller.role is Role.PLATFORM and problem.code not in UNNOTED:
                what, owner = (problem.status, problem.code, problem.detail), _own(caller)
                self._notes.note(owner, id, *what, is_test=caller.is_testing, extra=problem.extra)
            raise


def _own(caller: Caller) -> str:
    """As whose the caller's own pushes are kept."""
    return whose(caller.owner, is_test=caller.is_testing)


class Showing:
    """Shows pushes of either kind: whoever waits for those that count waits together."""

    def __init__(self, pushes_of: PushesOf) -> None:
        self._pushes_of = pushes_of
        self._live: PushViews | None = None

    async def views(self, tests_of: str) -> PushViews:
        """The views of a platform's tests, or (empty) of what counts."""
        if tests_of:
            return PushViews(await self._pushes_of(tests_of))
        self._live = self._live or PushViews(await self._pushes_of(""))
        return self._live


def pushes_router(pushes_of: PushesOf, door: PushEntrance, showing: Showing) -> APIRouter:
    """`POST /v1/donations`, `GET /v1/pushes/{push_id}`."""
    router = APIRouter(prefix="/v1", tags=["pushes"])

    @router.post("/donations", status_code=202, responses=PUSH_RESPONSES, openapi_extra=PUSH_BODY)
    async def post_donations(
        request: Request,
        caller: Sender,
        *,
        atomic: Annotated[bool, Query(description="Take all lines, or none where one is refused.")] = False,
        wait: Wait = None,
    ) -> Response:
        """Takes one donation, an array, NDJSON, or CloudEvents. Good lines are taken although others are refused.

        202 says that all accepted lines are safe in Kafka. After 5xx or silence push the same body again: nothing
        counts twice. With an Idempotency-Key or a webhook-id the same body gets the same answer for a day, another
        body 409. With `wait` the answer is what `GET /v1/pushes/{push_id}` shows once the push is judged, or when the
        time has passed.
        """
        wait_s = seconds_of(wait)
        async with door.incoming(request, caller, atomic=atomic) as push:
            answer = await (await pushes_of(tests_of(caller))).accepting.accept_donations(push)
        views = await showing.views(tests_of(caller))
        answer = await views.answer_of(request, caller, answer, wait_s)
        return Response(json_bytes(answer), 202, media_type=JSON_TYPE)

    @router.get("/pushes/{push_id}", response_model=PushView)
    async def get_push(
        request: Request,
        push_id: str,
        caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))],
        wait: Wait = None,
    ) -> dict[str, Any]:
        """What became of a push: what was answered, and, once it is judged, how many of its lines were counted.

        It ends `judged`: the ledger has decided its last line. What it did not count is listed in `findings`, by
        index in the push. `wait` waits for that.
        """
        wait_s = seconds_of(wait)
        push = await (await pushes_of(tests_of(caller))).pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.owner != _own(caller)):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        return await (await showing.views(tests_of(caller))).of(request, caller, push, wait_s)

    return router
