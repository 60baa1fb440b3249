"""How large documents and events may become: far below what MongoDB and Kafka take, and checked before the write.

A command that would pass a budget is refused, with what to do instead. An event of ours cannot be refused: it would
stop its partition. So aggregates are cut in such a way that no event can fill them, and commands leave events room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from pandapack.contracts.envelope import decode
from pandapack.contracts.outbox import OutboxEvent
from pandapack.decision import Refusal, RefusalKind
from pandapack.runtime.documents import CommandAnswer, Json, Update

DOCUMENT_BYTES_MAX = 1024 * 1024
"""State, inbox and answers of a document, as JSON: loaded, checked and written in some ten milliseconds."""
DOCUMENT_BYTES_CEILING = 2 * DOCUMENT_BYTES_MAX
"""No kind may have more: as BSON, at most six times as long (a list of digits), it and its outbox are below 16 MB."""
EVENT_BYTES_MAX = 256 * 1024
"""An event in its envelope: a batch of a hundred is still read in a second, and fits the consumers' memory."""
EVENT_BYTES_CEILING = 1024 * 1024
"""No kind may have more: an eighth of what the topics take of a record."""
OUTBOX_BYTES_MAX = 3 * 1024 * 1024
"""A document's events that Kafka does not have yet: while it takes none, commands wait."""
OUTBOX_RETRY_S = 5
COMMANDS_PER_MILLE = 750
"""What commands may fill of a document; the rest is left to events, which cannot be refused."""
ANSWERS_KEPT_MAX = 32
ANSWERS_BYTES_MAX = 128 * 1024
"""Kept answers: 32 of 4 KiB. Longer ones leave earlier; the newest is kept whatever it measures."""
INBOX_STREAMS_MAX = 4_096
"""Sources of which a document knows how far it has applied them: the shards, and the documents beside it."""
_LESS = "say less at once, in several requests"


@dataclass(frozen=True, slots=True)
class Budget:
    """What a kind's documents and events may measure. More than the default needs a reason beside it.

    `instead`: what whoever meets the end does instead, as the last clause of a refusal's detail.
    """

    document_bytes_max: int = DOCUMENT_BYTES_MAX
    event_bytes_max: int = EVENT_BYTES_MAX
    instead: str = "put what is new into another one"

    def __post_init__(self) -> None:
        assert 0 < self.document_bytes_max <= DOCUMENT_BYTES_CEILING
        assert 0 < self.event_bytes_max <= EVENT_BYTES_CEILING


DEFAULT = Budget()


def kept_answers(answers: Sequence[CommandAnswer]) -> tuple[CommandAnswer, ...]:
    """The newest answers that are kept: `ANSWERS_KEPT_MAX` of `ANSWERS_BYTES_MAX` together, at least the last."""
    kept = list(answers[-1:])
    bytes_left = ANSWERS_BYTES_MAX - sum(map(_answer_bytes, kept))
    for answer in reversed(answers[-ANSWERS_KEPT_MAX:-1]):
        bytes_left -= _answer_bytes(answer)
        if bytes_left < 0:
            break
        kept.insert(0, answer)
    return tuple(kept)


def document_bytes(update: Update) -> int:
    """What a document measures after an update, its outbox apart: the length of its JSON."""
    answers = [(answer.key, answer.digest, answer.answer) for answer in update.answers]
    return len(msgspec.json.encode((update.state, update.inbox, update.consumed, answers)))


def check(
    budget: Budget, where: str, update: Update, *, waiting: Sequence[OutboxEvent], is_command: bool
) -> Refusal | None:
    """Why an update of the document `where` (collection/id) may not be written; None: it fits.

    `waiting`: what its outbox holds already.
    """
    return (
        _check_document(budget, where, update, is_command=is_command)
        or _check_events(budget, where, update)
        or _check_outbox(where, update, waiting)
    )


def _check_document(budget: Budget, where: str, update: Update, *, is_command: bool) -> Refusal | None:
    if len(update.inbox) > INBOX_STREAMS_MAX:
        detail = f"{where} would follow {len(update.inbox)} sources, at most {INBOX_STREAMS_MAX}: {budget.instead}"
        return Refusal("document_full", detail, RefusalKind.TOO_LARGE)
    bytes_max = budget.document_bytes_max * (COMMANDS_PER_MILLE if is_command else 1_000) // 1_000
    measured = len(where.encode()) + document_bytes(update)
    if measured <= bytes_max:
        return None
    detail = f"{where} would measure {measured} bytes, and has room for {bytes_max}: {budget.instead}"
    return Refusal("document_full", detail, RefusalKind.TOO_LARGE, extra={"limit": bytes_max})


def _check_events(budget: Budget, where: str, update: Update) -> Refusal | None:
    for event in update.outbox:
        measured = len(event.envelope)
        if measured > budget.event_bytes_max:
            what = f"{decode(event.envelope).type} of {where} would measure {measured} bytes"
            detail = f"{what}, at most {budget.event_bytes_max}: {_LESS}"
            return Refusal("event_too_large", detail, RefusalKind.TOO_LARGE, extra={"limit": budget.event_bytes_max})
    return None


def _check_outbox(where: str, update: Update, waiting: Sequence[OutboxEvent]) -> Refusal | None:
    if not update.outbox:
        return None
    measured = sum(len(event.envelope) for event in (*waiting, *update.outbox))
    if measured <= OUTBOX_BYTES_MAX:
        return None
    if waiting:
        detail = f"{len(waiting)} events of {where} wait to be published, and hold all the room there is: try again"
        return Refusal("outbox_full", detail, RefusalKind.TOO_MANY, retry_after_s=OUTBOX_RETRY_S)
    detail = f"the events of {where} would measure {measured} bytes together, at most {OUTBOX_BYTES_MAX}: {_LESS}"
    return Refusal("event_too_large", detail, RefusalKind.TOO_LARGE, extra={"limit": OUTBOX_BYTES_MAX})


def _answer_bytes(answer: CommandAnswer) -> int:
    fields: Json = {"key": answer.key, "digest": answer.digest, "answer": answer.answer}
    return len(msgspec.json.encode(fields))
