"""What both shells are made with: address, key, secret, limits; and the small things that they ask of the machine."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from hashlib import sha256

from pandapack.client.batches import Batch, BatchLimits, batch_id
from pandapack.client.delivery import Delivery, Retry, Wait
from pandapack.contracts.signing import secret_bytes

AT_ONCE = 4
ANSWER_WAIT_S = 60.0
SENDER_CHARACTERS = 16
RETRY_DEFAULT = Retry()
LIMITS_DEFAULT = BatchLimits()

_random = random.Random(os.getpid())
"""Pauses of several clients must not fall together; nothing else hangs on it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """To whom to push, as whom, and how. Raises ValueError for a secret that is none, or for a limit below 1."""

    url: str
    key: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    retry: Retry = RETRY_DEFAULT
    limits: BatchLimits = LIMITS_DEFAULT
    at_once: int = AT_ONCE
    signing_key: bytes | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if min(self.at_once, self.retry.attempts_max, self.limits.lines_max, self.limits.bytes_max) < 1:
            raise ValueError("at_once, attempts_max, lines_max and bytes_max are 1 or more")
        object.__setattr__(self, "signing_key", secret_bytes(self.secret) if self.secret is not None else None)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"authorization": f"Bearer {self.key}", "user-agent": "pandapack.client"}

    @property
    def sender(self) -> str:
        """Tells one key from another without showing either."""
        return sha256(self.key.encode()).hexdigest()[:SENDER_CHARACTERS]

    def delivery(self, batch: Batch, call_id: str | None, number: int) -> Delivery:
        """A batch, ready to be sent: the `number`-th of a call, from 1."""
        return Delivery(batch, batch_id(batch, call_id, number), self.retry, self.signing_key)


def ignore_wait(_: Wait) -> None:
    """Nobody is told of a pause."""


def wall_s() -> int:
    """Seconds since 1970: signatures and `Retry-After` are about wall time."""
    return int(time.time())


def jitter() -> float:
    """A number in [0.5, 1.5)."""
    return _random.uniform(0.5, 1.5)
