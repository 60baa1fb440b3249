"""Dead letters are sent again: validated like any push, published as one, and noted on each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from pandapack.contracts.donations import EPOCH
from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.clock import Clock
from pandapack.runtime.store import Command, Store
from services.donations.dead_letters.domain.dead_letters import DeadLetter, Replay, note_replay
from services.donations.pushes.domain.push import ID_DIGITS, ID_PREFIX
from services.donations.pushes.domain.sorting import PushSorter, SortedPush, sort_reversals
from services.donations.pushes.work.publisher import PushPublisher
from services.donations.validation.domain.failures import Failure, platform_missing
from services.donations.validation.domain.text_lines import TextLines


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """Which dead letters to send again, by address, as they are or (address → line) edited; who asks for it.

    `platform`: under which those are sent of which nobody vouches whose they are; empty: they are refused.
    """

    addresses: Sequence[str]
    edited: Mapping[str, str]
    by: str
    platform: str = ""
    is_dry_run: bool = False


@dataclass(slots=True)
class RefusedDeadLetter:
    """What of a dead letter still is refused: its first failure, by its row in the letter, and how many there are."""

    first: Failure
    count: int = 0


@dataclass(slots=True)
class ReplayResult:
    """How many rows are what they should be now, and which still are not. `push_id`: None where nothing was sent."""

    push_id: str | None = None
    accepted: int = 0
    refused: dict[str, RefusedDeadLetter] = field(default_factory=dict)

    def refuse(self, address: str, failure: Failure) -> None:
        """A row of the letter is refused."""
        self.refused.setdefault(address, RefusedDeadLetter(failure)).count += 1


@dataclass(slots=True)
class _Rows:
    """The rows of some letters, one behind the other, and of each row its letter and its number in that."""

    text: list[bytes] = field(default_factory=list)
    of: list[tuple[str, int]] = field(default_factory=list)


class Replays:
    """Sends dead letters again, donations first: a reversal is tried behind its donation."""

    def __init__(self, dead_letters: Store[DeadLetter], publisher: PushPublisher, clock: Clock, shards: int) -> None:
        self._dead_letters, self._publisher, self._clock, self._shards = dead_letters, publisher, clock, shards
        self._sorter = PushSorter(shards)

    async def send(self, request: ReplayRequest, command: Command) -> ReplayResult:
        """Raises Refused where an address is unknown, was replayed too often or is not all there; KafkaUnavailable."""
        wanted = [await self.get(address) for address in request.addresses]
        for one in wanted:
            _refuse_cut(one, request.edited)
        push_id = ID_PREFIX + hashlib.sha256(f"replay {command.key}".encode()).hexdigest()[:ID_DIGITS]
        result = ReplayResult()
        by_kind: dict[tuple[bool, str], list[DeadLetter]] = {}
        for one in wanted:
            platform = one.platform or request.platform
            if platform:
                by_kind.setdefault((one.is_reversal, platform), []).append(one)
            else:
                result.refuse(one.address, platform_missing(0))
        for (are_reversals, platform), some in sorted(by_kind.items(), key=lambda item: item[0]):
            rows = _rows_of(some, request.edited)
            push = self._sort(TextLines(*rows.text), platform, are_reversals=are_reversals)
            refused = {failure.index for failure in push.failures}
            for failure in push.failures:
                address, index = rows.of[failure.index]
                result.refuse(address, Failure(index, failure.pointer, failure.code, failure.en, failure.zh))
            result.accepted += push.accepted
            if push.accepted and not request.is_dry_run:
                await self._publisher.publish(push_id, platform, push, are_reversals=are_reversals)
                accepted = {address for row, (address, _) in enumerate(rows.of) if row not in refused}
                await self._note([one.address for one in some if one.address in accepted], push_id, request, command)
        if result.accepted and not request.is_dry_run:
            result.push_id = push_id
        return result

    def _sort(self, text: TextLines, platform: str, *, are_reversals: bool) -> SortedPush:
        now = self._clock.now()
        if are_reversals:
            return sort_reversals(text, platform, self._shards, now)
        # A row that was in the log once was in time once: its age is not judged again.
        return self._sorter.sort(text, platform, now=now, accept_days=(now - EPOCH + timedelta(days=1)).days)

    async def get(self, address: str) -> DeadLetter:
        """The dead letter. Raises Refused where there is none."""
        dead_letter = await self._dead_letters.get(address)
        if dead_letter is None or dead_letter.at is None:
            detail = f"there is no dead letter {address}"
            raise Refused(Refusal("dead_letter_unknown", detail, RefusalKind.NOT_FOUND))
        return dead_letter

    async def _note(self, addresses: Sequence[str], push_id: str, request: ReplayRequest, command: Command) -> None:
        for address in addresses:
            replay = Replay(push=push_id, by=request.by, at=self._clock.wall(), edited=request.edited.get(address))
            outcome = await self._dead_letters.change(address, partial(note_replay, replay=replay), command)
            if isinstance(outcome, Refusal):
                raise Refused(outcome)


def _refuse_cut(dead_letter: DeadLetter, edited: Mapping[str, str]) -> None:
    if dead_letter.size is not None and dead_letter.address not in edited:
        detail = (
            f"{dead_letter.address} has the beginning of {dead_letter.size} bytes: the whole record lies in the log "
            "there. Push its lines by the platform's key, or send an edited text"
        )
        raise Refused(Refusal("dead_letter_cut", detail, RefusalKind.CONFLICT))


def _rows_of(dead_letters: Sequence[DeadLetter], edited: Mapping[str, str]) -> _Rows:
    rows = _Rows()
    for one in dead_letters:
        for index, row in enumerate(_split(one, edited)):
            rows.text.append(row)
            rows.of.append((one.address, index))
    return rows


def _split(dead_letter: DeadLetter, edited: Mapping[str, str]) -> Iterator[bytes]:
    """The rows of a letter; a single row stays one, whatever breaks of lines are in it."""
    given = edited.get(dead_letter.address)
    if dead_letter.rows is None:
        text = dead_letter.text if given is None else given.encode()
        yield text.replace(b"\n", b" ").replace(b"\r", b" ").strip() or b"null"
        return
    lines = dead_letter.lines() if given is None else given.encode().split(b"\n")
    rows = [line.replace(b"\r", b" ").strip() for line in lines]
    yield from [row for row in rows if row] or [b"null"]
