"""Receipts, for whoever knows a gift's merchant, order number and day; within limits for those without a key."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from pandapack.decision import Refusal
from pandapack.runtime.auth import optional_caller
from pandapack.runtime.http import problem_of
from services.reporting.api.texts import Language, PageTexts
from services.reporting.api.trace import Name, Platform, TraceLimits
from services.reporting.domain.receipts import Pending, Stage
from services.reporting.work.receipts import Receipts


def receipts_router(receipts: Receipts, limits: TraceLimits) -> APIRouter:
    """`/receipts`."""
    router = APIRouter(tags=["receipts"])

    @router.get("/receipts/{platform}/{merchant}/{id}")
    async def get_receipt(
        platform: Platform, merchant: Name, id: Name, day: Annotated[date, Query()], request: Request
    ) -> dict[str, Any]:
        """A receipt (`panda-receipt/2`): `panda verify` and the page /verify check it, offline.

        It leads from the gift to its page, to the entry of the public log that tells of the page, and to a checkpoint
        of the log. Until all of these are there the answer has no `scheme`, and a `state` instead, in words, too.
        """
        if await optional_caller(request) is None:
            limits.admit(request)
        made = await receipts.make(platform, merchant, id, day.isoformat())
        if isinstance(made, Refusal):
            raise problem_of(made)
        found: dict[str, Any] = pending_view(made) if isinstance(made, Pending) else msgspec.to_builtins(made)
        return found

    return router


def pending_view(pending: Pending) -> dict[str, Any]:
    """What stands in a receipt's stead: `state`, and what can be expected, in both languages."""
    known = pending.known
    return {
        "state": pending.stage,
        "en": _expected(pending, PageTexts(Language.EN)),
        "zh": _expected(pending, PageTexts(Language.ZH)),
        "donation": msgspec.to_builtins(known.donation),
        "page": {"shard": known.shard, "page": known.page, "row": known.row},
    }


def _expected(pending: Pending, texts: PageTexts) -> str:
    if pending.stage is Stage.PAGE_OPEN:
        after = date.fromisoformat(pending.known.opened_on) + timedelta(days=1)
        return texts.text("receipt_page_open", day=after.isoformat())
    return texts.text(f"receipt_{pending.stage}")
