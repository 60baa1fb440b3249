"""Single donations: where each lies in the ledger."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import DAY_OFFSET_US, DAY_US, day_of_name, line_of
from pandapack.contracts.pages import page_id
from pandapack.runtime.auth import Role
from pandapack.runtime.http import Problem
from services.donations.api.merchants import of_merchant
from services.donations.domain.reversals import TAKEN
from services.donations.settings import Settings
from services.donations.store import Stores
from services.donations.store.pages import Page


def gifts_router(stores: Stores, settings: Settings) -> APIRouter:
    """`GET /donations/{merchant}/{id}`."""
    router = APIRouter(tags=["donations"])

    @router.get("/donations/{merchant}/{id}", dependencies=[Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))])
    async def one_donation(merchant: str, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """Where a donation lies: page, row, interval on the fen line, and the seal of its page once it has one."""
        line = line_of(merchant, settings.lines)
        async for page in stores.pages.holding(line, day.isoformat(), id):
            row = _find(page, merchant, id, day_of_name(day.isoformat()))
            if row is not None:
                return await _located(stores, page, row, day.isoformat())
        words = (
            f"merchant {merchant} has no donation {id} on {day.isoformat()}: look at the day, it is in Asia/Shanghai"
        )
        raise Problem(404, "donation_unknown", words)

    return router


def _find(page: Page, merchant: str, id: str, day: int) -> int | None:
    low, high = day * DAY_US - DAY_OFFSET_US, (day + 1) * DAY_US - DAY_OFFSET_US
    return page.columns.find(merchant, id, low, high)


async def _located(stores: Stores, page: Page, row: int, day: str) -> dict[str, Any]:
    head, one = page.head, page.columns.row(row)
    fen_from = head.intervals[one.programme][0] + page.columns.fen_before(row)
    seal = await stores.seals.one(head.line, head.number) if head.closed else None
    of = f"{one.merchant}/{one.id}/{day}"
    reversals = await stores.pages.reversals(head.line, (), (of,))
    return {
        "merchant": one.merchant,
        "id": one.id,
        "day": day,
        "programme": one.programme,
        "amount_fen": one.amount_fen,
        "reversed_fen": sum(kept.told.amount_fen for kept in reversals if kept.state == TAKEN),
        "at_us": one.at_us,
        "line": head.line,
        "page": page_id(head.line, head.number),
        "row": row,
        "page_closed": head.closed,
        "fen_from": fen_from,
        "fen_to": fen_from + one.amount_fen,
        "seal": None
        if seal is None
        else {
            "rows": seal.rows,
            "root": seal.root.hex(),
            "previous": seal.previous.hex(),
            "chained": seal.chained.hex(),
        },
    }
