"""Receipts: the proof that one donation is in the ledger, for who may ask for it."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import day_of_name, line_of
from pandapack.contracts.proof import HeadProof, Signer, head_proof, make_receipt
from pandapack.runtime.auth import Role
from pandapack.runtime.http import Problem
from services.donations.api.heads import signing
from services.donations.api.merchants import of_merchant
from services.donations.domain.receipts import placed, row_of, seal_proof
from services.donations.domain.seals import Seal
from services.donations.settings import Settings
from services.donations.store import Stores
from services.donations.store.pages import Page

NOT_SEALED = "recorded, not sealed yet"


def receipts_router(stores: Stores, settings: Settings, signer: Signer | None) -> APIRouter:
    """`GET /v1/receipts/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1", tags=["receipts"])

    @router.get("/receipts/{merchant}/{id}", dependencies=[Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))])
    async def receipt(merchant: str, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """A receipt (`panda-receipt/1`): `panda verify` and the page /verify check it, offline.

        Until its page is sealed there is nothing to prove with: the answer then has a `state` and no `scheme`.
        """
        key = signing(signer)
        line, number = line_of(merchant, settings.lines), day_of_name(day.isoformat())
        async for page in stores.pages.holding(line, day.isoformat(), id):
            row = await asyncio.to_thread(row_of, page.columns.rows(), merchant, id, number)
            if row is not None:
                return await _receipt(stores, page, row, key)
        words = (
            f"merchant {merchant} has no donation {id} on {day.isoformat()}: look at the day, it is in Asia/Shanghai"
        )
        raise Problem(404, "donation_unknown", words)

    return router


async def _receipt(stores: Stores, page: Page, row: int, signer: Signer) -> dict[str, Any]:
    head = page.head
    donation, place = placed(head.line, head.number, page.columns, row, head.intervals)
    seal = await stores.seals.one(head.line, head.number) if head.closed else None
    if seal is None:
        return {
            "state": NOT_SEALED,
            "donation": msgspec.to_builtins(donation),
            "place": msgspec.to_builtins(place),
        }
    proof = await asyncio.to_thread(seal_proof, seal, page.columns, row)
    covered = await _head_proof(stores, seal, head.opened_day)
    answer: dict[str, Any] = msgspec.to_builtins(make_receipt(donation, place, proof, covered, signer))
    return answer


async def _head_proof(stores: Stores, seal: Seal, opened_day: int) -> HeadProof | None:
    head = await stores.heads.covering(seal.line, seal.number, opened_day)
    if head is None:
        return None
    own = head.lines[seal.line]
    return head_proof(head, seal.line, seal.number, await stores.heads.chained(seal.line, own.first, own.page))
