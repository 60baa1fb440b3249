"""The ledger's shards: how far each is, why it stopped, and letting it resume."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from pandapack.contracts.donations import NAME_PATTERN, day_name, day_number
from pandapack.runtime.acts import NotesActs
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, answer_to, command_of
from pandapack.runtime.store import Store
from services.donations.ledger.domain.gaps import REASON_CHARACTERS_MAX, ShardGaps, resume
from services.donations.ledger.store.pages import Pages

SHARD_MAX = 9_999
FEN_MAX = 2**53 - 1
"""No fen line is longer: whoever reads JSON has whole numbers up to here."""


class ResumeBody(BaseModel):
    """The gap, as `GET /v1/shards` shows it, and why the shard may resume without what was in it."""

    wanted: Annotated[int, Field(ge=0)]
    begins: Annotated[int, Field(ge=0)]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


def shards_router(gaps: Store[ShardGaps], pages: Pages, clock: Clock, shards: int) -> APIRouter:
    """`GET /v1/shards`, `GET /v1/shards/{shard}/fen/{fen}`, `POST /v1/shards/{shard}/resume`."""
    router = APIRouter(prefix="/v1/shards", tags=["shards"])

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_shards() -> dict[str, Any]:
        """Every shard: its last page, the next offset of its log, the gap that it stopped at, and its resumptions."""
        return {"items": [await _shard_view(gaps, pages, number) for number in range(shards)]}

    @router.get("/{shard}/fen/{fen}", dependencies=[Depends(needs(Role.AUDITOR))])
    async def get_fen(
        shard: Annotated[int, Path(ge=0, le=SHARD_MAX)],
        fen: Annotated[int, Path(ge=0, le=FEN_MAX)],
        programme: Annotated[str, Query(pattern=NAME_PATTERN)],
    ) -> dict[str, Any]:
        """The gift that has a fen of a programme's fen line: where one who has an interval asks whose it is."""
        found = await pages.find_fen(shard, programme, fen)
        if found is None:
            detail = f"{programme} has no fen {fen} on shard {shard}: GET /v1/shards says how many fen each shard has"
            raise Problem(404, "fen_unknown", detail)
        donation = found.donation
        day = day_name(day_number(donation.at_us))
        return {"merchant": donation.merchant, "id": donation.id, "day": day, "amount_fen": donation.amount_fen}

    @router.post("/{shard}/resume")
    async def post_resume(
        shard: Annotated[int, Path(ge=0, le=SHARD_MAX)],
        body: ResumeBody,
        request: Request,
        caller: Annotated[Caller, Depends(needs())],
        noting: NotesActs,
    ) -> JSONResponse:
        """Lets a shard that stopped at a gap resume behind it, within seconds. It is kept who said so, when and why.

        What was in the gap is lost to the ledger: let the platform push that time again, nothing counts twice.
        """
        if shard >= shards:
            raise Problem(404, "shard_unknown", f"there are the shards 0 to {shards - 1}")
        by, at = f"{caller.name} ({caller.prefix})", clock.wall()
        outcome = await gaps.change(
            str(shard),
            lambda state: resume(state, wanted=body.wanted, begins=body.begins, reason=body.reason, by=by, at=at),
            await command_of(request),
        )
        answer = answer_to(outcome)
        await noting(f"shards/{shard}", body.reason)
        return answer

    return router


async def _shard_view(gaps: Store[ShardGaps], pages: Pages, number: int) -> dict[str, Any]:
    page = await pages.last(number)
    known = await gaps.get(str(number)) or ShardGaps(shard=number)
    header = None if page is None else page.header
    return {
        "shard": number,
        "page": None if header is None else header.number,
        "page_closed": None if header is None else header.closed,
        "rows_on_page": None if header is None else header.count,
        "next_offset": 0 if header is None else header.next_offset,
        "donations": {} if header is None else header.counts,
        "fen": {} if header is None else header.fronts,
        "gap": None if known.gap is None else known.gap.model_dump(mode="json"),
        "resumptions": [done.model_dump(mode="json") for done in known.resumptions],
    }
