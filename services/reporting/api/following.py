"""Following a gift on the public page: what was asked for, and what is found, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.donations import Name, PlatformName
from pandapack.decision import Refusal
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.work.examples import Example, Examples
from services.reporting.work.tracer import Tracer

DAYS_BESIDE = (timedelta(days=-1), timedelta(days=1))
"""Where a gift is looked for that is not on its day: clocks elsewhere are at most a day from China's."""

Json = dict[str, Any]
_names, _platforms = TypeAdapter[str](Name), TypeAdapter[str](PlatformName)


class TraceQuery:
    """What a reader wants to follow."""

    def __init__(self, platform: str = "", merchant: str = "", id: str = "", day: str = "") -> None:
        self.platform, self.merchant, self.id, self.day = (one.strip() for one in (platform, merchant, id, day))

    def on(self, platforms: Sequence[str]) -> TraceQuery:
        """The same, on the platform that goes without saying where there is one alone."""
        only = platforms[0] if len(platforms) == 1 else ""
        return TraceQuery(self.platform or only, self.merchant, self.id, self.day)

    def __bool__(self) -> bool:
        return bool(self.merchant or self.id or self.day)

    @property
    def is_valid(self) -> bool:
        """Whether these can be the names of a donation."""
        try:
            _platforms.validate_python(self.platform)
            _names.validate_python(self.merchant)
            _names.validate_python(self.id)
            date.fromisoformat(self.day)
        except (ValidationError, ValueError):
            return False
        return True


class Found(NamedTuple):
    """What a reader followed, or the key of the text that tells why there is none; neither: nothing was asked for.

    `other_day`: a day beside the one asked for on which the ledger has this merchant's order.
    """

    trace: Json | None = None
    failure: str | None = None
    other_day: str | None = None


NOTHING = Found()


class Following:
    """Follows gifts for readers, within limits."""

    def __init__(self, tracer: Tracer, limits: TraceLimits, examples: Examples) -> None:
        self._tracer, self._limits, self._examples = tracer, limits, examples

    @property
    def example(self) -> Example | None:
        """One to click, where there is any."""
        return self._examples.current

    async def platforms(self) -> Sequence[str]:
        """Nothing where the ledger does not answer: the page shows its figures all the same."""
        try:
            return await self._tracer.platforms()
        except Unavailable:
            return ()

    async def follow(self, request: Request, query: TraceQuery) -> Found:
        """What is asked for, as all may see it."""
        if not query:
            return NOTHING
        if not query.platform:
            return Found(failure="which_platform" if await self.platforms() else "not_now")
        if not query.is_valid:
            return Found(failure="not_valid")
        try:
            self._limits.admit(request)
            trace = await self._tracer.trace(query.platform, query.merchant, query.id, query.day)
            if isinstance(trace, Refusal):
                return Found(failure="not_found", other_day=await self._other_day(request, query))
        except Problem:
            return Found(failure="too_many")
        except Unavailable:
            return Found(failure="not_now")
        return Found(shown_trace(trace, staff=False))

    async def _other_day(self, request: Request, query: TraceQuery) -> str | None:
        """Each day that is looked at counts as a trace: nobody tries out more ids than by asking for each of them."""
        wanted = date.fromisoformat(query.day)
        for step in DAYS_BESIDE:
            if (wanted, step) in ((date.min, DAYS_BESIDE[0]), (date.max, DAYS_BESIDE[1])):
                continue
            self._limits.admit(request)
            day = (wanted + step).isoformat()
            if not isinstance(await self._tracer.trace(query.platform, query.merchant, query.id, day), Refusal):
                return day
        return None
