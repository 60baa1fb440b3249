"""The journal's rules: each event once, by identity, in the order in which its source said it.

A redelivery comes from the same place of the log as before, and is folded again (the views drop what they have heard).
A second publication of the same event comes from another place, and is dropped. The same identity with other content,
an event whose predecessor is missing, and one that the log shows where something else was read before, are alarms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pandapack.contracts.envelope import sequence_of
from pandapack.decision import Refusal


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies in Kafka."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event at its place. `digest` is of all its bytes; `kept` are the bytes that the journal keeps."""

    source: str
    number: int
    type: str
    place: Place
    appended_at_ms: int
    digest: str
    kept: bytes

    @property
    def key(self) -> str:
        """The identity: `source#sequence`."""
        return f"{self.source}#{sequence_of(self.number)}"

    @property
    def key_before(self) -> str | None:
        """The identity of what the source said before; None for its first event."""
        return f"{self.source}#{sequence_of(self.number - 1)}" if self.number > 1 else None


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal has under an identity."""

    place: Place
    digest: str


@dataclass(frozen=True, slots=True)
class Judged:
    """`new` are inserted, in order; `folded` go on to the views; all others are second publications."""

    new: tuple[Entry, ...]
    folded: tuple[Entry, ...]


def keys_of(entries: Iterable[Entry]) -> list[str]:
    """The identities that `judge` must know of."""
    return sorted({key for entry in entries for key in (entry.key, entry.key_before) if key is not None})


def judge(entries: Iterable[Entry], known: Mapping[str, Known], heard_offset: int) -> Judged | Refusal:
    """A batch of one partition in order. `heard_offset`: the highest offset that a view has heard of it, or -1."""
    seen = dict(known)
    new, folded = [], []
    for entry in entries:
        before = seen.get(entry.key)
        if before is None:
            alarm = _alarm_of_new(entry, seen, heard_offset)
            if alarm is not None:
                return alarm
            seen[entry.key] = Known(entry.place, entry.digest)
            new.append(entry)
        elif before.digest != entry.digest:
            words = f"{entry.key} at {entry.place} says other things than at {before.place}"
            return Refusal("identity_reused", words)
        if before is None or before.place == entry.place:
            folded.append(entry)
    return Judged(tuple(new), tuple(folded))


def _alarm_of_new(entry: Entry, seen: Mapping[str, Known], heard_offset: int) -> Refusal | None:
    if entry.place.offset <= heard_offset:
        words = f"{entry.key} at {entry.place} is new, though the log was heard up to {heard_offset}: it was made anew"
        return Refusal("log_is_another", words)
    if entry.key_before is not None and entry.key_before not in seen:
        return Refusal("event_missing", f"{entry.key} at {entry.place} comes without the event before it")
    return None
