"""The desk: a push is validated, stored, published by line, and answered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from pandapack.runtime.auth import Caller
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock
from pandapack.runtime.http import Problem
from pandapack.runtime.sender import Sender
from services.donations.api.bodies import Gate, split
from services.donations.domain.intake import Intake, Reader
from services.donations.settings import Settings
from services.donations.store import Stores
from services.donations.store.pushes import Push


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

    async def take(self, caller: Caller, key: str | None, body: bytes, content_type: str) -> tuple[int, dict[str, Any]]:
        """Status and answer. 202: every accepted row is in Kafka, and will be counted or listed under the push.

        Raises Problem; KafkaUnavailable and AnswerLost (503: push the same body again).
        """
        raws = split(body, content_type)
        intake = self._reader.read(raws, now=self._clock.now(), accept_days=self._settings.accept_days)
        key = key or self._chance.token()
        push_id = "psh_" + hashlib.sha256(f"{caller.prefix}\n{key}".encode()).hexdigest()[:24]
        if intake.accepted == 0:
            return 422, {**_answer(push_id, intake), **_refused_whole(len(raws))}
        digest = hashlib.sha256(body).hexdigest()
        push = await self._stores.pushes.open(Push(push_id, digest, caller.prefix, self._clock.now(), None))
        if push.digest != digest:
            raise Problem(
                409,
                "idempotency_key_reused",
                f"Idempotency-Key {key!r} was used before with another body; send the same body, or choose a new key",
            )
        if push.answer is not None:
            return 202, push.answer
        await self._publish(push_id, intake)
        answer = _answer(push_id, intake)
        await self._stores.pushes.answered(push_id, answer)
        return 202, answer

    async def _publish(self, push_id: str, intake: Intake) -> None:
        headers = [("push", push_id.encode())]
        async with asyncio.TaskGroup() as sends:
            for line, raws in intake.lines.items():
                value = b"\n".join(raws)
                key = str(line).encode()
                sends.create_task(self._sender.send(self._topic, key=key, value=value, partition=line, headers=headers))


def _answer(push_id: str, intake: Intake) -> dict[str, Any]:
    failures = [
        {"index": f.index, "pointer": f.pointer, "code": f.code, "message": {"en": f.en, "zh": f.zh}}
        for f in intake.failures
    ]
    return {"push_id": push_id, "accepted": intake.accepted, "rejected": len(failures), "failures": failures}


def _refused_whole(lines: int) -> dict[str, Any]:
    words = f"none of the {lines} lines is a donation; `failures` says what is wrong with each"
    code = "nothing_accepted"
    return {"type": f"/problems/{code}", "title": "nothing accepted", "status": 422, "code": code, "detail": words}
