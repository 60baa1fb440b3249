"""Dead letters, their groups, and the jobs that are done with them ⇄ MongoDB."""

from __future__ import annotations

from typing import Any

from pandapack.runtime.budgets import DOCUMENT_BYTES_CEILING, Budget
from pandapack.runtime.store import Kind, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Status
from services.donations.dead_letters.domain.groups import UNVOUCHED, LetterGroup
from services.donations.dead_letters.domain.jobs import WORKING, LetterJob, Selection

DEAD_LETTERS: Kind[DeadLetter] = Kind(
    "dead_letters",
    DeadLetter,
    lambda id: DeadLetter(address=id),
    lambda id: f"/donations/dead-letters/{id}",
    # The bytes of half a mebibyte as base64, and what was sent in their place each time.
    Budget(DOCUMENT_BYTES_CEILING, instead="push what is in it anew"),
    publishes=False,
)
DEAD_LETTER_INDEXES = ("state.cause", "state.group", "state.status")
LETTER_GROUPS: Kind[LetterGroup] = Kind(
    "letter_groups",
    LetterGroup,
    lambda id: LetterGroup(group=id),
    lambda id: f"/donations/letter-groups/{id}",
    publishes=False,
)
LETTER_JOBS: Kind[LetterJob] = Kind(
    "letter_jobs",
    LetterJob,
    lambda id: LetterJob(job=id),
    lambda id: f"/donations/replays/{id}",
    # The edited texts of one request, which its steps need, after a crash as well.
    Budget(DOCUMENT_BYTES_CEILING, instead="send fewer edited letters in one request"),
)
LETTER_JOB_INDEXES = ("state.state",)
JOBS_WORKING_MAX = 8
"""Jobs under way at once: they share the door with the platforms' pushes, a step at a time."""

_NOT_DONE_WITH = [Status.OPEN.value, None]
"""Letters that were kept before there were statuses have none."""


def where_of(selection: Selection, status: Status | None) -> dict[str, Any]:
    """The filter for a selection's letters of a status, or of any; addresses apart."""
    where: dict[str, Any] = {}
    if selection.group:
        where["state.group"] = selection.group
    if selection.cause:
        where["state.cause"] = selection.cause
    if selection.sender:
        where["state.platform"] = "" if selection.sender == UNVOUCHED else selection.sender
    if status is not None:
        where["state.status"] = _NOT_DONE_WITH if status is Status.OPEN else status.value
    return where


async def working(jobs: Store[LetterJob]) -> list[LetterJob]:
    """The jobs that are under way."""
    found = await jobs.find({"state.state": [state.value for state in WORKING]}, limit=JOBS_WORKING_MAX + 1)
    return [job for _, job in found]
