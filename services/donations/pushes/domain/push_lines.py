"""What a push holds: lines, and what it holds that is no line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from services.donations.validation.domain.failures import Failure
from services.donations.validation.domain.text_lines import TextLines


@dataclass(frozen=True, slots=True)
class PushLines:
    """`text`: the donations (or reversals); `indexes`: the index of each in the push, where they are not in order.

    `failures`: what is no envelope of a donation. `pointer`: where a donation lies within its element of the push.
    """

    text: TextLines
    indexes: Sequence[int] | None = None
    failures: Sequence[Failure] = field(default_factory=tuple)
    pointer: str = ""

    def __len__(self) -> int:
        return len(self.text) + len(self.failures)

    def in_push(self, failure: Failure) -> Failure:
        """A failure of a line of `text`, as one of the push."""
        if self.indexes is None:
            return failure
        pointer = self.pointer + failure.pointer
        return Failure(self.indexes[failure.index], pointer, failure.code, failure.en, failure.zh)
