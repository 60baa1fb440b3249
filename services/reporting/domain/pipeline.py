"""How far each partition has been heard, and how fresh that makes every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision


class Heard(Part):
    """One partition: the last record heard. `appended_at_ms` is Kafka's time of it, milliseconds since 1970 UTC."""

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


def note(state: Heard, last: Heard) -> Decision[Heard]:
    """One more record was heard: `last`, whose `events` counts itself."""
    return Decision(last.model_copy(update={"events": state.events + last.events}))


def freshness(
    heard: Sequence[Heard], lags: Mapping[tuple[str, int], int | None], now: datetime, epoch: datetime
) -> Freshness:
    """How fresh the figures are at wall time `now`.

    A partition with nothing left to hear is complete to now; one that lags is complete to its last heard record. Where
    no partition's lag is known, the age of the newest record is all that can be said.
    """
    known = {place: lag for place, lag in lags.items() if lag is not None}
    lag_records = sum(known.values()) if known else None
    last: dict[tuple[str, int], datetime] = {}
    for one in heard:  # several lines share a partition
        at = epoch + timedelta(milliseconds=one.appended_at_ms)
        last[one.topic, one.partition] = max(at, last.get((one.topic, one.partition), at))
    late = [last[place] for place, lag in known.items() if lag and place in last]
    if lag_records == 0 and len(known) == len(lags):
        return Freshness(now, 0.0, 0)
    complete_to = min(late) if late else max(last.values(), default=None)
    behind_s = None if complete_to is None else max(0.0, (now - complete_to).total_seconds())
    return Freshness(complete_to, behind_s, lag_records)
