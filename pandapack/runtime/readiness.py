"""Whether a service can work, and what of it does not move: found by loops of its own, told at once to whoever asks.

Whoever asks is never kept waiting: a store that hangs, or a Kafka that does, is a line of the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pandapack.runtime.broker import POLL_AGE_S_MAX, Broker
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.instances import Instances, stops_of
from pandapack.runtime.lag import can_work
from pandapack.runtime.loops import every
from pandapack.runtime.neighbours import NeighbourWatch
from pandapack.runtime.partitions import shown_stop
from pandapack.runtime.progress import Progress
from pandapack.runtime.sender import Sender
from pandapack.runtime.telemetry import EVENT_LOOP_DELAY, KAFKA_ANSWERS, STORE_ANSWERS

ASK_PAUSE_S = 1.0
PING_WAIT_S = 2.0
"""A ping takes a millisecond; a server that is busy beyond measure takes one that waits."""
STORE_SILENT_S_MAX = 4.0
"""A store that answered no ping for so long does not answer; a replica set elects a new primary in about that time."""

DELAY_PAUSE_S = 0.25
DELAY_SLEEP_S = 0.05
"""Four short sleeps a second: whatever holds the loop for long is met by one of them."""

Json = dict[str, Any]


class Pings(Protocol):
    """A store that can be asked whether it is there."""

    async def ping(self) -> None:
        """Raises Unavailable."""
        ...


class CountsDistrusted(Protocol):
    """What knows how many records were not believed; see `set_aside.SetAside`."""

    distrusted: int


class Readiness:
    """Watches the store, Kafka and the consumers of this process, and starts anew those that have died.

    outbox_age_s: the age of the oldest event that waits to be published, None where it is not known.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        store: Pings,
        broker: Broker,
        progress: Progress,
        sender: Sender,
        set_aside: CountsDistrusted,
        instances: Instances,
        outbox_age_s: Callable[[], float | None],
    ) -> None:
        self._clock, self._store = clock, store
        self._broker, self._progress, self._sender, self._outbox_age_s = broker, progress, sender, outbox_age_s
        self._set_aside, self._instances = set_aside, instances
        instances.tells("outbox_age_s", self._outbox_age)
        instances.tells("stopped", self._own_stops)
        instances.tells("also", lambda: {name: tell() for name, tell in self._also.items()})
        instances.tells("owns", self._owned)
        self._pings = every(ASK_PAUSE_S, self._ping, name="ping-store")
        self._renewals = every(ASK_PAUSE_S, self._renew_dead, name="renew-consumers")
        self._delays = every(DELAY_PAUSE_S, feel_delay, name="feel-delay")
        self._store_answered_s = monotonic_s()
        self._store_failure = ""
        self._neighbours: NeighbourWatch | None = None
        self._also: dict[str, Callable[[], Json]] = {}

    def tells_of(self, neighbours: NeighbourWatch) -> None:
        """From now on the report says which of these services do not answer. This one's work does not depend on it."""
        self._neighbours = neighbours

    def tells_also(self, name: str, tell: Callable[[], Json]) -> None:
        """From now on the report has what `tell` answers under a name, too; it makes nothing unready."""
        self._also[name] = tell

    async def start(self) -> None:
        self._store_answered_s = monotonic_s()
        await self._progress.start()
        await self._pings.start()
        await self._renewals.start()
        await self._delays.start()
        await self._instances.start()

    async def stop(self) -> None:
        await self._instances.stop()
        await self._delays.stop()
        await self._renewals.stop()
        await self._pings.stop()
        await self._progress.stop()

    def report(self) -> Json:
        """What `/readyz` answers; what is not known is null, not zero."""
        others = self._instances.fresh_others
        stopped = stops_of(self._own_stops(), others)
        store, kafka, lags = self._store_state(), self._progress.kafka, self._progress.own
        poll_age_s = self._broker.poll_age_s(self._clock.wall())
        is_polling = poll_age_s is None or poll_age_s <= POLL_AGE_S_MAX
        is_able = can_work(lags, [(str(one["topic"]), int(str(one["partition"]))) for one in stopped])
        looked_at = self._progress.looked_at
        return {
            "ready": store == "ok" and kafka == "ok" and is_polling and is_able,
            "service": self._instances.service,
            "store": store,
            "kafka": kafka,
            "stopped": stopped,
            "stalled": [lag.stall_as_json() for lag in lags if lag.is_stalled],
            "poll_age_s": None if poll_age_s is None else round(poll_age_s, 3),
            "looked_at": None if looked_at is None else looked_at.isoformat(timespec="milliseconds"),
            "lag": [lag.as_json() for lag in lags],
            "outbox_age_s": self._outbox_age(),
            "producer_renewals": self._sender.renewals,
            "distrusted_records": self._set_aside.distrusted,
            "neighbours": [one.as_json() for one in self._neighbours.neighbours] if self._neighbours else [],
            **_told_by(others),
            **{name: tell() for name, tell in self._also.items()},
        }

    def _own_stops(self) -> list[Json]:
        return [
            {**shown_stop(partition, why), "group": subscription.stops.group}
            for subscription in self._broker.subscriptions
            for partition, why in subscription.stops.by_partition.items()
        ]

    def _outbox_age(self) -> float | None:
        age_s = self._outbox_age_s()
        return None if age_s is None else round(age_s, 3)

    def _owned(self) -> Json:
        """What this process consumes, and how late that is: the records of all its partitions, the oldest one's age."""
        owned = self._broker.owned
        lags = [lag for lag in self._progress.own if lag.consumed in owned]
        records, waits_s = [lag.records for lag in lags], [lag.waiting_s for lag in lags]
        return {
            "partitions": len(owned),
            "lag_records": None if None in records else sum(filter(None, records)),
            "lag_s": None if None in waits_s else max(filter(None, waits_s), default=0.0),
            "stalled": sum(lag.is_stalled for lag in lags),
        }

    def _store_state(self) -> str:
        silent_s = monotonic_s() - self._store_answered_s
        if silent_s <= STORE_SILENT_S_MAX:
            return "ok"
        return f"MongoDB has not answered for {silent_s:.0f} s ({self._store_failure or 'no answer yet'})"

    async def _ping(self) -> None:
        try:
            await asyncio.wait_for(self._store.ping(), PING_WAIT_S)
        except (Unavailable, TimeoutError) as error:
            self._store_failure = str(error) or "no answer"
        else:
            self._store_answered_s = monotonic_s()

    async def _renew_dead(self) -> None:
        is_answering = self._progress.kafka == "ok"
        KAFKA_ANSWERS.set(is_answering)
        STORE_ANSWERS.set(self._store_state() == "ok")
        if is_answering:
            with contextlib.suppress(Unavailable):
                await self._broker.renew_dead(self._clock.wall())


def _told_by(others: Sequence[Json]) -> Json:
    """What other processes tell also, that this one may have nothing to say of: a reader does not keep the log."""
    by_age = sorted(others, key=lambda row: str(row["seen_at"]))
    return {name: told for row in by_age for name, told in row["also"].items()}


async def feel_delay() -> None:
    """How much later than asked the event loop comes back: all that this process does waits for it, too."""
    began_s = monotonic_s()
    await asyncio.sleep(DELAY_SLEEP_S)
    EVENT_LOOP_DELAY.observe(max(0.0, monotonic_s() - began_s - DELAY_SLEEP_S))
