"""Rows that are no donations (or no reversals) go to the dead letters before the page is written, untouched."""

from __future__ import annotations

from collections.abc import Iterable

from pandapack.contracts.dead_letters import headers_of
from pandapack.runtime.sender import Sender
from services.donations.ledger.domain.findings import RejectedRow


class DeadLetterSender:
    """Sends rejected rows. `pushed` and `topic`: the real names of `donations.pushed` and `dead-letters`."""

    def __init__(self, sender: Sender, *, pushed: str, topic: str) -> None:
        self._sender, self._pushed, self._topic = sender, pushed, topic

    async def send(self, shard: int, rows: Iterable[RejectedRow]) -> None:
        """Each under its address, topic/shard/offset/line. Raises KafkaUnavailable; the same again changes nothing."""
        for row in rows:
            address = f"{self._pushed}/{shard}/{row.offset}/{row.index}"
            headers = headers_of(address, row.reason, row.platform, is_reversal=row.is_reversal)
            await self._sender.send(self._topic, key=address.encode(), value=row.raw, headers=headers)
