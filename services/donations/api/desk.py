"""The desk: a push is validated, stored, published by line, and answered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.http import Problem
from pandapack.runtime.sender import Sender
from services.donations.api.bodies import Gate
from services.donations.domain.cloudevents import Lines
from services.donations.domain.intake import Failure, Intake, Reader
from services.donations.domain.reversals import KIND_HEADER, REVERSAL_KIND, in_records, sorted_reversals
from services.donations.settings import Settings
from services.donations.store import Stores
from services.donations.store.pushes import ANSWER_KEPT_H, Push, push_id

PUBLISH_WAIT_S_MAX = 20.0
"""A push that waits so long for room in the producer or for Kafka's word is told to come again."""
PUSH_HEADER = "push"
ATOMIC_MARK = b"\natomic"
TEST_MARK = "test\n"


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came in: whose it is, the name that its sender gave it, the body's bytes and the lines in it."""

    owner: str
    key: str | None
    raw: bytes
    lines: Lines
    is_atomic: bool = False
    is_test: bool = False

    @property
    def digest(self) -> str:
        """Tells whether a repeat is one: the body, and whether all of it was to be taken."""
        return hashlib.sha256(self.raw + ATOMIC_MARK if self.is_atomic else self.raw).hexdigest()

    @property
    def name(self) -> str | None:
        """The key among its owner's. Tests have names of their own: no rehearsal answers for gifts that count."""
        return TEST_MARK + self.key if self.key is not None and self.is_test else self.key


class Desk:
    """Takes pushes: validates, stores the push, publishes by line, answers."""

    def __init__(
        self,
        stores: Stores,
        sender: Sender,
        clock: Clock,
        chance: Chance,
        settings: Settings,
        topic: Callable[[str], str],
    ) -> None:
        self._stores, self._sender, self._clock, self._chance = stores, sender, clock, chance
        self._settings = settings
        self._topic = topic("donations.pushed")
        self._reader = Reader(settings.lines)
        self.gate = Gate()

    async def take(self, pushed: Pushed) -> tuple[int, dict[str, Any]]:
        """Status and answer. 202: every accepted row is in Kafka, and will be counted or listed under the push.

        Raises Problem; KafkaUnavailable and AnswerLost (503: push the same body again).
        """
        lines = pushed.lines
        intake = self._reader.read(lines.text, now=self._clock.now(), accept_days=self._settings.accept_days)
        failures = [*lines.failures, *map(lines.placed, intake.failures)]
        failures.sort(key=lambda failure: failure.index)
        id = push_id(pushed.owner, pushed.name or self._chance.token())
        answer = _answer(id, intake.accepted, failures, is_test=pushed.is_test)
        if intake.accepted == 0 or (pushed.is_atomic and failures):
            earlier = await self._earlier(pushed, id)
            if earlier is not None:
                return 202, earlier
            return 422, {**answer, "accepted": 0, **_refused_whole(pushed, intake.accepted)}
        return 202, await self._keep(pushed, id, intake, answer)

    async def _keep(self, pushed: Pushed, id: str, intake: Intake, answer: dict[str, Any]) -> dict[str, Any]:
        """Stores, publishes and answers, or repeats the earlier answer. Raises Problem 409."""
        push = Push(id, pushed.digest, pushed.owner, self._clock.now(), self._clock.wall())
        if pushed.key is not None:
            push = _checked(pushed, await self._stores.pushes.open(push))
            if push.answer is not None:
                return push.answer
        answer["push_id"] = push.id
        if not pushed.is_test:
            await self.publish(push.id, intake)
        if pushed.key is not None:
            await self._stores.pushes.answered(push, answer)
        else:
            # Nobody can repeat it by name, so that it need not be known before it is through: one write.
            await self._stores.pushes.keep(push, answer)
        return answer

    async def take_reversals(self, pushed: Pushed) -> tuple[int, dict[str, Any]]:
        """Status and answer, as `take` does for donations. Raises KafkaUnavailable, AnswerLost."""
        lines = pushed.lines
        intake = sorted_reversals(lines.text, self._settings.lines, self._clock.now())
        failures = [*lines.failures, *map(lines.placed, intake.failures)]
        id = push_id(pushed.owner, self._chance.token())
        answer = _answer(id, intake.accepted, failures, is_test=pushed.is_test)
        if intake.accepted == 0:
            return 422, {**answer, **_refused_whole(pushed, 0)}
        if not pushed.is_test:
            for part in in_records(intake):
                await self.publish(id, part, (KIND_HEADER, REVERSAL_KIND))
        push = Push(id, pushed.digest, pushed.owner, self._clock.now(), self._clock.wall())
        await self._stores.pushes.keep(push, answer)
        return 202, answer

    async def _earlier(self, pushed: Pushed, id: str) -> dict[str, Any] | None:
        """What a push was answered that would be refused now: its gifts grew too old since. Raises Problem 409."""
        if pushed.key is None:
            return None
        push = await self._stores.pushes.standing(id, self._clock.wall())
        return None if push is None else _checked(pushed, push).answer

    async def publish(self, push_id: str, intake: Intake, *more: tuple[str, bytes]) -> None:
        """Returns when all replicas have all of it. Raises KafkaUnavailable: any part may be there, or not.

        `more` are headers of the records beside the push's.
        """
        headers = [(PUSH_HEADER, push_id.encode()), *more]
        try:
            async with asyncio.timeout(PUBLISH_WAIT_S_MAX), asyncio.TaskGroup() as sends:
                for line, value in intake.lines.items():
                    key = str(line).encode()
                    send = self._sender.send(self._topic, key=key, value=value, partition=line, headers=headers)
                    sends.create_task(send)
        except TimeoutError as error:
            raise KafkaUnavailable(f"Kafka had no room for the push for {PUBLISH_WAIT_S_MAX:.0f} s") from error
        except ExceptionGroup as errors:
            unavailable, others = errors.split(KafkaUnavailable)
            if others is not None or unavailable is None:
                raise
            raise KafkaUnavailable(str(unavailable.exceptions[0])) from errors


def _checked(pushed: Pushed, kept: Push) -> Push:
    """What is kept under the key, where it is of the same body. Raises Problem 409."""
    if kept.digest != pushed.digest:
        words = (
            f"{pushed.key!r} named another push within the last {ANSWER_KEPT_H} h; send the same body, or "
            "choose a new Idempotency-Key"
        )
        raise Problem(409, "idempotency_key_reused", words)
    return kept


def _answer(push_id: str, accepted: int, failures: list[Failure], *, is_test: bool) -> dict[str, Any]:
    shown = [
        {"index": f.index, "pointer": f.pointer, "code": f.code, "message": {"en": f.en, "zh": f.zh}} for f in failures
    ]
    return {"push_id": push_id, "accepted": accepted, "rejected": len(shown), "test": is_test, "failures": shown}


def _refused_whole(pushed: Pushed, good: int) -> dict[str, Any]:
    if good:
        code = "not_all_accepted"
        words = f"{good} of {len(pushed.lines)} lines are donations, and ?atomic=true wants all: nothing was taken"
    else:
        code = "nothing_accepted"
        words = f"none of the {len(pushed.lines)} lines is what it should be; `failures` says what is wrong with each"
    title = code.replace("_", " ")
    return {"type": f"/problems/{code}", "title": title, "status": 422, "code": code, "detail": words}
