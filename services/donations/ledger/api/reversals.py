"""What the ledger made of reversals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import shard_of
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem
from services.donations.ledger.domain.reversals import ReversalRecord, standing
from services.donations.ledger.store.reversals import Reversals
from services.donations.platforms.api.access import of_merchant

UNKNOWN_DETAIL = "the ledger has no reversal {id} of merchant {merchant} yet: it takes what was pushed within a second"


def shown_reversal(record: ReversalRecord) -> dict[str, Any]:
    """A reversal as JSON. `state`: taken, parked (its donation is not known) or refused (more than is left of it)."""
    reversal = record.reversal
    return {
        "reversal": reversal.reversal,
        "merchant": reversal.merchant,
        "donation": reversal.donation,
        "day": reversal.day,
        "amount_fen": reversal.amount_fen,
        "at": reversal.at.isoformat(),
        "reason": reversal.reason,
        "programme": record.programme or None,
        "state": record.state,
        "page": record.page,
    }


def reversals_router(reversals: Reversals, shards: int) -> APIRouter:
    """`GET /v1/reversals`, `GET /v1/reversals/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1/reversals", tags=["reversals"])

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_reversals(
        state: Annotated[Literal["taken", "parked", "refused"], Query()] = "parked",
    ) -> dict[str, Any]:
        """Reversals that stand in one state: those that are parked wait for a person."""
        return {"items": [shown_reversal(record) for record in await reversals.in_state(state)]}

    @router.get("/{merchant}/{id}", dependencies=[Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))])
    async def get_reversal(merchant: str, id: str) -> dict[str, Any]:
        """What became of a reversal; where it was pushed several times, of the one that was taken, else of the last."""
        key = f"{merchant}/{id}"
        now = standing(await reversals.records(shard_of(merchant, shards), (key,), ()))
        if key not in now:
            raise Problem(404, "reversal_unknown", UNKNOWN_DETAIL.format(id=id, merchant=merchant))
        return shown_reversal(now[key])

    return router
