"""What is no donation (or no reversal) goes to the dead letters before the page is written, untouched and signed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import structlog

from pandapack.contracts.dead_letters import headers_of
from pandapack.runtime.sender import Sender
from pandapack.runtime.telemetry import DEAD_LETTERS
from pandapack.runtime.trust import OwnKey
from services.donations.ledger.domain.dead_letters import NewDeadLetter, dead_letters_of
from services.donations.ledger.domain.findings import RejectedRow
from services.donations.validation.domain.failures import failure_of

DEAD_LETTERS_AT_ONCE_MAX = 256
"""Kafka acknowledges them together; so many of them wait in the producer."""
CAUSES_LOGGED_MAX = 5

log = structlog.get_logger(__name__)


class DeadLetterSender:
    """Sends rejected rows. `pushed` and `topic`: the real names of `donations.pushed` and `dead-letters`.

    `release`: of this program, which judged them.
    """

    def __init__(self, sender: Sender, key: OwnKey, *, pushed: str, topic: str, release: str) -> None:
        self._sender, self._key, self._pushed, self._topic = sender, key, pushed, topic
        self._release = release

    async def send(self, shard: int, rows: Iterable[RejectedRow]) -> None:
        """Each under its address, topic/shard/offset/line. Raises KafkaUnavailable; the same again changes nothing."""
        sent = list(dead_letters_of(rows))
        if not sent:
            return
        for begin in range(0, len(sent), DEAD_LETTERS_AT_ONCE_MAX):
            some = sent[begin : begin + DEAD_LETTERS_AT_ONCE_MAX]
            results = await asyncio.gather(*(self._send(shard, one) for one in some), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        causes = Counter(failure_of(0, one.reason).code for one in sent)
        for cause, count in causes.items():
            DEAD_LETTERS.labels(cause).inc(count)
        causes_logged = dict(causes.most_common(CAUSES_LOGGED_MAX))
        log.warning("dead_letters_sent", shard=shard, count=len(sent), causes=causes_logged, first=sent[0].path)

    async def _send(self, shard: int, dead_letter: NewDeadLetter) -> None:
        address = f"{self._pushed}/{shard}/{dead_letter.path}"
        headers = headers_of(
            address,
            dead_letter.reason,
            dead_letter.platform,
            is_reversal=dead_letter.is_reversal,
            rows=dead_letter.rows,
            size=dead_letter.size,
            release=self._release,
        )
        signed = self._key.dead_letter_headers(headers, dead_letter.value)
        await self._sender.send(self._topic, key=address.encode(), value=dead_letter.value, headers=signed)
