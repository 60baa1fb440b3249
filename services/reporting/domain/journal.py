"""The journal's rules: each event once, by identity, in the order in which its source published it.

A redelivery comes from the same position of the log as before, and goes to the views again (they drop what they have
applied). A second publication of the same event comes from another position, and is dropped. The same identity with
other content, an event whose predecessor is missing, and one that the log shows where something else was read before,
are alarms.

What an operator set aside has a row, too: it says that the event is in no view, and lets its source go on. It stays set
aside: whatever comes of it again is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pandapack.contracts.causation import Cause
from pandapack.contracts.envelope import sequence_of
from pandapack.decision import Refusal


@dataclass(frozen=True, slots=True)
class LogPosition:
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its position. `digest` is of all its bytes; `envelope` are the bytes that the journal keeps.

    `is_set_aside`: an operator had it passed over. `subjects` and `causes`: what it is about, and what made it.
    """

    source: str
    number: int
    type: str
    position: LogPosition
    appended_at_ms: int
    digest: str
    envelope: bytes
    is_set_aside: bool = False
    subjects: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()

    @property
    def key(self) -> str:
        """The identity: `source#sequence`."""
        return f"{self.source}#{sequence_of(self.number)}"

    @property
    def key_before(self) -> str | None:
        """The identity of the source's event before; None for its first event."""
        return f"{self.source}#{sequence_of(self.number - 1)}" if self.number > 1 else None


@dataclass(frozen=True, slots=True)
class JournaledEvent:
    """What the journal has under an identity."""

    position: LogPosition
    digest: str
    is_set_aside: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """`new` are inserted, in order; `to_project` go on to the views; all others are second publications.

    `set_aside`: of these the journal had the row already, and must say from now on that they were set aside.
    """

    new: tuple[Entry, ...]
    to_project: tuple[Entry, ...]
    set_aside: tuple[Entry, ...] = ()


def keys_of(entries: Iterable[Entry]) -> list[str]:
    """The identities that `judge` must know of."""
    return sorted({key for entry in entries for key in (entry.key, entry.key_before) if key is not None})


def judge(entries: Iterable[Entry], known: Mapping[str, JournaledEvent], applied_offset: int) -> Judgement | Refusal:
    """A batch of one partition in order. `applied_offset`: the highest offset of it that a view has applied, or -1."""
    seen = dict(known)
    new, to_project, set_aside = [], [], []
    for entry in entries:
        before = seen.get(entry.key)
        if before is None:
            alarm = None if entry.is_set_aside else _alarm_of_new(entry, seen, applied_offset)
            if alarm is not None:
                return alarm
            before = seen[entry.key] = JournaledEvent(entry.position, entry.digest, entry.is_set_aside)
            new.append(entry)
        elif entry.is_set_aside:
            if before == JournaledEvent(entry.position, entry.digest):  # no view could apply what was journaled
                before = seen[entry.key] = replace(before, is_set_aside=True)
                set_aside.append(entry)
        elif before.digest != entry.digest:
            detail = f"{entry.key} at {entry.position} has other content than at {before.position}"
            return Refusal("identity_reused", detail)
        if before.position == entry.position and not before.is_set_aside and not entry.is_set_aside:
            to_project.append(entry)
    return Judgement(tuple(new), tuple(to_project), tuple(set_aside))


def _alarm_of_new(entry: Entry, seen: Mapping[str, JournaledEvent], applied_offset: int) -> Refusal | None:
    if entry.position.offset <= applied_offset:
        applied = f"the log was applied up to {applied_offset}"
        return Refusal("log_is_another", f"{entry.key} at {entry.position} is new, though {applied}: it was made anew")
    if entry.key_before is not None and entry.key_before not in seen:
        return Refusal("event_missing", f"{entry.key} at {entry.position} comes without the event before it")
    return None
