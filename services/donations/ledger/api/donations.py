"""Single donations: where each lies in the ledger; and what merchants gave on a day."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from pandapack.contracts.donations import day_of_name, shard_of
from pandapack.contracts.pages import page_id
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.auth import Role
from pandapack.runtime.http import Problem, problem_of
from services.donations.ledger.domain.reversals import TAKEN
from services.donations.ledger.domain.seals import Seal
from services.donations.ledger.domain.volumes import Volume
from services.donations.ledger.store.pages import FoundDonation
from services.donations.ledger.store.reversals import Reversals
from services.donations.ledger.store.seals import Seals
from services.donations.ledger.work.book import LedgerBook, LedgerOf
from services.donations.platforms.api.access import NamedMerchant, of_merchant
from services.donations.platforms.domain.platforms import unknown_merchant

VOLUMES_AT_ONCE_MAX = 2
"""Counting a festival day reads thousands of pages: so many at once, the others are asked to wait."""
VOLUMES_RETRY_S = 2
DAY_FIRST = date(1970, 1, 2)

OfMerchant = Annotated[NamedMerchant, Depends(of_merchant(Role.PLATFORM, Role.AUDITOR))]
MerchantOrStaff = Annotated[NamedMerchant, Depends(of_merchant(Role.AUDITOR))]


class ProgrammeVolume(BaseModel):
    """What was given to one programme."""

    programme: str
    count: int
    fen: int


class MerchantVolumes(BaseModel):
    """What one merchant gave on one day."""

    merchant: str
    day: str
    programmes: list[ProgrammeVolume]


def donation_unknown(merchant: str, id: str, day: date) -> Refusal:
    """The ledger has no such donation."""
    detail = f"merchant {merchant} has no donation {id} on {day.isoformat()}: look at the day, it is in Asia/Shanghai"
    return Refusal("donation_unknown", detail, RefusalKind.NOT_FOUND)


def donations_router(ledger_of: LedgerOf, seals: Seals) -> APIRouter:
    """`GET /v1/donations/{merchant}/{id}`, `GET /v1/merchants/{merchant}/volumes`."""
    router = APIRouter(prefix="/v1")
    counting = asyncio.Semaphore(VOLUMES_AT_ONCE_MAX)

    @router.get("/donations/{merchant}/{id}", tags=["donations"])
    async def get_donation(named: OfMerchant, id: str, day: Annotated[date, Query()]) -> dict[str, Any]:
        """Where a donation lies: page, row, interval on the fen line, and the seal of its page once it has one."""
        book = await ledger_of(named.tests_of)
        found = await found_in(book, named, id, day)
        # Tests have no seals: a page of theirs has the number of one that counts.
        seal = None if named.tests_of else await _seal_of(found, seals)
        return {**await _donation_view(found, day.isoformat(), seal, book.reversals), "merchant": named.name}

    @router.get(
        "/merchants/{merchant}/volumes",
        tags=["merchants"],
        response_model=MerchantVolumes,
    )
    async def get_volumes(named: MerchantOrStaff, day: Annotated[date, Query(gt=DAY_FIRST)]) -> dict[str, Any]:
        """What a merchant gave on a day (Asia/Shanghai), by programme, counted from the pages of the ledger.

        A merchant's volumes are its trade secret: it sees its own, and staff do.
        """
        if named.scoped is None:
            raise problem_of(unknown_merchant(named.name))
        if counting.locked():
            detail = f"{VOLUMES_AT_ONCE_MAX} days are being counted; ask again in {VOLUMES_RETRY_S} s"
            raise Problem(429, "busy", detail).retry_after(VOLUMES_RETRY_S)
        volume = Volume(named.scoped, day_of_name(day.isoformat()))
        book = await ledger_of("")
        async with counting:
            async for _, columns in book.pages.of_day(shard_of(named.scoped, book.shards), volume.day):
                volume.add(columns)
        programmes = [
            {"programme": name, "count": count, "fen": fen} for name, (count, fen) in sorted(volume.programmes.items())
        ]
        return {"merchant": named.name, "day": day.isoformat(), "programmes": programmes}

    return router


async def found_in(book: LedgerBook, named: NamedMerchant, id: str, day: date) -> FoundDonation:
    """A merchant's donation of a day in a ledger. Raises Problem 404."""
    shard = shard_of(named.scoped, book.shards) if named.scoped else None
    found = None if shard is None else await book.pages.find(shard, named.scoped or "", id, day.isoformat())
    if found is None:
        raise problem_of(donation_unknown(named.name, id, day))
    return found


async def _seal_of(found: FoundDonation, seals: Seals) -> Seal | None:
    header = found.page.header
    return await seals.one(header.shard, header.number) if header.closed else None


async def _donation_view(found: FoundDonation, day: str, seal: Seal | None, reversals: Reversals) -> dict[str, Any]:
    header, donation, fen_from = found.page.header, found.donation, found.fen_from
    records = await reversals.records(header.shard, (), (f"{donation.merchant}/{donation.id}/{day}",))
    taken = sorted((one.reversal for one in records if one.state == TAKEN), key=lambda one: (one.at, one.reversal))
    return {
        "merchant": donation.merchant,
        "id": donation.id,
        "day": day,
        "programme": donation.programme,
        "amount_fen": donation.amount_fen,
        "reversed_fen": sum(one.amount_fen for one in taken),
        "reversals": [{"amount_fen": one.amount_fen, "at": one.at.isoformat()} for one in taken],
        "at_us": donation.at_us,
        "shard": header.shard,
        "page": page_id(header.shard, header.number),
        "row": found.row,
        "page_closed": header.closed,
        "fen_from": fen_from,
        "fen_to": fen_from + donation.amount_fen,
        "seal": None
        if seal is None
        else {
            "rows": seal.rows,
            "root": seal.root.hex(),
            "previous": seal.previous.hex(),
            "chained": seal.chained.hex(),
        },
    }
