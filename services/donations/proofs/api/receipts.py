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
from services.donations.platforms.api.access import NamedMerchant, of_merchant
from services.donations.proofs.api.roots import known_signer
from services.donations.proofs.work.receipts import Receipts

OfMerchant = Annotated[NamedMerchant, Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))]


def receipts_router(receipts: Receipts, pages: Pages, signer: Signer | None, shards: int) -> APIRouter:
    """`GET /v1/receipts/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1/receipts", tags=["receipts"])

    @router.get("/{merchant}/{id}")
    async def get_receipt(named: OfMerchant, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """A receipt (`panda-receipt/1`): `panda verify` and the page /verify check it, offline.

        Its merchant is `platform:merchant`, as the ledger has it.

        Until its page is sealed there is nothing to prove with: the answer then has a `state` and no `scheme`.
        """
        key = known_signer(signer)
        found = named.scoped and await pages.find(shard_of(named.scoped, shards), named.scoped, id, day.isoformat())
        if not found:
            raise problem_of(donation_unknown(named.name, id, day))
        return await receipts.make(found, key)

    return router
