"""When a thing of a round can have happened: not before its first parcel was packed, and not later than now.

Times here are RFC 3339 in UTC. Clocks and time zones of those who report are off by something: that much is forgiven
where our own clock is what they are held against, and nothing where they are held against each other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from pandapack.decision import Refusal, RefusalKind


class Now(NamedTuple):
    """Our business time, and how far the time of a report may lie from what our clock allows."""

    at: datetime
    tolerance: timedelta


def refuse_time(at: str, packed_at: str, now: Now) -> Refusal | None:
    """It would have happened later than now, or before there was anything of the round. `packed_at` "": not known."""
    latest = now.at + now.tolerance
    if moment_of(at) > latest:
        detail = f"{at} is later than may be by our clock ({latest.isoformat()}): look at the date and its zone"
        return Refusal("at_in_the_future", detail, RefusalKind.INVALID)
    if packed_at and moment_of(at) < (earliest := moment_of(packed_at) - now.tolerance):
        detail = f"{at} is before the first parcel was packed ({earliest.isoformat()}): look at the date and its zone"
        return Refusal("at_too_early", detail, RefusalKind.INVALID)
    return None


def is_before(at: str, other: str) -> bool:
    """Whether one time lies before another."""
    return moment_of(at) < moment_of(other)


def moment_of(at: str) -> datetime:
    """A time that was checked when it came in, or is our own."""
    return datetime.fromisoformat(at)
