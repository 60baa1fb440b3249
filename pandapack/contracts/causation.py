"""What made an event: the command that asked for it, and what its document had consumed since its last event.

They travel as extension attributes of CloudEvents, which are texts: `causes` names events (`source#sequence`, or
`source#first-last` where they follow) and, for a page of the ledger, the records that it read
(`donations.pushed/3#120-139`), a space between two. `actor`, `actorrole`, `actorkey` say who asked, `requestid` by
which request, `reason` why, where that was asked for. An event without causes follows the one before it of its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CAUSES_MAX = 2_048
"""A document that consumed of more sources since its last event names the latest: 2,048 of 50 bytes are 100 KiB."""
REASON_CHARACTERS_MAX = 500
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Consumed = Mapping[str, tuple[int, int]]
"""Stream → the first and the last position of it that was consumed."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Positions `first` to `last` of a stream: events of a source by sequence, or records of a partition by offset."""

    stream: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.stream}#{self.first}" + ("" if self.first == self.last else f"-{self.last}")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asked: the name and the role of a key, and its prefix."""

    name: str = ""
    role: str = ""
    key: str = ""


NOBODY = Actor()


@dataclass(frozen=True, slots=True)
class Causation:
    """What made an event. `traceparent`: W3C trace context, of what caused it last."""

    causes: tuple[Cause, ...] = ()
    actor: Actor = NOBODY
    request_id: str = ""
    reason: str = ""
    traceparent: str | None = None


UNCAUSED = Causation()


def merged(before: Consumed, stream: str, position: int) -> dict[str, tuple[int, int]]:
    """What was consumed, and one position more. Beyond `CAUSES_MAX` the streams consumed longest ago leave."""
    consumed = dict(before)
    first, _ = consumed.pop(stream, (position, position))
    consumed[stream] = (first, position)
    while len(consumed) > CAUSES_MAX:
        del consumed[next(iter(consumed))]
    return consumed


def causes_of(consumed: Consumed) -> tuple[Cause, ...]:
    """What was consumed, as causes, by name."""
    return tuple(Cause(stream, *consumed[stream]) for stream in sorted(consumed))


def written(causes: Iterable[Cause]) -> str:
    """Causes as the attribute's text."""
    return " ".join(map(str, causes))


def read(text: str) -> tuple[Cause, ...]:
    """The causes in an attribute's text. Raises ValueError for one that is none."""
    causes = []
    for word in text.split():
        stream, mark, positions = word.rpartition("#")
        first, _, last = positions.partition("-")
        if not (mark and stream):
            raise ValueError(f"{word} names no stream")
        causes.append(Cause(stream, int(first), int(last or first)))
    return tuple(causes)


def traceparent_of(text: str) -> str | None:
    """A W3C `traceparent`, or None where the text is none."""
    return text if _TRACEPARENT.fullmatch(text) else None
