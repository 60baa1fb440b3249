"""The ledger's lines: how far each is, why it stopped, and letting it go on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, command_of, settled
from services.donations.domain.lines import REASON_CHARACTERS_MAX, LineBook, go_on
from services.donations.settings import Settings
from services.donations.store import Stores

LINE_MAX = 9_999


class GoOn(BaseModel):
    """The gap, as `GET /v1/lines` shows it, and why the line may go on without what was in it."""

    wanted: Annotated[int, Field(ge=0)]
    begins: Annotated[int, Field(ge=0)]
    reason: Annotated[str, Field(min_length=1, max_length=REASON_CHARACTERS_MAX)]


def lines_router(stores: Stores, clock: Clock, settings: Settings) -> APIRouter:
    """`GET /lines`, `POST /lines/{line}/go-on`."""
    router = APIRouter(prefix="/v1/lines", tags=["lines"])

    @router.get("", dependencies=[Depends(needs(Role.AUDITOR))])
    async def lines() -> dict[str, Any]:
        """Every line: its last page, the next offset of its log, the gap that it stopped at, and those let go."""
        return {"items": [await _line(stores, number) for number in range(settings.lines)]}

    @router.post("/{line}/go-on")
    async def let_go_on(
        line: Annotated[int, Path(ge=0, le=LINE_MAX)],
        body: GoOn,
        request: Request,
        caller: Annotated[Caller, Depends(needs())],
    ) -> JSONResponse:
        """Lets a line that stopped at a gap go on behind it, within seconds. It is kept who said so, when and why.

        What was in the gap is lost to the ledger: let the platform push that time again, nothing counts twice.
        """
        if line >= settings.lines:
            raise Problem(404, "line_unknown", f"there are the lines 0 to {settings.lines - 1}")
        by, at = f"{caller.name} ({caller.prefix})", clock.wall()
        outcome = await stores.lines.change(
            str(line),
            lambda book: go_on(book, wanted=body.wanted, begins=body.begins, reason=body.reason, by=by, at=at),
            await command_of(request),
        )
        return settled(outcome)

    return router


async def _line(stores: Stores, number: int) -> dict[str, Any]:
    page = await stores.pages.last(number)
    book = await stores.lines.get(str(number)) or LineBook(line=number)
    head = None if page is None else page.head
    return {
        "line": number,
        "page": None if head is None else head.number,
        "page_closed": None if head is None else head.closed,
        "rows_on_page": None if head is None else head.count,
        "next_offset": 0 if head is None else head.next_offset,
        "donations": {} if head is None else head.counts,
        "fen": {} if head is None else head.fronts,
        "gap": None if book.gap is None else book.gap.model_dump(mode="json"),
        "gone_on": [done.model_dump(mode="json") for done in book.gone_on],
    }
