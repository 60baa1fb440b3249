"""Dead letters: rows that the ledger could not take, why, and in which groups."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import StringConstraints

from pandapack.runtime.auth import Role, needs
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, page
from pandapack.runtime.store import Store
from services.donations.dead_letters.api.bodies import (
    CAUSE_CHARACTERS_MAX,
    Address,
    GroupName,
)
from services.donations.dead_letters.api.views import (
    opened_dead_letter,
    shown_dead_letter,
    shown_group,
)
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status
from services.donations.dead_letters.domain.groups import LetterGroup
from services.donations.dead_letters.domain.jobs import Selection
from services.donations.dead_letters.store import where_of
from services.donations.dead_letters.work.dead_letters import Letters
from services.donations.dead_letters.work.examples import GoodRows
from services.donations.dead_letters.work.jobs import LetterJobs

Reader = Depends(needs(Role.AUDITOR))
Word = Annotated[str | None, StringConstraints(max_length=CAUSE_CHARACTERS_MAX)]


def dead_letters_router(
    dead_letters: Store[DeadLetter], groups: Store[LetterGroup], jobs: LetterJobs, good_rows: GoodRows
) -> APIRouter:
    """`/v1/dead-letters`, whose last route takes any address: it stands behind `replays_router`."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])
    reading = Letters(dead_letters, groups)

    @router.get("", dependencies=[Reader])
    async def get_dead_letters(
        *,
        cause: Word = None,
        group: Word = None,
        sender: Word = None,
        status: Status | None = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Dead letters, by address; all, or those that fit."""
        where = where_of(Selection(group=group or "", cause=cause or "", sender=sender or ""), status)
        return page(await dead_letters.find(where, after=after, limit=limit + 1), limit, shown_dead_letter)

    @router.get("/groups", dependencies=[Reader])
    async def get_groups(*, after: After = "", limit: Limit = PAGE_DEFAULT) -> dict[str, Any]:
        """Groups of dead letters with one cause, by id."""
        under_way = await jobs.under_way()
        found = await groups.find({}, after=after, limit=limit + 1)
        return page(found, limit, lambda group: shown_group(group, under_way))

    @router.get("/groups/{group}", dependencies=[Reader])
    async def get_group(group: GroupName) -> dict[str, Any]:
        """One group."""
        return shown_group(await reading.group(group), await jobs.under_way())

    @router.get("/{address:path}", dependencies=[Reader])
    async def get_dead_letter(address: Address) -> dict[str, Any]:
        """One dead letter, the place where it is wrong, and a good row beside it."""
        dead_letter = await reading.get(address)
        return opened_dead_letter(dead_letter, await good_rows.good_row_for(dead_letter))

    return router
