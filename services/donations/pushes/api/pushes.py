"""Pushes of donations, and what became of them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pandapack.contracts.signing import ID_HEADER
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import JSON_TYPE, Problem, idempotency_key, json_bytes
from pandapack.runtime.store import Store
from services.donations.ledger.domain.gaps import ShardGaps
from services.donations.ledger.store.pages import Pages
from services.donations.pushes.api.bodies import Body, BodyBudget, body_of, lines_of, supported_type_of
from services.donations.pushes.api.schemas import PUSH_BODY, PUSH_RESPONSES, PushView
from services.donations.pushes.domain.judgement import judgement
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
    service: PushService,
    admission: Admission,
    budget: BodyBudget,
    pushes: Pushes,
    pages: Pages,
    gaps: Store[ShardGaps],
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
        """What became of a push: what was answered, and, once it is judged, how many of its lines were counted.

        It ends `judged`: the ledger has decided its last line. What it did not count is listed in `findings`.
        """
        push = await pushes.get(push_id)
        if push is None or (caller.role is Role.PLATFORM and push.owner != caller.party):
            raise Problem(404, "push_unknown", f"there is no push {push_id} of yours")
        return await _push_view(push, pages, gaps)

    return router


async def _push_view(push: Push, pages: Pages, gaps: Store[ShardGaps]) -> dict[str, Any]:
    # How far the shards are is read first: what lies before that is among the findings that are read then.
    next_offsets = dict(zip(push.ends, await asyncio.gather(*map(pages.next_offset, push.ends)), strict=True))
    known = await asyncio.gather(*[gaps.get(str(shard)) for shard in push.ends])
    lost = {one.shard: [range(done.gap.wanted, done.gap.begins) for done in one.resumptions] for one in known if one}
    findings = await pages.findings_of(push.id)
    answer = push.answer or {}
    kinds = [finding.kind for finding in findings]
    judged = judgement(push, kinds, next_offsets, lost)
    return {
        "push_id": push.id,
        "at": push.at.isoformat(),
        "state": judged.state,
        **{name: answer.get(name) for name in ("accepted", "rejected", "test", "failures")},
        "counted": judged.counted,
        "duplicates": kinds.count("duplicate"),
        "conflicts": kinds.count("conflict"),
        "refused": kinds.count("refused"),
        "parked": kinds.count("parked"),
        "findings": [{"kind": f.kind, "merchant": f.merchant, "id": f.id} for f in findings[:FINDINGS_SHOWN_MAX]],
    }
