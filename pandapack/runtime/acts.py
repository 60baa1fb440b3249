"""What was done to something that has no document of its own becomes an event all the same: keys, partitions, log-ins.

    await acts.note(caller, "POST /v1/keys", "/donations/keys/1f2e3d4c", reason)

publishes `SERVICE.OperatorActed` with the caller as its actor. An act is noted before it takes effect, and after
everything that may refuse it: what happened is always noted, and at worst a note tells of what a crash prevented.
A command on a document needs no note: where its decision has no event, `runtime.store` publishes this one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from pandapack.contracts.acts import acted
from pandapack.contracts.causation import REASON_CHARACTERS_MAX, Actor, traceparent_of
from pandapack.contracts.donations import CHINA
from pandapack.contracts.envelope import Part
from pandapack.decision import Decision, Refusal, Refused
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import actor_of, idempotency_key, route_of
from pandapack.runtime.store import Command, Kind, Store

if TYPE_CHECKING:  # `auth` notes the keys that it makes
    from pandapack.runtime.auth import Caller


RUN_CHARACTERS = 8
"""Of the name that a process has in its documents: none of them is another's, nor an emptied database's of before."""


class Operations(Part):
    """A process's acts of a day: how many there were. What they were is in its events."""

    name: str
    acts: int = 0


def operations_kind(service: str) -> Kind[Operations]:
    """How a service keeps a day's acts."""
    return Kind("operations", Operations, lambda id: Operations(name=id), lambda id: f"/{service}/operations/{id}")


def note(state: Operations, *, source: str, command: str, subject: str) -> Decision[Operations]:
    """One act more."""
    after = state.model_copy(update={"acts": state.acts + 1})
    return Decision(after, (acted(source, command, subject),))


class Acts:
    """The acts of one service. `chance` names those whose sender has no name for them."""

    def __init__(self, operations: Store[Operations], clock: Clock, chance: Chance) -> None:
        self._operations, self._clock, self._chance = operations, clock, chance
        self._run = chance.token()[:RUN_CHARACTERS]
        self.service = operations.kind.source("").split("/")[1]

    async def note(
        self, caller: Caller | Actor, command: str, subject: str, reason: str = "", *, key: str = ""
    ) -> None:
        """Publishes that somebody acted. `key`: under one key the same is noted once a day and process.

        `subject` is a path: `/donations/keys/1f2e3d4c`. Raises Refused (`outbox_full`), StoreUnavailable, AnswerLost:
        then nothing may be done.
        """
        actor = caller if isinstance(caller, Actor) else Actor(caller.name, caller.role, caller.prefix)
        await self._note(command, subject, Command(key, "", actor, reason=reason))

    async def note_request(self, request: Request, subject: str, reason: str = "", *, key: str = "") -> None:
        """Publishes that the request's sender did what its route says; see `note`."""
        command = Command(
            key or idempotency_key(request.headers) or "",
            "",
            actor_of(request.scope),
            request.scope.get("request_id", ""),
            reason,
            traceparent_of(request.headers.get("traceparent", "")),
        )
        await self._note(route_of(request.scope), subject, command)

    async def _note(self, what: str, subject: str, command: Command) -> None:
        day = self._clock.now().astimezone(CHINA).date().isoformat()
        document = f"{day}-{self._run}"
        source = self._operations.kind.source(document)
        key = f"{command.actor.key} {what} {subject} {command.key}" if command.key else self._chance.token()
        reason = command.reason[:REASON_CHARACTERS_MAX]
        noting = partial(note, source=source, command=what, subject=subject)
        outcome = await self._operations.change(document, noting, replace(command, key=key, reason=reason))
        if isinstance(outcome, Refusal):
            raise Refused(outcome)


@dataclass(frozen=True, slots=True)
class Noting:
    """A request under way notes what its sender does: `await noting("/donations/keys/1f2e3d4c")`."""

    acts: Acts
    request: Request

    async def __call__(self, subject: str, reason: str = "", *, key: str = "") -> None:
        """See `Acts.note`; the subject begins behind the service's name: `keys/1f2e3d4c`."""
        await self.acts.note_request(self.request, f"/{self.acts.service}/{subject}", reason, key=key)

    async def key(self, prefix: str, *, of: str = "", made_for: str = "") -> None:
        """A key is made or revoked. `of`: whose it is, as `platforms/tmall/`; `made_for`: its role and name."""
        await self(f"{of}keys/{prefix}", made_for)


def acts_of(request: Request) -> Acts:
    """The service's acts."""
    acts: Acts = request.app.state.acts
    return acts


def noting_of(request: Request) -> Noting:
    """A dependency of each route that changes what has no document of its own."""
    return Noting(acts_of(request), request)


NotesActs = Annotated[Noting, Depends(noting_of)]
