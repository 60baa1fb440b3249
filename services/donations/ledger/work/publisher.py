"""Publishing a shard's events: only its owner does, in order, after the page that has them was written."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from pandapack.runtime.relay import EventPublisher
from services.donations.ledger.domain.pages import Page


class HasPage(Protocol):
    """A shard with its last page."""

    page: Page


class ShardPublisher:
    """Publishes outboxes of pages. `publisher`: to `donations.events`."""

    def __init__(self, publisher: EventPublisher) -> None:
        self._publisher = publisher

    async def publish(self, shard: HasPage) -> None:
        """Returns when Kafka has every event of the last page's outbox, which is empty in memory then.

        The page in the database keeps it until the next write: whoever takes the shard over publishes it again.
        """
        for event in shard.page.outbox:
            await self._publisher.publish(event)
        shard.page = replace(shard.page, outbox=())
