"""What the ledger made of reversals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from pandapack.contracts.donations import shard_of
from pandapack.runtime.auth import Role, needs
from pandapack.runtime.http import Problem
from services.donations.ledger.domain.reversals import CONFLICT, ReversalRecord, standing
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.work.book import LedgerOf
from services.donations.platforms.api.access import NamedMerchant, of_merchant

OfMerchant = Annotated[NamedMerchant, Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))]

UNKNOWN_DETAIL = "the ledger has no reversal {id} of merchant {merchant} yet: it takes what was pushed within a second"


def shown_reversal(record: ReversalRecord, merchant: str = "") -> dict[str, Any]:
    """A reversal as JSON, and why it was refused, or is a conflict, where it is one of these.

    `merchant`: what who asks calls its merchant; without it, as the ledger does.
    """
    reversal, refusal = record.reversal, record.refusal
    return {
        "reversal": reversal.reversal,
        "merchant": merchant or reversal.merchant,
        "donation": reversal.donation,
        "day": reversal.day,
        "amount_fen": reversal.amount_fen,
        "at": reversal.at.isoformat(),
        "reason": reversal.reason,
        "programme": record.programme or None,
        "state": record.state,
        "refusal": refusal and {"code": refusal.code, "message": {"en": refusal.en, "zh": refusal.zh}},
        "page": record.page,
    }


def reversals_router(reversals: Reversals, ledger_of: LedgerOf) -> APIRouter:
    """`GET /v1/reversals`, `GET /v1/reversals/{merchant}/{id}`."""
    router = APIRouter(prefix="/v1/reversals", tags=["reversals"])

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_reversals(
        state: Annotated[Literal["taken", "parked", "refused", "conflict"], Query()] = "parked",
    ) -> dict[str, Any]:
        """Reversals that stand in one state: parked ones wait for a person, conflicts came under a used id."""
        return {"items": [shown_reversal(record) for record in await reversals.in_state(state)]}

    @router.get("/{merchant}/{id}")
    async def get_reversal(named: OfMerchant, id: str) -> dict[str, Any]:
        """What became of a reversal; where it was pushed several times, of the one that was taken, else of the last.

        `refusal` says why it was refused; `conflicts` came under its id and name something else: they take nothing.
        """
        key = f"{named.scoped}/{id}"
        book = await ledger_of(named.tests_of)
        shard = shard_of(named.scoped, book.shards) if named.scoped else None
        records = [] if shard is None else await book.reversals.records(shard, (key,), ())
        now = standing(records)
        if key not in now:
            raise Problem(404, "reversal_unknown", UNKNOWN_DETAIL.format(id=id, merchant=named.name))
        conflicts = [shown_reversal(record, named.name) for record in records if record.state == CONFLICT]
        return {**shown_reversal(now[key], named.name), "conflicts": conflicts}

    return router
