"""The last record consumed of each partition, and how fresh every figure is, along a gift's whole way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pandapack.contracts.envelope import Part
from pandapack.decision import Decision


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


LOOK_S_MAX = 4.0
"""What was done at a look that is older than this tells nothing of now."""


def freshness(
    complete_to: datetime | None,
    lag_records: int | None,
    *,
    looked_at: datetime | None,
    now: datetime,
    before: datetime | None,
) -> Freshness:
    """How fresh the figures are at wall time `now`.

    complete_to: as the last look at the log, at `looked_at`, found it; lag_records: on the whole way, None: not known.
    before: what was told last. What was complete stays complete: it never runs backwards.
    """
    known = [one for one in (complete_to, before) if one is not None]
    if not known or looked_at is None:
        return Freshness(None, None, lag_records)
    is_recent = (now - looked_at).total_seconds() <= LOOK_S_MAX
    if lag_records == 0 and is_recent:
        return Freshness(max(known), 0.0, 0)
    return Freshness(max(known), max(0.0, (now - max(known)).total_seconds()), lag_records if is_recent else None)
