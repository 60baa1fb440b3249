"""Receipts, for who may ask for them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.proof import Signer
from pandapack.runtime.auth import Role
from pandapack.runtime.http import Problem
from services.donations.ledger.api.donations import found_in
from services.donations.ledger.work.book import LedgerOf
from services.donations.platforms.api.access import NamedMerchant, of_merchant
from services.donations.proofs.api.roots import known_signer
from services.donations.proofs.work.receipts import OF_A_TEST, Receipts, unproven

OfMerchant = Annotated[NamedMerchant, Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))]


def receipts_router(receipts: Receipts, ledger_of: LedgerOf, signer: Signer | None) -> APIRouter:
    """`GET /v1/receipts/{merchant}/{id}`, `GET /v1/proofs/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1", tags=["receipts"])

    @router.get("/receipts/{merchant}/{id}")
    async def get_receipt(named: OfMerchant, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """A receipt of the first form (`panda-receipt/1`): `panda verify` and the page /verify check it, offline.

        It rests on the installation's signature. What leads to the public log instead, and needs no key to be fetched,
        is reporting's `GET /v1/receipts/{platform}/{merchant}/{id}` (`panda-receipt/2`).

        Its merchant is `platform:merchant`, as the ledger has it.

        Until its page is sealed there is nothing to prove with: the answer then has a `state` and no `scheme`. A test
        is never sealed.
        """
        found = await found_in(await ledger_of(named.tests_of), named, id, day)
        return unproven(found, OF_A_TEST) if named.tests_of else await receipts.make(found, known_signer(signer))

    @router.get("/proofs/{merchant}/{id}")
    async def get_proof(named: OfMerchant, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """How a donation leads to the root of its page, which the public log has: the ledger's part of a receipt.

        `state` says whether the page is open, closed or sealed (`page_open`, `page_closed`, `page_sealed`); the proof
        is there once it is sealed. Tests have none.
        """
        if named.tests_of:
            raise Problem(
                404, "no_proof_of_tests", "what came with a key for tests is never sealed, and not in the log"
            )
        return await receipts.prove(await found_in(await ledger_of(""), named, id, day))

    return router
