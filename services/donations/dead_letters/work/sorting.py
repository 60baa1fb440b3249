"""Dead letters are sorted as pushes: validated like any, under their platforms, donations first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from pandapack.contracts.donations import EPOCH
from pandapack.runtime.clock import Clock
from services.donations.dead_letters.domain.dead_letters import DeadLetter, worn
from services.donations.pushes.domain.sorting import PushSorter, SortedPush, sort_reversals
from services.donations.validation.domain.failures import Failure, platform_missing
from services.donations.validation.domain.text_lines import TextLines


@dataclass(slots=True)
class RefusedDeadLetter:
    """What of a dead letter still is refused: its first failure, by its row in the letter, and how many there are."""

    first: Failure
    count: int = 0


@dataclass(slots=True)
class LettersPush:
    """What letters of one platform and kind become. `letters`: those of which any row is accepted."""

    platform: str
    are_reversals: bool
    push: SortedPush
    dead_letters: list[DeadLetter]


@dataclass(slots=True)
class SortedLetters:
    """The pushes of some letters, donations first, what of them still is refused, and how many rows each has."""

    pushes: list[LettersPush] = field(default_factory=list)
    refused: dict[str, RefusedDeadLetter] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def refuse(self, address: str, failure: Failure, rows: int = 1) -> None:
        """Rows of the letter are refused."""
        self.refused.setdefault(address, RefusedDeadLetter(failure)).count += rows

    @property
    def accepted(self) -> int:
        """How many rows are what they should be."""
        return sum(one.push.accepted for one in self.pushes)

    @property
    def refused_rows(self) -> int:
        """How many rows still are not."""
        return sum(one.count for one in self.refused.values())

    def accepted_of(self, address: str) -> int:
        """How many rows of a letter are what they should be."""
        refused = self.refused.get(address)
        return self.rows.get(address, 0) - (refused.count if refused else 0)


class LetterSorter:
    """Sorts letters for a ledger of so many shards."""

    def __init__(self, clock: Clock, shards: int) -> None:
        self._clock, self._shards = clock, shards
        self._sorter = PushSorter(shards)

    def sort(self, dead_letters: Sequence[DeadLetter], edited: Mapping[str, str], platform: str) -> SortedLetters:
        """`edited`: address → text; `platform`: under which those go of which nobody vouches whose they are."""
        sorted_letters = SortedLetters()
        by_kind: dict[tuple[bool, str], list[DeadLetter]] = {}
        for one in dead_letters:
            whose, failure = one.platform or platform, _never(one, edited)
            if failure is None and not whose:
                failure = platform_missing(0)
            if failure is None:
                by_kind.setdefault((one.is_reversal, whose), []).append(one)
            else:
                sorted_letters.rows[one.address] = one.rows or 1
                sorted_letters.refuse(one.address, failure, one.rows or 1)
        for (are_reversals, whose), some in sorted(by_kind.items(), key=lambda item: item[0]):
            self._add(sorted_letters, whose, some, edited, are_reversals=are_reversals)
        return sorted_letters

    def _add(
        self,
        to: SortedLetters,
        platform: str,
        some: list[DeadLetter],
        edited: Mapping[str, str],
        *,
        are_reversals: bool,
    ) -> None:
        text, of = list[bytes](), list[tuple[str, int]]()
        for one in some:
            rows = list(_rows(one, edited))
            to.rows[one.address] = len(rows)
            text += rows
            of += [(one.address, index) for index in range(len(rows))]
        push = self._sort(TextLines(*text), platform, are_reversals=are_reversals)
        for failure in push.failures:
            address, index = of[failure.index]
            to.refuse(address, Failure(index, failure.pointer, failure.code, failure.en, failure.zh))
        if push.accepted:
            good = [one for one in some if to.accepted_of(one.address)]
            to.pushes.append(LettersPush(platform, are_reversals, push, good))

    def _sort(self, text: TextLines, platform: str, *, are_reversals: bool) -> SortedPush:
        now = self._clock.now()
        if are_reversals:
            return sort_reversals(text, platform, self._shards, now)
        # A row that was in the log once was in time once: its age is not judged again.
        return self._sorter.sort(text, platform, now=now, accept_days=(now - EPOCH + timedelta(days=1)).days)


def _never(dead_letter: DeadLetter, edited: Mapping[str, str]) -> Failure | None:
    """Why a letter cannot be sent at all."""
    if is_cut(dead_letter, edited):
        en = f"only the beginning of its {dead_letter.size} bytes is kept: push its lines anew, or send an edited text"
        zh = f"只保留了其 {dead_letter.size} 字节的开头：请重新推送其中各行，或发送编辑后的内容"
        return Failure(0, "", "dead_letter_cut", en, zh)
    refusal = worn(dead_letter)
    return None if refusal is None else Failure(0, "", refusal.code, refusal.detail, "该死信重放次数已达上限")


def is_cut(dead_letter: DeadLetter, edited: Mapping[str, str]) -> bool:
    """Whether only its beginning is there to be sent."""
    return dead_letter.size is not None and dead_letter.address not in edited


def _rows(dead_letter: DeadLetter, edited: Mapping[str, str]) -> Iterator[bytes]:
    """The rows of a letter; a single row stays one, whatever breaks of lines are in it."""
    given = edited.get(dead_letter.address)
    if dead_letter.rows is None:
        text = dead_letter.text if given is None else given.encode()
        yield text.replace(b"\n", b" ").replace(b"\r", b" ").strip() or b"null"
        return
    lines = dead_letter.lines() if given is None else given.encode().split(b"\n")
    rows = [line.replace(b"\r", b" ").strip() for line in lines]
    yield from [row for row in rows if row] or [b"null"]
