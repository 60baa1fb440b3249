"""`GET /v1/pushes`: a platform's last pushes, those that were taken and those that were refused, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import EPOCH, PLATFORM_PATTERN
from pandapack.runtime.auth import Caller, Mode, Role, needs
from pandapack.runtime.http import Problem
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit
from services.donations.ledger.store.pages import Pages
from services.donations.pushes.api.schemas import ListedPushes
from services.donations.pushes.domain.judgement import judgement
from services.donations.pushes.domain.push import Push, whose
from services.donations.pushes.domain.refusals import RefusedPush
from services.donations.pushes.store import Cursor, RefusedPushes
from services.donations.pushes.work.book import PushesOf
from services.donations.validation.domain.reversal_refusals import REVERSAL_CONFLICT

MS = timedelta(milliseconds=1)


def push_list_router(pushes_of: PushesOf, refused: RefusedPushes) -> APIRouter:
    """`GET /v1/pushes`."""
    router = APIRouter(prefix="/v1", tags=["pushes"])

    @router.get("/pushes", response_model=ListedPushes)
    async def get_pushes(
        caller: Annotated[Caller, Depends(needs(Role.PLATFORM, Role.AUDITOR))],
        platform: Annotated[
            str | None, Query(pattern=PLATFORM_PATTERN, description="Whose; staff say it, a platform need not.")
        ] = None,
        mode: Annotated[
            Mode | None, Query(description="Live ones or tests; staff say it, a platform's key has its own.")
        ] = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """The last pushes of a platform, newest first: what each was answered, and how far it is.

        Those that were refused are among them, with code and detail, and where a signature was wrong, with what we
        signed. Of refusals the last ones are kept; those for being too fast (429) are not.
        """
        owner = caller.owner if caller.role is Role.PLATFORM else platform
        if not owner:
            raise Problem(422, "whose_missing", "say whose pushes: ?platform=ID; GET /v1/platforms lists the ids")
        asked = mode or caller.mode
        if platform not in (None, owner) or (caller.role is Role.PLATFORM and asked is not caller.mode):
            return {"items": [], "next": None}
        cursor, kept_as = _cursor_of(after), whose(owner, is_test=asked is Mode.TEST)
        book = await pushes_of(owner if asked is Mode.TEST else "")
        taken, not_taken = await asyncio.gather(
            book.pushes.newest_of(kept_as, cursor, limit + 1), refused.newest_of(kept_as, cursor, limit + 1)
        )
        found: list[tuple[datetime, str, Push | RefusedPush]] = [(one.opened, one.key_id, one) for one in taken]
        found += [(one.opened, id, one) for id, one in not_taken]
        found.sort(key=lambda one: one[:2], reverse=True)
        here = found[:limit]
        offsets = await _next_offsets(book.pages, [one for _, _, one in here if isinstance(one, Push)])
        items = [_push_item(one, offsets) if isinstance(one, Push) else _refused_item(one) for _, _, one in here]
        return {"items": items, "next": _cursor_text(*here[-1][:2]) if len(found) > limit else None}

    return router


def _cursor_of(text: str) -> Cursor | None:
    """Raises Problem 422."""
    if not text:
        return None
    ms, _, id = text.partition("-")
    if not (ms.isascii() and ms.isdigit() and len(ms) <= len("9999999999999") and id):
        raise Problem(422, "after_invalid", "after is what an earlier answer had as `next`: send it as it was")
    return Cursor(EPOCH + int(ms) * MS, id)


def _cursor_text(opened: datetime, id: str) -> str:
    return f"{(opened - EPOCH) // MS}-{id}"


async def _next_offsets(pages: Pages, pushes: Sequence[Push]) -> dict[int, int]:
    shards = sorted({shard for push in pushes for shard in push.ends})
    return dict(zip(shards, await asyncio.gather(*map(pages.next_offset, shards)), strict=True))


def _push_item(push: Push, next_offsets: dict[int, int]) -> dict[str, Any]:
    answer = push.answer or {}
    # Of reversals that all are conflicts nothing is taken, and the ledger lists them all the same.
    is_conflict = bool(answer) and not answer["accepted"]
    status = None if not answer else 409 if is_conflict else 202
    return {
        "request_id": push.request_id or None,
        "push_id": push.id,
        "at": push.at.isoformat(),
        "status": status,
        "code": REVERSAL_CONFLICT if is_conflict else None,
        "detail": None,
        "accepted": answer.get("accepted"),
        "rejected": answer.get("rejected"),
        "test": answer.get("test"),
        "state": judgement(push, (), next_offsets, {}).state,
        "signed": None,
    }


def _refused_item(one: RefusedPush) -> dict[str, Any]:
    return {
        "request_id": one.request_id or None,
        "push_id": None,
        "at": one.at.isoformat(),
        "status": one.status,
        "code": one.code,
        "detail": one.detail,
        "accepted": 0,
        "rejected": one.rejected,
        "test": one.is_test,
        "state": "refused",
        "signed": one.signed,
    }
