"""Groups of dead letters: those of one cause, counted as they come, so that thousands are looked at as one."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision
from services.donations.dead_letters.domain.dead_letters import DeadLetter
from services.donations.validation.domain.failures import Failure

GROUP_DIGITS = 12
"""Of a group's id: 48 bits of a digest. Groups are as many as there are rules, fields, senders and releases."""
UNVOUCHED = "unvouched"
"""What is shown as the sender of letters of which nobody vouches whose they are."""


class LetterGroup(Part):
    """All dead letters of one rule, field, sender, kind and release of the judge; an example is `first`'s address.

    `count`: all that ever came, of which `replayed` and `discarded` are done with. `reopened`: how often one came after
    all before it were done with, `reopened_at` when the last time.
    """

    group: str
    cause: str = ""
    pointer: str = ""
    platform: str = ""
    is_reversal: bool = False
    release: str = ""
    en: str = ""
    zh: str = ""
    first: str = ""
    first_at: datetime | None = None
    last_at: datetime | None = None
    count: int = 0
    replayed: int = 0
    discarded: int = 0
    reopened: int = 0
    reopened_at: datetime | None = None

    @property
    def open(self) -> int:
        """How many letters a person must look at."""
        return self.count - self.replayed - self.discarded


def group_of(failure: Failure, platform: str, release: str, *, is_reversal: bool) -> str:
    """The id of the group that letters of this failure, sender, kind and release are in."""
    kind = "reversal" if is_reversal else "donation"
    named = f"{failure.code}\n{failure.pointer}\n{platform}\n{kind}\n{release}"
    return hashlib.sha256(named.encode()).hexdigest()[:GROUP_DIGITS]


def count(state: LetterGroup, dead_letter: DeadLetter, at: datetime) -> Decision[LetterGroup]:
    """Another letter of the group. One that comes after all others were done with reopens it."""
    is_again = state.count > 0 and state.open == 0
    counted = state.model_copy(
        update={
            "cause": dead_letter.cause,
            "pointer": dead_letter.pointer,
            "platform": dead_letter.platform,
            "is_reversal": dead_letter.is_reversal,
            "release": dead_letter.release,
            "en": dead_letter.en,
            "zh": dead_letter.zh,
            "first": state.first or dead_letter.address,
            "first_at": min(state.first_at or at, at),
            "last_at": max(state.last_at or at, at),
            "count": state.count + 1,
            "reopened": state.reopened + is_again,
            "reopened_at": at if is_again else state.reopened_at,
        }
    )
    return Decision(counted)


def move(state: LetterGroup, *, replayed: int = 0, discarded: int = 0) -> Decision[LetterGroup]:
    """So many more are done with; fewer where they are taken back."""
    moved = {"replayed": state.replayed + replayed, "discarded": state.discarded + discarded}
    return Decision(state.model_copy(update=moved))


def forget(state: LetterGroup) -> Decision[LetterGroup]:
    """A replay is over: nothing more comes from it."""
    return Decision(state)
