"""Reversals: the platform takes gifts back, and sees what became of that."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from pandapack.contracts.donations import line_of
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import PROBLEM_TYPE, Problem, json_bytes
from services.donations.api.answers import PUSH_ANSWERS, REVERSAL_BODY
from services.donations.api.bodies import JSON, body_of, lines_of
from services.donations.api.desk import Desk, Pushed
from services.donations.api.merchants import of_merchant
from services.donations.api.pushers import Pushers
from services.donations.domain.reversals import Kept, standing
from services.donations.settings import Settings
from services.donations.store import Stores

UNKNOWN_WORDS = "the ledger has no reversal {id} of merchant {merchant} yet: it takes what was pushed within a second"


def shown_reversal(kept: Kept) -> dict[str, Any]:
    """A reversal as JSON. `state`: taken, parked (its gift is not known) or refused (more than is left of the gift)."""
    told = kept.told
    return {
        "reversal": told.reversal,
        "merchant": told.merchant,
        "donation": told.donation,
        "day": told.day,
        "amount_fen": told.amount_fen,
        "at": told.at.isoformat(),
        "reason": told.reason,
        "programme": kept.programme or None,
        "state": kept.state,
        "page": kept.page,
    }


def reversals_router(stores: Stores, desk: Desk, pushers: Pushers, settings: Settings) -> APIRouter:
    """`/reversals`."""
    router = APIRouter(prefix="/reversals", tags=["reversals"])

    @router.post("", status_code=202, responses=PUSH_ANSWERS, openapi_extra=REVERSAL_BODY)
    async def push(request: Request, caller: Annotated[Caller, Depends(needs(Role.PLATFORM))]) -> Response:
        """Takes back gifts, in full or in part: one reversal, an array, or NDJSON.

        202 says that all accepted ones are safe in Kafka; `GET` shows what the ledger made of each. A reversal counts
        once by its merchant and its own id, however often it is pushed.
        """
        pusher = await pushers.pusher(caller)
        async with body_of(request, desk.gate) as body:
            pushers.check(pusher, request.headers, body.raw)
            lines = lines_of(body.plain, request.headers)
            pusher.charge(len(lines))
            pushed = Pushed(pusher.owner, None, body.raw, lines, is_test=pusher.is_testing)
            status, answer = await desk.take_reversals(pushed)
        if status != 202:
            answer["request_id"] = request.scope.get("request_id", "")
        return Response(json_bytes(answer), status, media_type=JSON if status == 202 else PROBLEM_TYPE)

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))])
    async def listed(state: Annotated[Literal["taken", "parked", "refused"], Query()] = "parked") -> dict[str, Any]:
        """Reversals that stand in one state: those that are parked wait for a person."""
        return {"items": [shown_reversal(kept) for kept in await stores.pages.reversals_in(state)]}

    @router.get("/{merchant}/{id}", dependencies=[Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))])
    async def one(merchant: str, id: str) -> dict[str, Any]:
        """What became of a reversal; where it was pushed several times, of the one that was taken, else of the last."""
        key = f"{merchant}/{id}"
        now = standing(await stores.pages.reversals(line_of(merchant, settings.lines), (key,), ()))
        if key not in now:
            raise Problem(404, "reversal_unknown", UNKNOWN_WORDS.format(id=id, merchant=merchant))
        return shown_reversal(now[key])

    return router
