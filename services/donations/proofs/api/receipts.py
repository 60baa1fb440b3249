"""Receipts, for who may ask for them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import shard_of
from pandapack.contracts.proof import Signer
from pandapack.runtime.auth import Role
from pandapack.runtime.http import problem_of
from services.donations.ledger.api.donations import donation_unknown
from services.donations.ledger.store.pages import Pages
from services.donations.platforms.api.access import of_merchant
from services.donations.proofs.api.roots import known_signer
from services.donations.proofs.work.receipts import Receipts


def receipts_router(receipts: Receipts, pages: Pages, signer: Signer | None, shards: int) -> APIRouter:
    """`GET /v1/receipts/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1/receipts", tags=["receipts"])

    @router.get("/{merchant}/{id}", dependencies=[Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))])
    async def get_receipt(merchant: str, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """A receipt (`panda-receipt/1`): `panda verify` and the page /verify check it, offline.

        Until its page is sealed there is nothing to prove with: the answer then has a `state` and no `scheme`.
        """
        key = known_signer(signer)
        found = await pages.find(shard_of(merchant, shards), merchant, id, day.isoformat())
        if found is None:
            raise problem_of(donation_unknown(merchant, id, day))
        return await receipts.make(found, key)

    return router
