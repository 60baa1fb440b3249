"""The vocabulary of every domain: a decision is a pure function from a state to a state and events, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from pandapack.contracts.envelope import Event

S = TypeVar("S")


class RefusalKind(StrEnum):
    """What sort of "no" it is; `runtime.http` maps each to one status."""

    INVALID = "invalid"  # it does not fit its description: 422
    CONFLICT = "conflict"  # it contradicts what is known: 409
    NOT_FOUND = "not_found"  # 404
    UNAUTHENTICATED = "unauthenticated"  # nobody knows who asks: 401
    FORBIDDEN = "forbidden"  # who asks may not: 403
    TOO_LARGE = "too_large"  # 413
    TOO_MANY = "too_many"  # not now, but after `retry_after_s`: 429


@dataclass(frozen=True, slots=True)
class Refusal:
    """A named "no". `code` is stable for programs, `detail` says what, where and how to mend it.

    `retry_after_s`: when the same may be asked again; `extra`: what a program needs beside the code.
    """

    code: str
    detail: str
    kind: RefusalKind = RefusalKind.CONFLICT
    retry_after_s: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


class Refused(Exception):
    """A refusal on its way from a use case to whoever asked; `runtime.http` answers with it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.code}: {refusal.detail}")
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """The next state and the events that tell of it. Deciding nothing is `Decision(state)`.

    `answer` goes to a command's sender; it is kept with the command's key, so that a repeat gets the same.
    """

    state: S
    events: tuple[Event, ...] = ()
    answer: dict[str, object] = field(default_factory=dict)
