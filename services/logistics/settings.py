"""What the logistics service reads from its environment."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from pandapack.runtime.settings import RuntimeSettings

REPORT_TOLERANCE_HOURS = 26
"""Who takes local time for UTC is off by up to 14 hours, a clock that nobody set by some more: not by days."""
REPORT_TOLERANCE_HOURS_MAX = 24 * 366 * 10
"""Where journeys of months are told within minutes, as in a demonstration, times lie far from the clock."""


class Settings(RuntimeSettings):
    """Shared settings, the port, and how far those who report may be off our clock."""

    port: int = Field(default=8103, validation_alias="PANDA_LOGISTICS_PORT")
    report_tolerance_hours: int = Field(default=REPORT_TOLERANCE_HOURS, ge=0, le=REPORT_TOLERANCE_HOURS_MAX)

    def report_tolerance(self) -> timedelta:
        """How far the time of a report may lie from what our own clock allows."""
        return timedelta(hours=self.report_tolerance_hours)
