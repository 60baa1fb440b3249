"""The one way to write a document: `store.change(id, decide, cause)`.

It loads the document (or starts an empty one), drops the cause if the document has it already, calls `decide(state)`, a
pure function, and updates the document where `version` is still what was read. On a lost race or a lost answer it runs
again: the inbox (or the kept answers) tells whether it had happened. State, inbox and outbox are one atomic write.
What would pass the kind's budget (`runtime.budgets`) is not written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from pandapack.backoff import Backoff
from pandapack.contracts.acts import acted
from pandapack.contracts.causation import NOBODY, Actor, Causation, Consumed, causes_of, merged
from pandapack.contracts.envelope import Event
from pandapack.contracts.outbox import outbox_of
from pandapack.decision import Decision, Refusal, RefusalKind
from pandapack.runtime.budgets import DEFAULT, Budget, check, kept_answers
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.documents import AnswerLost, CommandAnswer, Document, Documents, Filter, Json, Update
from pandapack.runtime.errors import Unavailable

CHANGE_ATTEMPTS_MAX = 60
CHANGE_BACKOFF = Backoff(first_s=0.002, max_s=0.5)
DOCUMENTS_A_READ = 1_000

S = TypeVar("S", bound=BaseModel)
Decide = Callable[[S], Decision[S] | Refusal]


@dataclass(frozen=True, slots=True)
class EventPosition:
    """An event's position in its stream, counted from 1 (a sequence, or a Kafka offset + 1).

    `gapless`: positions come without gaps; a higher one than the next raises `SequenceGap`.
    `final`: the stream has nothing behind this; its entry leaves the inbox, and the state must know that it is closed.
    """

    stream: str
    position: int
    gapless: bool = False
    final: bool = False
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A request's Idempotency-Key and the digest of its body; who sent it, and why, where it says so.

    `what`: its method and route. A decision on it that has no event is told as an act (`contracts.acts`).
    """

    key: str
    digest: str
    actor: Actor = NOBODY
    request_id: str = ""
    reason: str = ""
    traceparent: str | None = None
    what: str = ""

    @property
    def causation(self) -> Causation:
        """The command as what made an event."""
        return Causation((), self.actor, self.request_id, self.reason, self.traceparent)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What is known after a change. `repeated`: it had happened before, `answer` is the earlier one."""

    state: S
    version: int
    answer: Json
    repeated: bool = False


class SequenceGap(Exception):
    """A stream without gaps showed one: an event is missing before this. The partition must stop."""


class CannotApply(Exception):
    """An event of our own met a refusal. Events are never skipped: the partition must stop."""


class OutboxFull(Unavailable):
    """A document's events wait to be published and hold all the room that there is: once Kafka has them, try again."""


class TooMuchContention(Exception):
    """A document could not be written within `CHANGE_ATTEMPTS_MAX` attempts."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """A kind of document: its collection, the state's type, its empty state, its events' source, and its budget.

    `publishes`: whether documents of the kind publish events at all; of those that do not nobody asks what made them.
    `tells_acts`: whether a command on such a document is an event where its decision has none.
    """

    collection: str
    state: type[S]
    empty: Callable[[str], S]
    source: Callable[[str], str]
    budget: Budget = DEFAULT
    publishes: bool = True
    tells_acts: bool = True


@dataclass(slots=True)
class _Draft(Generic[S]):
    """A document while a change is being decided."""

    state: S
    inbox: dict[str, int]
    answers: tuple[CommandAnswer, ...]
    events: list[tuple[Event, Causation]]
    answer: Json
    consumed: Consumed
    changed: bool = False


class Store(Generic[S]):
    """Documents of one kind, changed by pure decisions. `on_outbox(store, id)` wakes the relay."""

    def __init__(
        self,
        kind: Kind[S],
        documents: Documents,
        *,
        clock: Clock,
        chance: Chance,
        on_outbox: Callable[[Store[Any], str], None] = lambda store, id: None,
    ) -> None:
        self.kind = kind
        self.documents = documents
        self._clock = clock
        self._chance = chance
        self._on_outbox = on_outbox

    async def get(self, id: str) -> S | None:
        """The state of a document, or None where there is none."""
        document = await self.documents.read(id)
        return None if document is None else self._state(document)

    async def get_all(self, ids: Sequence[str]) -> dict[str, S]:
        """The states of those of these documents that there are."""
        return {id: self._state(document) for id, document in (await self.documents.read_all(ids)).items()}

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[tuple[str, S]]:
        """(id, state) of the documents that match; see `Documents.find`."""
        found = await self.documents.find(where, after=after, limit=limit, newest_first=newest_first)
        return [(document.id, self._state(document)) for document in found]

    async def scan(self, where: Filter) -> AsyncIterator[tuple[str, S]]:
        """(id, state) of all documents that match, by id; some are read at a time."""
        after = ""
        while True:
            found = await self.find(where, after=after, limit=DOCUMENTS_A_READ)
            for one in found:
                yield one
            if len(found) < DOCUMENTS_A_READ:
                return
            after = found[-1][0]

    async def change(self, id: str, decide: Decide[S], cause: EventPosition | Command) -> Outcome[S] | Refusal:
        """One decision. A command's refusal comes back, nothing is written; an event's refusal raises CannotApply.

        A command that would pass the kind's budget is refused: `document_full`, `event_too_large`, `outbox_full`.
        """
        match cause:
            case Command():
                return await self._run(id, lambda draft: self._execute(id, draft, cause, decide), is_command=True)
            case EventPosition():
                return await self.apply(id, [(cause, decide)])

    async def apply(
        self,
        id: str,
        steps: Sequence[tuple[EventPosition, Decide[S]]],
        finish: Decide[S] | None = None,
        *,
        known: Document | None = None,
    ) -> Outcome[S]:
        """Several events for one document, in order, in one write.

        `finish` is decided once at the end, if any of them was new. `known`: as it was read with others; it is read
        again where it has been written since. Raises SequenceGap, CannotApply, OutboxFull.
        """

        def fold(draft: _Draft[S]) -> Refusal | None:
            for position, decide in steps:
                self._apply_event(draft, position, decide)
            if draft.changed and finish is not None:
                self._decide(draft, finish, id, Causation(traceparent=steps[-1][0].traceparent))
            return None

        outcome = await self._run(id, fold, is_command=False, known=known)
        assert isinstance(outcome, Outcome), "an event's refusal raises"
        return outcome

    async def _run(
        self,
        id: str,
        decide: Callable[[_Draft[S]], Refusal | None],
        *,
        is_command: bool,
        known: Document | None = None,
    ) -> Outcome[S] | Refusal:
        for attempt in range(1, CHANGE_ATTEMPTS_MAX + 1):
            document, known = known or await self.documents.read(id) or Document(id), None
            draft = _Draft(self._state(document), dict(document.inbox), document.answers, [], {}, document.consumed)
            refusal = decide(draft)
            if refusal is not None:
                return refusal
            if not draft.changed:
                return Outcome(draft.state, document.version, draft.answer, repeated=True)
            update = self._update(document, draft)
            refusal = self._check(document, update, is_command=is_command)
            if refusal is not None:
                return refusal
            if await self._write(document, update):
                return Outcome(draft.state, document.version + 1, draft.answer)
            await asyncio.sleep(CHANGE_BACKOFF.pause_s(attempt, self._chance.jitter()))
        raise TooMuchContention(f"{self.kind.collection}/{id} changed under {CHANGE_ATTEMPTS_MAX} attempts to write it")

    def _update(self, document: Document, draft: _Draft[S]) -> Update:
        source, at = self.kind.source(document.id), self._clock.now()
        outbox = outbox_of(draft.events, source=source, published=document.sequence, at=at)
        return Update(
            inbox=draft.inbox,
            state=draft.state.model_dump(mode="json"),
            sequence=document.sequence + len(outbox),
            outbox=outbox,
            answers=draft.answers,
            consumed=draft.consumed,
        )

    def _check(self, document: Document, update: Update, *, is_command: bool) -> Refusal | None:
        """A command's refusal where the update passes the budget; an event's raises."""
        where = f"{self.kind.collection}/{document.id}"
        refusal = check(self.kind.budget, where, update, waiting=document.outbox, is_command=is_command)
        if refusal is None or is_command:
            return refusal
        if refusal.code == "outbox_full":
            raise OutboxFull(refusal.detail)
        raise CannotApply(f"{refusal.code}: {refusal.detail}")

    async def _write(self, document: Document, update: Update) -> bool:
        try:
            written = await self.documents.write(document.id, document.version, update)
        except AnswerLost:
            return False
        if written and update.outbox:
            self._on_outbox(self, document.id)
        return written

    def _execute(self, id: str, draft: _Draft[S], command: Command, decide: Decide[S]) -> Refusal | None:
        for before in draft.answers:
            if before.key == command.key:
                draft.answer = before.answer
                return None if before.digest == command.digest else key_used_otherwise(command.key)
        decision = decide(draft.state)
        if isinstance(decision, Refusal):
            return decision
        if self._is_act(command) and not decision.events:
            decision = replace(decision, events=(acted(self.kind.source(id), command.what),))
        self._adopt(draft, decision, command.causation)
        draft.answers = kept_answers((*draft.answers, CommandAnswer(command.key, command.digest, decision.answer)))
        return None

    def _is_act(self, command: Command) -> bool:
        """Whether it must be told who did this. What a command does on its way is told by what it leads to."""
        is_told = self.kind.publishes and self.kind.tells_acts
        return is_told and command.what != "" and command.actor is not NOBODY

    def _apply_event(self, draft: _Draft[S], event: EventPosition, decide: Decide[S]) -> None:
        applied = draft.inbox.get(event.stream, 0)
        if event.position <= applied:
            return
        if event.gapless and event.position > applied + 1:
            raise SequenceGap(f"{event.stream}: applied up to {applied}, then {event.position} came")
        if self.kind.publishes:
            draft.consumed = merged(draft.consumed, event.stream, event.position)
        self._decide(draft, decide, f"{event.stream}#{event.position}", Causation(traceparent=event.traceparent))
        if event.final:
            draft.inbox.pop(event.stream, None)
        else:
            draft.inbox[event.stream] = event.position

    def _decide(self, draft: _Draft[S], decide: Decide[S], of: str, causation: Causation) -> None:
        decision = decide(draft.state)
        if isinstance(decision, Refusal):
            raise CannotApply(f"{self.kind.collection}: {of}: {decision.code}: {decision.detail}")
        self._adopt(draft, decision, causation)

    @staticmethod
    def _adopt(draft: _Draft[S], decision: Decision[S], causation: Causation) -> None:
        """The first event names all that was consumed since the one before; those behind it follow it."""
        draft.state, draft.answer, draft.changed = decision.state, decision.answer, True
        for event in decision.events:
            draft.events.append((event, replace(causation, causes=causes_of(draft.consumed))))
            draft.consumed = {}

    def _state(self, document: Document) -> S:
        if document.state is None:
            return self.kind.empty(document.id)
        return self.kind.state.model_validate(document.state)


def key_used_otherwise(key: str) -> Refusal:
    """The same Idempotency-Key came with another body."""
    return Refusal(
        "idempotency_key_reused",
        f"Idempotency-Key {key!r} was used before with another body; send the same body again, or choose a new key",
        RefusalKind.CONFLICT,
    )
