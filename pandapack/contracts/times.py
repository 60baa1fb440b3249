"""The times that anything of ours can have: what lies beyond is a slip of the pen, and arithmetic with it overflows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

TIME_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Before that nobody gave, sent or received anything here."""
TIME_LAST = datetime(3000, 1, 1, tzinfo=UTC)
"""Far from where arithmetic ends. What lies in the future is for each decision to judge, and to refuse."""


def within_range(at: datetime) -> datetime:
    """The same time. Raises ValueError before `TIME_FIRST` and from `TIME_LAST` on."""
    if not TIME_FIRST <= at < TIME_LAST:
        raise ValueError(f"a time lies from {TIME_FIRST:%Y-%m-%d} up to {TIME_LAST:%Y-%m-%d}, in UTC")
    return at


Time = Annotated[AwareDatetime, AfterValidator(within_range)]
"""A time with a zone, within the range."""
