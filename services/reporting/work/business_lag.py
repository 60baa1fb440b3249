"""How long a gift takes until the public sees it: one real push a second, followed along its whole way.

A push begins when Kafka has its record: the door answers right behind that. It ends when the shard's totals have its
gifts, which is what every public figure is read from. Nothing travels for this, and nothing on the way is slower: an
event of the ledger names the records that its page read, and once a second one of them is looked up in Kafka.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pandapack.contracts import causation
from pandapack.contracts.donations import DonationsRecorded
from pandapack.contracts.envelope import Envelope
from pandapack.runtime.chance import Chance
from pandapack.runtime.clock import Clock, monotonic_s
from pandapack.runtime.telemetry import BUSINESS_LAG
from services.reporting.domain.flow import BUSINESS_LAG_WINDOW_S

SAMPLE_PAUSE_S = 1.0
PUSHED_TOPIC = "donations.pushed"
SAMPLES_MAX = BUSINESS_LAG_WINDOW_S

AppendedAt = Callable[[str, int, int], Awaitable[datetime | None]]
"""Topic (its real name), partition and offset → when the record was appended, wall time; None where it is not found."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A record whose gifts were in the totals at `at`, wall time."""

    partition: int
    offset: int
    at: datetime


class BusinessLags:
    """The samples of this process. `topic`: the real name of the door's."""

    def __init__(self, appended_at: AppendedAt, topic: str, clock: Clock, chance: Chance) -> None:
        self._appended_at, self._topic, self._clock, self._chance = appended_at, topic, clock, chance
        self._next_s = 0.0
        self._to_measure: _Shown | None = None
        self._samples: deque[tuple[float, float]] = deque(maxlen=SAMPLES_MAX)

    def shown(self, envelopes: Iterable[Envelope]) -> None:
        """These events are in the totals now. Looks at the first that tells of gifts, once a second."""
        if monotonic_s() < self._next_s:
            return
        found = next((place for one in envelopes if (place := self._place_in(one)) is not None), None)
        if found is not None:
            self._next_s = monotonic_s() + SAMPLE_PAUSE_S
            self._to_measure = _Shown(*found, self._clock.wall())

    async def measure(self) -> None:
        """Looks up when the record that was noted last came to Kafka."""
        shown, self._to_measure = self._to_measure, None
        if shown is None:
            return
        began = await self._appended_at(self._topic, shown.partition, shown.offset)
        if began is not None:
            waited_s = max(0.0, (shown.at - began).total_seconds())
            BUSINESS_LAG.observe(waited_s)
            self._samples.append((shown.at.timestamp(), round(waited_s, 3)))

    def samples(self) -> list[list[float]]:
        """When each was taken (seconds since 1970), and how long it took; no older than the window."""
        return [list(one) for one in self._samples if one[0] >= self._clock.wall().timestamp() - BUSINESS_LAG_WINDOW_S]

    def _place_in(self, envelope: Envelope) -> tuple[int, int] | None:
        """A partition of the door's topic, and one of the records that the event tells of: any, each as likely."""
        if envelope.type != DonationsRecorded.TYPE or not envelope.causes:
            return None
        for cause in causation.read(envelope.causes):
            topic, _, partition = cause.stream.rpartition("/")
            if topic == PUSHED_TOPIC and partition.isdecimal():
                share = self._chance.jitter() - 0.5
                return int(partition), cause.first + int(share * (cause.last - cause.first + 1))
        return None


def waits_within(samples: Iterable[Sequence[float]], now: datetime) -> list[float]:
    """The waits of samples of any processes that lie in the window that ends now."""
    oldest = now.timestamp() - BUSINESS_LAG_WINDOW_S
    return [waited_s for at, waited_s in samples if at >= oldest]
