"""Dead letters are sent again: validated like any push, published as one, and noted on each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
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
    """Which dead letters to send again, by address, as they are or (address → line) edited; who asks for it."""

    addresses: Sequence[str]
    edited: Mapping[str, str]
    by: str
    is_dry_run: bool = False


@dataclass(slots=True)
class ReplayResult:
    """How many rows are what they should be now, and which still are not. `push_id`: None where nothing was sent."""

    push_id: str | None = None
    accepted: int = 0
    refused: dict[str, Failure] = field(default_factory=dict)


class Replays:
    """Sends dead letters again, donations first: a reversal is tried behind its donation."""

    def __init__(self, dead_letters: Store[DeadLetter], publisher: PushPublisher, clock: Clock, shards: int) -> None:
        self._dead_letters, self._publisher, self._clock, self._shards = dead_letters, publisher, clock, shards
        self._sorter = PushSorter(shards)

    async def send(self, request: ReplayRequest, command: Command) -> ReplayResult:
        """Raises Refused where an address is unknown or was replayed too often; KafkaUnavailable."""
        wanted = [await self.get(address) for address in request.addresses]
        push_id = ID_PREFIX + hashlib.sha256(f"replay {command.key}".encode()).hexdigest()[:ID_DIGITS]
        # Of a row that came in nobody's record nobody knows whose it is, however often it is sent.
        result = ReplayResult(refused={one.address: platform_missing(0) for one in wanted if not one.platform})
        for are_reversals, platform in sorted({(one.is_reversal, one.platform) for one in wanted if one.platform}):
            some = [one for one in wanted if (one.is_reversal, one.platform) == (are_reversals, platform)]
            text = TextLines(*[_line(one, request.edited) for one in some])
            push = self._sort(text, platform, are_reversals=are_reversals)
            misfits = {some[failure.index].address: failure for failure in push.failures}
            result.accepted += push.accepted
            result.refused |= misfits
            if push.accepted and not request.is_dry_run:
                await self._publisher.publish(push_id, platform, push, are_reversals=are_reversals)
                fitting = [one.address for one in some if one.address not in misfits]
                await self._note(fitting, push_id, request, command)
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


def _line(dead_letter: DeadLetter, edited: Mapping[str, str]) -> bytes:
    line = edited[dead_letter.address].encode() if dead_letter.address in edited else dead_letter.line
    # Rows are lines of a record: one dead letter stays one row.
    return line.replace(b"\n", b" ").replace(b"\r", b" ").strip() or b"null"
