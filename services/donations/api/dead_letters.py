"""Dead letters: rows that the ledger could not take, why, and another try."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pandapack.contracts.donations import EPOCH
from pandapack.decision import Refusal
from pandapack.runtime.auth import Caller, Role, needs
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem, command_of, refused
from pandapack.runtime.paging import PAGE_DEFAULT, After, Limit, asked, page
from pandapack.runtime.store import Command, Store
from services.donations.domain.dead_letters import DeadLetter, Replay, replayed
from services.donations.domain.intake import Failure, Intake, Reader
from services.donations.domain.reversals import KIND_HEADER, REVERSAL_KIND, sorted_reversals
from services.donations.domain.text import Text
from services.donations.store.dead_letters import dead_letters_known

REPLAYS_AT_ONCE_MAX = 500
LINE_BYTES_MAX = 65_536
PLACE_CHARACTERS_MAX = 200

Place = Annotated[str, StringConstraints(min_length=1, max_length=PLACE_CHARACTERS_MAX)]
Edited = Annotated[str, StringConstraints(min_length=1, max_length=LINE_BYTES_MAX)]
Operator = Annotated[Caller, Depends(needs())]
Reader_ = Depends(needs(Role.AUDITOR))


class Publish(Protocol):
    """How a push goes out: to which lines which rows, with which headers beside the push's."""

    async def __call__(self, push_id: str, intake: Intake, *more: tuple[str, bytes]) -> None: ...


class ReplayBody(BaseModel):
    """Which letters to send again, as they are or (place → line) edited; with `dry_run` nothing is sent."""

    model_config = ConfigDict(extra="forbid")

    places: Annotated[tuple[Place, ...], Field(min_length=1, max_length=REPLAYS_AT_ONCE_MAX)]
    edited: Annotated[dict[Place, Edited], Field(max_length=REPLAYS_AT_ONCE_MAX)] = {}
    dry_run: bool = False


def shown_letter(state: DeadLetter) -> dict[str, Any]:
    """A letter as JSON. `text` is for eyes: bytes that are no text are marked in it; `raw` (base64) has them all."""
    return {
        "place": state.place,
        "at": state.at and state.at.isoformat(),
        "kind": "reversal" if state.is_reversal else "donation",
        "cause": state.cause,
        "pointer": state.pointer,
        "reason": state.reason,
        "message": {"en": state.en, "zh": state.zh},
        "text": state.line.decode(errors="replace"),
        "raw": state.raw,
        "replays": [replay.model_dump(mode="json") for replay in state.replays],
    }


class Replays:
    """Sends letters again: validated like any push, published as one, noted on each letter."""

    def __init__(self, letters: Store[DeadLetter], lines: int, publish: Publish, clock: Clock) -> None:
        self._letters, self._lines, self._publish, self._clock = letters, lines, publish, clock
        self._reader = Reader(lines)

    async def send(self, body: ReplayBody, caller: Caller, command: Command) -> dict[str, Any]:
        """How many rows are what they should be now, and which still are not. Raises Problem 404, 409."""
        letters = [await self._letter(place) for place in body.places]
        push = "psh_" + hashlib.sha256(f"replay {command.key}".encode()).hexdigest()[:24]
        by, accepted, refused = f"{caller.name} ({caller.prefix})", 0, dict[str, Failure]()
        for are_reversals in (False, True):  # a reversal is tried behind its donation
            some = [letter for letter in letters if letter.is_reversal is are_reversals]
            intake = self._read(Text(*[_line(letter, body.edited) for letter in some]), are_reversals=are_reversals)
            misfits = {some[failure.index].place: failure for failure in intake.failures}
            accepted, refused = accepted + intake.accepted, refused | misfits
            if intake.accepted and not body.dry_run:
                await self._publish(push, intake, *([(KIND_HEADER, REVERSAL_KIND)] if are_reversals else []))
                for letter in some:
                    if letter.place not in misfits:
                        await self._note(letter.place, push, by, body.edited.get(letter.place), command)
        return {
            "dry_run": body.dry_run,
            "push_id": push if accepted and not body.dry_run else None,
            "accepted": accepted,
            "refused": [_shown_failure(place, refused[place]) for place in body.places if place in refused],
        }

    def _read(self, text: Text, *, are_reversals: bool) -> Intake:
        now = self._clock.now()
        if are_reversals:
            return sorted_reversals(text, self._lines, now)
        # A row that was in the log once was in time once: its age is not judged again.
        return self._reader.read(text, now=now, accept_days=(now - EPOCH + timedelta(days=1)).days)

    async def _letter(self, place: str) -> DeadLetter:
        letter = await self._letters.get(place)
        if letter is None or letter.at is None:
            raise Problem(404, "dead_letter_unknown", f"there is no dead letter {place}")
        return letter

    async def _note(self, place: str, push: str, by: str, edited: str | None, command: Command) -> None:
        replay = Replay(push=push, by=by, at=self._clock.wall(), edited=edited)
        outcome = await self._letters.change(place, lambda state: replayed(state, replay), command)
        if isinstance(outcome, Refusal):
            raise refused(outcome)


def _line(letter: DeadLetter, edited: Mapping[str, str]) -> bytes:
    line = edited[letter.place].encode() if letter.place in edited else letter.line
    # Rows are lines of a record: one letter stays one row.
    return line.replace(b"\n", b" ").replace(b"\r", b" ").strip() or b"null"


def _shown_failure(place: str, failure: Failure) -> dict[str, Any]:
    return {
        "place": place,
        "pointer": failure.pointer,
        "code": failure.code,
        "message": {"en": failure.en, "zh": failure.zh},
    }


def dead_letters_router(letters: Store[DeadLetter], replays: Replays) -> APIRouter:
    """`/dead-letters`."""
    router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

    @router.get("", dependencies=[Reader_])
    async def get_letters(
        *,
        cause: Annotated[str | None, StringConstraints(max_length=64)] = None,
        after: After = "",
        limit: Limit = PAGE_DEFAULT,
    ) -> dict[str, Any]:
        """Dead letters, by place; all, or those of one cause."""
        found = await dead_letters_known(letters, asked(cause=cause), after=after, limit=limit + 1)
        return page(found, limit, shown_letter)

    @router.post("/replays")
    async def post_replays(
        body: ReplayBody, caller: Operator, command: Annotated[Command, Depends(command_of)]
    ) -> dict[str, Any]:
        """Sends rows again, as they are or edited. What still is no donation is named and stays where it is."""
        return await replays.send(body, caller, command)

    @router.get("/{place:path}", dependencies=[Reader_])
    async def get_letter(place: Place) -> dict[str, Any]:
        """One dead letter."""
        letter = await letters.get(place)
        if letter is None or letter.at is None:
            raise Problem(404, "dead_letter_unknown", f"there is no dead letter {place}")
        return shown_letter(letter)

    return router
