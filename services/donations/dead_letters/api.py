"""Dead letters: rows that the ledger could not take, why, and another try."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.donations import PlatformName
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.http import command_of
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, filters_of, page
from pandapack.runtime.store import Command, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter
from services.donations.dead_letters.work import RefusedDeadLetter, ReplayRequest, Replays

REPLAYS_AT_ONCE_MAX = 500
LINE_BYTES_MAX = 65_536
ADDRESS_CHARACTERS_MAX = 200
ROWS_SHOWN_MAX = 100
"""Columns are a tenth of the text that they stand for: a page of letters must not become a hundred times as long."""

Address = Annotated[str, StringConstraints(min_length=1, max_length=ADDRESS_CHARACTERS_MAX)]
Edited = Annotated[str, StringConstraints(min_length=1, max_length=LINE_BYTES_MAX)]
Operator = Annotated[Caller, Depends(needs())]
Reader = Depends(needs(Role.AUDITOR))


class ReplayBody(BaseModel):
    """Which dead letters to send again, as they are or (address → line) edited; with `dry_run` nothing is sent.

    `platform`: under which those are sent of which nobody vouches whose they are, such as unmarked records.
    """

    model_config = ConfigDict(extra="forbid")

    addresses: Annotated[tuple[Address, ...], Field(min_length=1, max_length=REPLAYS_AT_ONCE_MAX)]
    edited: Annotated[dict[Address, Edited], Field(max_length=REPLAYS_AT_ONCE_MAX)] = {}
    platform: PlatformName | None = None
    dry_run: bool = False


def shown_dead_letter(state: DeadLetter) -> dict[str, Any]:
    """A dead letter as JSON.

    `text` is for eyes: bytes that are no text are marked in it, and of columns the first rows are written out; `raw`
    (base64) has all bytes.
    """
    return {
        "address": state.address,
        "at": state.at and state.at.isoformat(),
        "platform": state.platform or None,
        "kind": "reversal" if state.is_reversal else "donation",
        "cause": state.cause,
        "pointer": state.pointer,
        "reason": state.reason,
        "message": {"en": state.en, "zh": state.zh},
        "text": b"\n".join(state.lines(ROWS_SHOWN_MAX)).decode(errors="replace"),
        "raw": state.raw,
        "rows": state.rows,
        "size_bytes": state.size,
        "replays": [replay.model_dump(mode="json") for replay in state.replays],
    }


def _failure_view(address: str, refused: RefusedDeadLetter) -> dict[str, Any]:
    """The first failure, where it is, and how many there are: a record's letter may have thousands."""
    failure = refused.first
    return {
        "address": address,
        "rows": refused.count,
        "row": failure.index,
        "pointer": failure.pointer,
        "code": failure.code,
        "message": {"en": failure.en, "zh": failure.zh},
    }


def dead_letters_router(dead_letters: Store[DeadLetter], replays: Replays) -> APIRouter:
    """`/v1/dead-letters`."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @router.get("", dependencies=[Reader])
    async def get_dead_letters(
        *,
        cause: Annotated[str | None, StringConstraints(max_length=64)] = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Dead letters, by address; all, or those of one cause."""
        found = await dead_letters.find(filters_of(cause=cause), after=after, limit=limit + 1)
        return page(found, limit, shown_dead_letter)

    @router.post("/replays")
    async def post_replays(
        body: ReplayBody, caller: Operator, command: Annotated[Command, Depends(command_of)]
    ) -> dict[str, Any]:
        """Sends rows again, as they are or edited. What still is no donation is named and stays where it is."""
        by = f"{caller.name} ({caller.prefix})"
        request = ReplayRequest(body.addresses, body.edited, by, body.platform or "", is_dry_run=body.dry_run)
        result = await replays.send(request, command)
        refused = [address for address in body.addresses if address in result.refused]
        return {
            "dry_run": body.dry_run,
            "push_id": result.push_id,
            "accepted": result.accepted,
            "refused": [_failure_view(address, result.refused[address]) for address in refused],
        }

    @router.get("/{address:path}", dependencies=[Reader])
    async def get_dead_letter(address: Address) -> dict[str, Any]:
        """One dead letter."""
        return shown_dead_letter(await replays.get(address))

    return router
