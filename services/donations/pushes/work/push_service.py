"""What happens to a push: its lines are sorted, the push is stored, published by shard, and answered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import msgspec

from pandapack.decision import Refusal, RefusalKind, Refused
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from services.donations.ledger.store.reversals import Reversals
from services.donations.programmes.store import Programmes
from services.donations.pushes.domain.push import ANSWER_KEPT_H, Push, push_id, whose
from services.donations.pushes.domain.push_lines import PushLines
from services.donations.pushes.domain.sorting import PushSorter, SortedPush, sort_reversals
from services.donations.pushes.store import Pushes
from services.donations.pushes.work.counts import PushCounts
from services.donations.validation.domain.failures import Failure
from services.donations.validation.domain.reversal_refusals import REVERSAL_CONFLICT

FAILURES_BYTES_MAX = 128 * 1024
"""Of an answer, which is kept for a day: some 500 lines with what is wrong with each. Ten thousand that are broken are
broken in the same way, and would be answered with 2 MB."""
ATOMIC_MARK = b"\natomic"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class IncomingPush:
    """What came in: the platform whose it is, the key that its sender gave it, the body's bytes and the lines in it.

    `traceparent`: the W3C trace context that it came with, which goes with its records.
    """

    owner: str
    key: str | None
    raw: bytes
    lines: PushLines
    is_atomic: bool = False
    is_test: bool = False
    request_id: str = ""
    traceparent: str | None = None

    @property
    def digest(self) -> str:
        """Tells whether a repeat is one: the body, and whether all of it was to be accepted."""
        return hashlib.sha256(self.raw + ATOMIC_MARK if self.is_atomic else self.raw).hexdigest()

    @property
    def kept_as(self) -> str:
        """As whose it is kept: tests have keys of their own, and none answers for donations that count."""
        return whose(self.owner, is_test=self.is_test)


class PublishesPushes(Protocol):
    """What hands sorted pushes to the ledger; see `PushPublisher.publish`."""

    async def publish(
        self,
        push_id: str,
        platform: str,
        push: SortedPush,
        *,
        are_reversals: bool = False,
        indexes: Sequence[int] | None = None,
        traceparent: str | None = None,
    ) -> dict[int, int]: ...


class PushService:
    """Accepts pushes of donations and of reversals. `sorter`: for the ledger's shards."""

    def __init__(
        self,
        pushes: Pushes,
        publisher: PublishesPushes,
        clock: Clock,
        chance: Chance,
        reversals: Reversals,
        programmes: Programmes,
        *,
        sorter: PushSorter,
        accept_days: int,
    ) -> None:
        self._pushes, self._publisher, self._clock, self._chance = pushes, publisher, clock, chance
        self._reversals, self._programmes = reversals, programmes
        self._sorter, self._accept_days = sorter, accept_days
        self.counted = PushCounts()

    async def accept_donations(self, push: IncomingPush) -> Answer:
        """The answer: every accepted line is in Kafka, and will be counted or listed under the push.

        Raises Refused; KafkaUnavailable and AnswerLost: push the same body again.
        """
        sorted_push = await self._sorted(push)
        failures = _failures(push.lines, sorted_push)
        if not push.is_test:
            self.counted.refuse(failures)
        id = self._own_id(push)
        answer = _answer(id, sorted_push.accepted, failures, is_test=push.is_test)
        if sorted_push.accepted == 0 or (push.is_atomic and failures):
            earlier = await self._earlier_answer(push, id)
            if earlier is None:
                raise Refused(_refusal(push.lines, sorted_push.accepted, answer))
            return earlier
        return await self._publish_once(push, id, sorted_push, answer)

    async def _sorted(self, push: IncomingPush) -> SortedPush:
        """Sorted again where a programme turns out to be unknown, so that each line that names it says so."""
        sort = partial(
            self._sorter.sort,
            push.lines.text,
            push.owner,
            now=self._clock.now(),
            accept_days=self._accept_days,
            indexes=push.lines.indexes,
        )
        sorted_push = sort()
        unknown = await self._programmes.unknown(sorted_push.programmes)
        return sort(unknown=unknown) if unknown else sorted_push

    async def accept_reversals(self, push: IncomingPush) -> Answer:
        """As `accept_donations` does. A line under an id that took something else back is refused as a conflict.

        It is published all the same, so that the ledger lists it as one. Raises Refused, KafkaUnavailable, AnswerLost.
        """
        sorted_push = sort_reversals(push.lines.text, push.owner, self._sorter.shards, self._clock.now())
        # What is live is not shown to a test, not even by a conflict with it.
        conflicts = await self._conflicts(sorted_push)
        sorted_push.failures += conflicts
        sorted_push.accepted -= len(conflicts)
        failures = _failures(push.lines, sorted_push)
        id = self._own_id(push)
        answer = _answer(id, sorted_push.accepted, failures, is_test=push.is_test)
        if sorted_push.accepted:
            return await self._publish_once(push, id, sorted_push, answer, are_reversals=True)
        earlier = await self._earlier_answer(push, id)
        if earlier is not None:
            return earlier
        if conflicts:  # under a name of its own: the key stays free for a mended body
            own = replace(push, key=None)
            answer = await self._publish_once(own, self._own_id(own), sorted_push, answer, are_reversals=True)
        if len(conflicts) == len(failures):
            raise Refused(_conflict(answer))
        raise Refused(_refusal(push.lines, 0, answer))

    async def _conflicts(self, sorted_push: SortedPush) -> list[Failure]:
        found = list[Failure]()
        for shard, pushed in sorted_push.reversals.items():
            refusals = await self._reversals.conflicts_with(shard, pushed)
            found += [refusal.as_failure(index, "/reversal") for index, refusal in refusals.items()]
        return found

    async def _publish_once(
        self, push: IncomingPush, id: str, sorted_push: SortedPush, answer: Answer, *, are_reversals: bool = False
    ) -> Answer:
        """Stores, publishes and answers, or repeats the earlier answer. Raises Refused where the key is another's."""
        stored = self._new(push, id)
        if push.key is not None:
            stored = _same_body(push, await self._pushes.open(stored))
            if stored.answer is not None:
                return stored.answer
        answer["push_id"] = stored.id
        ends: Mapping[int, int] = await self._publisher.publish(
            stored.id,
            push.owner,
            sorted_push,
            are_reversals=are_reversals,
            indexes=push.lines.indexes,
            traceparent=push.traceparent,
        )
        if not (are_reversals or push.is_test):
            self.counted.accept(sorted_push.accepted, sorted_push.fen)
        if push.key is not None:
            await self._pushes.set_answer(stored, answer, ends)
        else:
            # Nobody can repeat it by its key, so that it need not be known before it is through: one write.
            await self._pushes.insert_answered(stored, answer, ends)
        return answer

    def _own_id(self, push: IncomingPush) -> str:
        return push_id(push.kept_as, push.key or self._chance.token())

    def _new(self, push: IncomingPush, id: str) -> Push:
        now, wall = self._clock.now(), self._clock.wall()
        return Push(id, push.digest, push.kept_as, now, wall, request_id=push.request_id)

    async def _earlier_answer(self, push: IncomingPush, id: str) -> Answer | None:
        """What a push was answered that would be refused now: its donations grew too old since. Raises Refused."""
        if push.key is None:
            return None
        standing = await self._pushes.standing(id, self._clock.wall())
        return None if standing is None else _same_body(push, standing).answer


def _failures(lines: PushLines, sorted_push: SortedPush) -> list[Failure]:
    return sorted([*lines.failures, *map(lines.in_push, sorted_push.failures)], key=lambda failure: failure.index)


def _same_body(push: IncomingPush, stored: Push) -> Push:
    """What is stored under the key, where it is of the same body. Raises Refused."""
    if stored.digest != push.digest:
        detail = (
            f"{push.key!r} named another push within the last {ANSWER_KEPT_H} h; send the same body, or "
            "choose a new Idempotency-Key"
        )
        raise Refused(Refusal("idempotency_key_reused", detail))
    return stored


def _answer(push_id: str, accepted: int, failures: Sequence[Failure], *, is_test: bool) -> Answer:
    shown = _shown(failures)
    return {
        "push_id": push_id,
        "accepted": accepted,
        "rejected": len(failures),
        "test": is_test,
        "failures": shown,
        "failures_more": len(failures) - len(shown),
    }


def _shown(failures: Sequence[Failure]) -> list[dict[str, Any]]:
    """As many of the first as `FAILURES_BYTES_MAX` has room for."""
    shown, left = list[dict[str, Any]](), FAILURES_BYTES_MAX
    for f in failures:
        one = {"index": f.index, "pointer": f.pointer, "code": f.code, "message": {"en": f.en, "zh": f.zh}}
        left -= len(msgspec.json.encode(one)) + 1
        if left < 0:
            break
        shown.append(one)
    return shown


def _conflict(answer: Answer) -> Refusal:
    detail = (
        f"the {answer['rejected']} reversals of this push came under ids that took something else back: nothing more "
        "is taken; `failures` says of each what its id took"
    )
    return Refusal(REVERSAL_CONFLICT, detail, RefusalKind.CONFLICT, extra=answer)


def _refusal(lines: PushLines, good: int, answer: Answer) -> Refusal:
    if good:
        code = "not_all_accepted"
        detail = f"{good} of {len(lines)} lines are donations, and ?atomic=true wants all: nothing was taken"
    else:
        code = "nothing_accepted"
        detail = (
            f"none of the {len(lines)} lines is what it should be; `failures` says what is wrong with the first of them"
        )
    return Refusal(code, detail, RefusalKind.INVALID, extra={**answer, "accepted": 0})
