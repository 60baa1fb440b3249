"""How far each partition has been consumed, and how fresh that makes every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision

Lags = Mapping[tuple[str, int], int | None]
"""(topic, partition) → records not consumed yet; None where that is not known."""


class LastRecord(Part):
    """The last record consumed of a partition. `appended_at_ms` is Kafka's time of it, milliseconds since 1970 UTC."""

    topic: str = ""
    partition: int = 0
    offset: int = -1
    appended_at_ms: int = 0
    events: int = 0
    last_type: str = ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """All that was appended before `complete_to` (wall time) is in the figures. None: not known."""

    complete_to: datetime | None
    behind_s: float | None
    lag_records: int | None

    def as_json(self) -> dict[str, object]:
        """`complete_to` (RFC 3339, wall time) and how many seconds ago that is; null where it is not known."""
        return {
            "complete_to": self.complete_to and self.complete_to.isoformat(timespec="milliseconds"),
            "behind_s": None if self.behind_s is None else round(self.behind_s, 3),
        }


def note(state: LastRecord, last: LastRecord) -> Decision[LastRecord]:
    """One more record was consumed: `last`, whose `events` counts itself."""
    return Decision(last.model_copy(update={"events": state.events + last.events}))


def freshness(consumed: Sequence[LastRecord], lags: Lags, now: datetime, epoch: datetime) -> Freshness:
    """How fresh the figures are at wall time `now`.

    A partition with nothing left to consume is complete to now; one that lags is complete to the last record consumed
    of it. Where no partition's lag is known, the age of the newest record is all that can be said.
    """
    known = {partition: lag for partition, lag in lags.items() if lag is not None}
    lag_records = sum(known.values()) if known else None
    appended: dict[tuple[str, int], datetime] = {}
    for last in consumed:  # several shards share a partition
        at = epoch + timedelta(milliseconds=last.appended_at_ms)
        appended[last.topic, last.partition] = max(at, appended.get((last.topic, last.partition), at))
    late = [appended[partition] for partition, lag in known.items() if lag and partition in appended]
    if lag_records == 0 and len(known) == len(lags):
        return Freshness(now, 0.0, 0)
    complete_to = min(late) if late else max(appended.values(), default=None)
    behind_s = None if complete_to is None else max(0.0, (now - complete_to).total_seconds())
    return Freshness(complete_to, behind_s, lag_records)
