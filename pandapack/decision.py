"""The vocabulary of every domain: a decision is a pure function from a state to a state and events, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from pandapack.contracts.envelope import Event

S = TypeVar("S")


class RefusalKind(StrEnum):
    """What sort of "no" it is; `runtime.problems` maps each to one HTTP status."""

    INVALID = "invalid"  # the words do not fit: 422
    CONFLICT = "conflict"  # it contradicts what is known: 409
    NOT_FOUND = "not_found"  # 404


@dataclass(frozen=True, slots=True)
class Refusal:
    """A named "no" to a command. `code` is stable for programs, `words` say what, where and how to mend it."""

    code: str
    words: str
    kind: RefusalKind = RefusalKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The next state and what is said of it. Deciding nothing is `Decision(state)`.

    `answer` is what a command's sender is told; it is kept with the command's key, so that a repeat hears the same.
    """

    state: S
    events: tuple[Event, ...] = ()
    answer: dict[str, object] = field(default_factory=dict)
