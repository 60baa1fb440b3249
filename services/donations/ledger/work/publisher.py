"""Publishing a shard's events: only its owner does, in order, after the page that has them was written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from pandapack.runtime.relay import EventPublisher, decided_at
from services.donations.ledger.domain.pages import Page
from services.donations.ledger.store.pages import Pages


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


class UnpublishedEvents:
    """How long events of the ledger have been waiting on its pages, whichever process has the shard, or none.

    `hanging` names the shards whose last page is written and not committed: what lies between is publishing.
    """

    def __init__(self, pages: Pages, hanging: Callable[[], Sequence[int]]) -> None:
        self._pages, self._hanging = pages, hanging

    async def oldest(self) -> datetime | None:
        """When the oldest of them was decided, business time; None where none waits."""
        last = [await self._pages.last(shard) for shard in self._hanging()]
        return min((decided_at(page.outbox[0]) for page in last if page and page.outbox), default=None)
