"""The one way to write: `store.change(id, decide, hearing)`.

It loads the document (or starts an empty one), drops the hearing if it was heard before, calls `decide(state)`, a pure
function, and updates the document where `version` is still what was read. On a lost race or a lost answer it runs
again; the hearing inside the document tells whether it had happened. State, inbox and outbox are one atomic write.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from pandapack.contracts.envelope import Event, encode, envelop
from pandapack.decision import Decision, Refusal, RefusalKind
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.documents import Answered, AnswerLost, Document, Documents, Filter, Json, Said, Update

CHANGE_ATTEMPTS_MAX = 60
CHANGE_PAUSE_MS_FIRST = 2
CHANGE_PAUSE_MS_MAX = 500
ANSWERS_KEPT_MAX = 32
DOCUMENTS_A_READ = 1_000

S = TypeVar("S", bound=BaseModel)
Decide = Callable[[S], Decision[S] | Refusal]


@dataclass(frozen=True, slots=True)
class Hearing:
    """An event's place in its stream: `position` counts from 1 (a sequence, or a Kafka offset + 1).

    `next_only`: positions come without gaps; a higher one than the next raises `HeardTooEarly`.
    `last`: the stream says nothing after this; its entry leaves the document, whose state must know it is closed.
    """

    stream: str
    position: int
    next_only: bool = False
    last: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A request's Idempotency-Key and the digest of its body."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What is known after a change. `repeated`: it had happened before, `answer` is the earlier one."""

    state: S
    version: int
    answer: Json
    repeated: bool = False


class HeardTooEarly(Exception):
    """A stream without gaps showed one: an event is missing before this. The partition must stop."""


class CannotApply(Exception):
    """An event of our own met a refusal. Events are never skipped: the partition must stop."""


class TooMuchContention(Exception):
    """A document could not be written within `CHANGE_ATTEMPTS_MAX` attempts."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """A kind of document: its collection, the state's type, its empty state and the source it speaks under."""

    collection: str
    state: type[S]
    empty: Callable[[str], S]
    source: Callable[[str], str]


@dataclass(slots=True)
class _Draft(Generic[S]):
    """A document while a change is being decided."""

    state: S
    heard: dict[str, int]
    answered: tuple[Answered, ...]
    events: list[Event]
    answer: Json
    changed: bool = False


class Store(Generic[S]):
    """Documents of one kind, changed by pure decisions. `on_saying(store, id)` wakes the relay."""

    def __init__(
        self,
        kind: Kind[S],
        documents: Documents,
        *,
        clock: Clock,
        chance: Chance,
        on_saying: Callable[[Store[Any], str], None] = lambda store, id: None,
    ) -> None:
        self.kind = kind
        self.documents = documents
        self._clock = clock
        self._chance = chance
        self._on_saying = on_saying

    async def get(self, id: str) -> S | None:
        """The state of a document, or None where there is none."""
        document = await self.documents.read(id)
        return None if document is None else self._state(document)

    async def find(
        self, where: Filter, *, after: str = "", limit: int = 1000, newest_first: bool = False
    ) -> list[tuple[str, S]]:
        """(id, state) of the documents that match; see `Documents.find`."""
        found = await self.documents.find(where, after=after, limit=limit, newest_first=newest_first)
        return [(document.id, self._state(document)) for document in found]

    async def every(self, where: Filter) -> AsyncIterator[tuple[str, S]]:
        """(id, state) of all documents that match, by id; some are read at a time."""
        after = ""
        while True:
            found = await self.find(where, after=after, limit=DOCUMENTS_A_READ)
            for one in found:
                yield one
            if len(found) < DOCUMENTS_A_READ:
                return
            after = found[-1][0]

    async def change(self, id: str, decide: Decide[S], hearing: Hearing | Command) -> Outcome[S] | Refusal:
        """One decision. A command's refusal comes back, nothing is written; an event's refusal raises CannotApply."""
        match hearing:
            case Command():
                return await self._run(id, lambda draft: self._obey(draft, hearing, decide))
            case Hearing():
                return await self.hear(id, [(hearing, decide)])

    async def hear(
        self, id: str, steps: Sequence[tuple[Hearing, Decide[S]]], settle: Decide[S] | None = None
    ) -> Outcome[S]:
        """Several events for one document, in order, in one write.

        `settle` is decided once at the end, if any of them was new. Raises HeardTooEarly, CannotApply.
        """

        def fold(draft: _Draft[S]) -> Refusal | None:
            for hearing, decide in steps:
                self._take(draft, hearing, decide)
            if draft.changed and settle is not None:
                self._apply(draft, settle, id)
            return None

        outcome = await self._run(id, fold)
        assert isinstance(outcome, Outcome), "an event's refusal raises"
        return outcome

    async def _run(self, id: str, decide: Callable[[_Draft[S]], Refusal | None]) -> Outcome[S] | Refusal:
        for attempt in range(CHANGE_ATTEMPTS_MAX):
            document = await self.documents.read(id) or Document(id)
            draft = _Draft(self._state(document), dict(document.heard), document.answered, [], {})
            refusal = decide(draft)
            if refusal is not None:
                return refusal
            if not draft.changed:
                return Outcome(draft.state, document.version, draft.answer, repeated=True)
            if await self._write(document, draft):
                return Outcome(draft.state, document.version + 1, draft.answer)
            pause_ms = min(CHANGE_PAUSE_MS_MAX, CHANGE_PAUSE_MS_FIRST * 2 ** min(attempt, 10))
            await asyncio.sleep(pause_ms * self._chance.jitter() / 1000)
        raise TooMuchContention(f"{self.kind.collection}/{id} changed under {CHANGE_ATTEMPTS_MAX} attempts to write it")

    async def _write(self, document: Document, draft: _Draft[S]) -> bool:
        source, at = self.kind.source(document.id), self._clock.now()
        saying = tuple(
            Said(number, encode(envelop(event, source=source, number=number, at=at)))
            for number, event in enumerate(draft.events, document.said + 1)
        )
        update = Update(
            heard=draft.heard,
            state=draft.state.model_dump(mode="json"),
            said=document.said + len(saying),
            saying=saying,
            answered=draft.answered,
        )
        try:
            written = await self.documents.write(document.id, document.version, update)
        except AnswerLost:
            return False
        if written and saying:
            self._on_saying(self, document.id)
        return written

    def _obey(self, draft: _Draft[S], command: Command, decide: Decide[S]) -> Refusal | None:
        for before in draft.answered:
            if before.key == command.key:
                draft.answer = before.answer
                return None if before.digest == command.digest else key_used_otherwise(command.key)
        decision = decide(draft.state)
        if isinstance(decision, Refusal):
            return decision
        self._adopt(draft, decision)
        kept = draft.answered[-(ANSWERS_KEPT_MAX - 1) :]
        draft.answered = (*kept, Answered(command.key, command.digest, decision.answer))
        return None

    def _take(self, draft: _Draft[S], hearing: Hearing, decide: Decide[S]) -> None:
        upto = draft.heard.get(hearing.stream, 0)
        if hearing.position <= upto:
            return
        if hearing.next_only and hearing.position > upto + 1:
            raise HeardTooEarly(f"{hearing.stream}: heard {upto}, then {hearing.position}")
        self._apply(draft, decide, f"{hearing.stream}#{hearing.position}")
        if hearing.last:
            draft.heard.pop(hearing.stream, None)
        else:
            draft.heard[hearing.stream] = hearing.position

    def _apply(self, draft: _Draft[S], decide: Decide[S], of: str) -> None:
        decision = decide(draft.state)
        if isinstance(decision, Refusal):
            raise CannotApply(f"{self.kind.collection}: {of}: {decision.code}: {decision.words}")
        self._adopt(draft, decision)

    @staticmethod
    def _adopt(draft: _Draft[S], decision: Decision[S]) -> None:
        draft.state, draft.answer, draft.changed = decision.state, decision.answer, True
        draft.events.extend(decision.events)

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
