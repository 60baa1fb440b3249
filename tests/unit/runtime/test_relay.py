"""The relay on documents in memory, with a sender that fails in ways that nobody thought of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from pandapack.contracts.envelope import Event, Part, decode
from pandapack.decision import Decision
from pandapack.runtime import relay as relays
from pandapack.runtime.chance import SeededChance
from pandapack.runtime.clock import BusinessClock, FixedClock
from pandapack.runtime.documents import MemoryDocuments
from pandapack.runtime.relay import SOURCES_AT_ONCE_MAX, EventPublisher, Relay
from pandapack.runtime.store import Command, Kind, Store
from tests.trusted import KEY
from tests.waiting import eventually_async


class Tally(Part):
    """How many were told."""

    told: int = 0


class OnePublished(Event):
    """One more."""

    TYPE: ClassVar[str] = "test.relay.OnePublished"
    number: int


KIND = Kind("tellers", Tally, lambda id: Tally(), lambda id: f"/test/tellers/{id}")


@dataclass
class BrokenSender:
    """Raises what no caller expects, so many times; then it takes what comes."""

    failures: int
    sources: list[str] = field(default_factory=list)

    async def send(
        self, topic: str, *, key: bytes | None, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> object:
        if self.failures:
            self.failures -= 1
            raise AssertionError("a library broke its own promise")
        self.sources.append(decode(value).source)
        return None


async def test_a_relay_goes_on_after_more_errors_of_an_unknown_kind_than_it_has_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relays, "RETRY_PAUSE_S", 0.0)
    sender = BrokenSender(failures=SOURCES_AT_ONCE_MAX + 1)
    relay = Relay(EventPublisher(sender, KEY, "test.events"), FixedClock(datetime(2021, 3, 1, tzinfo=UTC)))
    clock, chance = FixedClock(datetime(2021, 3, 1, tzinfo=UTC)), SeededChance(1)
    store = Store(KIND, MemoryDocuments("tellers"), clock=clock, chance=chance, on_outbox=relay.notify)
    relay.add(store)
    await relay.start()
    try:
        await store.change(
            "one", lambda state: Decision(Tally(told=1), (OnePublished(number=1),)), Command("key", "digest")
        )

        async def is_published() -> bool:
            return sender.sources == ["/test/tellers/one"] and not await store.documents.unpublished(1)

        await eventually_async(is_published, "the event is published and confirmed")
        assert relay.outbox_age_s == 0.0
    finally:
        await relay.stop()


async def test_an_outbox_is_as_old_as_the_event_in_the_document_and_not_as_this_process() -> None:
    clock, chance = FixedClock(datetime(2021, 3, 1, tzinfo=UTC)), SeededChance(1)
    store = Store(KIND, MemoryDocuments("tellers"), clock=clock, chance=chance)
    await store.change(
        "one", lambda state: Decision(Tally(told=1), (OnePublished(number=1),)), Command("key", "digest")
    )
    clock.at += timedelta(hours=3)  # the process that decided it has died long since; this one has just begun
    relay = Relay(EventPublisher(BrokenSender(failures=10**6), KEY, "test.events"), clock)
    relay.add(store)
    await relay.start()
    try:
        await eventually_async(lambda: relay.outbox_age_s == 3 * 3600.0, "the document tells its age")
    finally:
        await relay.stop()


async def test_the_age_of_an_outbox_is_in_wall_time_however_fast_business_time_runs() -> None:
    clock = BusinessClock(rate=86_400.0)
    assert clock.wall_of(clock.start + timedelta(days=2)) == clock.epoch + timedelta(seconds=2)


async def test_what_others_publish_counts_for_the_age_too() -> None:
    clock = FixedClock(datetime(2021, 3, 1, tzinfo=UTC))
    relay = Relay(EventPublisher(BrokenSender(failures=0), KEY, "test.events"), clock)

    async def oldest() -> datetime:
        return clock.at - timedelta(seconds=40)

    relay.ages_with(oldest)
    await relay.start()
    try:
        await eventually_async(lambda: relay.outbox_age_s == 40.0, "a page tells its age")
    finally:
        await relay.stop()
