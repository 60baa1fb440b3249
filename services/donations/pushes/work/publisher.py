"""Publishing a push: one record a shard on `donations.pushed`, acknowledged by all replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pandapack.contracts.pushed import headers_of
from pandapack.runtime.errors import KafkaUnavailable
from pandapack.runtime.sender import Sender
from services.donations.door.work.marks import DoorMarks
from services.donations.pushes.domain.sorting import SortedPush, in_records

PUBLISH_WAIT_S_MAX = 20.0
"""A push that waits so long for room in the producer or for Kafka's acknowledgement is told to come again."""


class PushPublisher:
    """Publishes sorted pushes, marked by the door. `topic`: the real name of `donations.pushed`."""

    def __init__(self, sender: Sender, topic: str, marks: DoorMarks) -> None:
        self._sender, self._topic, self._marks = sender, topic, marks

    async def publish(
        self,
        push_id: str,
        platform: str,
        push: SortedPush,
        *,
        are_reversals: bool = False,
        indexes: Sequence[int] | None = None,
        traceparent: str | None = None,
    ) -> dict[int, int]:
        """By shard the offset of its last record, once all replicas have all of a platform's push.

        Raises KafkaUnavailable: any part may be there, or not.

        Reversals go in as many records as they need: each is looked up, and written, in one go. `indexes`: of each
        of their lines in the push, where that is not its number.
        """
        ends = dict[int, int]()

        async def send(shard: int, value: bytes, lines: bytes | None) -> None:
            key = str(shard).encode()
            headers = headers_of(push_id, platform, are_reversals=are_reversals, lines=lines, traceparent=traceparent)
            marked = self._marks.mark(shard, headers, value)
            ends[shard] = await self._sender.send(self._topic, key=key, value=value, partition=shard, headers=marked)

        for part in in_records(push, indexes) if are_reversals else (push,):
            try:
                async with asyncio.timeout(PUBLISH_WAIT_S_MAX), asyncio.TaskGroup() as sends:
                    for shard, value in part.by_shard.items():
                        sends.create_task(send(shard, value, part.packed_lines.get(shard)))
            except TimeoutError as error:
                raise KafkaUnavailable(f"Kafka had no room for the push for {PUBLISH_WAIT_S_MAX:.0f} s") from error
            except ExceptionGroup as errors:
                unavailable, others = errors.split(KafkaUnavailable)
                if others is not None or unavailable is None:
                    raise
                raise KafkaUnavailable(str(unavailable.exceptions[0])) from errors
        return ends
