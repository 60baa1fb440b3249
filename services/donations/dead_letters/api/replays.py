"""What operators do about dead letters: look ahead, send them again, give them up, take that back, stop."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import command_of
from pandapack.runtime.store import Command
from services.donations.dead_letters.api.bodies import (
    Address,
    DiscardBody,
    PreviewBody,
    ReplayBody,
    StopBody,
    required,
)
from services.donations.dead_letters.api.views import shown_dry_run, shown_job, shown_preview
from services.donations.dead_letters.domain.jobs import Doing, LetterJob, job_id
from services.donations.dead_letters.work.dead_letters import Letters
from services.donations.dead_letters.work.jobs import LetterJobs
from services.donations.dead_letters.work.previews import Previews

ACCEPTED = 202
BEHIND: dict[int | str, dict[str, Any]] = {
    ACCEPTED: {"description": "It goes on behind this answer: ask for its id.", "content": {"application/json": {}}}
}

Operator = Annotated[Caller, Depends(needs())]
Reader = Depends(needs(Role.AUDITOR))
Commanded = Annotated[Command, Depends(command_of)]


def _job(doing: Doing, body: ReplayBody | DiscardBody, caller: Caller, command: Command, clock: Clock) -> LetterJob:
    selection, given = body.selection, body if isinstance(body, ReplayBody) else None
    return LetterJob(
        job=job_id(doing, command.key, caller.prefix),
        doing=doing,
        digest=command.digest,
        selection=selection,
        edited=given.edited if given else {},
        platform=(given.platform if given else None) or "",
        reason=required(body.reason),
        by=f"{caller.name} ({caller.prefix})",
        at=clock.wall(),
        rate=(given.rate_rows_per_s if given else None) or 0,
        cap=(given.cap_rows if given else None) or 0,
        count=len(selection.addresses),
    )


async def _begun(jobs: LetterJobs, wanted: LetterJob, command: Command, response: Response) -> dict[str, Any]:
    """Letters that are named are done before the answer; others behind it."""
    job = await jobs.open(wanted, command)
    if wanted.selection.addresses and not wanted.rate:
        return shown_job(await jobs.until_over(job))
    response.status_code = ACCEPTED
    return shown_job(job)


def replays_router(jobs: LetterJobs, reading: Letters, previews: Previews, clock: Clock) -> APIRouter:
    """`/v1/dead-letters/previews`, `/replays` and `/discards`."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @router.post("/previews")
    async def post_preview(body: PreviewBody, caller: Operator) -> dict[str, Any]:
        """What a replay would do, and what it would add to the money; nothing is sent."""
        return shown_preview(await previews.of(body.selection, body.edited, body.platform or ""))

    @router.post("/replays", responses=BEHIND)
    async def post_replay(body: ReplayBody, caller: Operator, command: Commanded, response: Response) -> dict[str, Any]:
        """Sends letters again, as they are or edited. What still is no donation is named and stays where it is."""
        selection = body.selection
        if body.dry_run:
            return shown_dry_run(await previews.of(selection, body.edited, body.platform or ""), selection.addresses)
        wanted = _job(Doing.REPLAY, body, caller, command, clock)
        if selection.addresses and not await jobs.is_known(wanted.job):
            await reading.to_replay(selection.addresses, body.edited)
        return await _begun(jobs, wanted, command, response)

    @router.get("/replays/{id}", dependencies=[Reader])
    async def get_replay(id: Address) -> dict[str, Any]:
        """How far a replay or a discard is."""
        return shown_job(await jobs.get(id))

    @router.post("/replays/{id}/stop")
    async def post_stop(id: Address, body: StopBody, caller: Operator, command: Commanded) -> dict[str, Any]:
        """Nothing more is begun. What is done stays done."""
        return shown_job(await jobs.stop(id, required(body.reason), command))

    @router.post("/discards", responses=BEHIND)
    async def post_discard(
        body: DiscardBody, caller: Operator, command: Commanded, response: Response
    ) -> dict[str, Any]:
        """Gives letters up, or takes that back. They are kept and listed either way."""
        doing = Doing.TAKE_BACK if body.take_back else Doing.DISCARD
        wanted = _job(doing, body, caller, command, clock)
        if not await jobs.is_known(wanted.job):
            await reading.named(wanted.selection.addresses)
        return await _begun(jobs, wanted, command, response)

    return router
