"""The trace of one donation, within limits for those who ask without a key."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from pandapack.contracts.donations import NAME_PATTERN, PLATFORM_PATTERN
from pandapack.decision import Refusal
from pandapack.runtime.auth import optional_caller
from pandapack.runtime.http import Problem, problem_of
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.work.tracer import Tracer

TRACES_A_BURST_MAX = 60
TRACES_PER_S = 2.0

Name = Annotated[str, Path(pattern=NAME_PATTERN)]
Platform = Annotated[str, Path(pattern=PLATFORM_PATTERN)]


class TraceLimits(ReadLimits):
    """So many traces a client: `TRACES_A_BURST_MAX` at once, and `TRACES_PER_S` on and on. Nobody may try out ids."""

    def __init__(self) -> None:
        super().__init__("traces", burst=TRACES_A_BURST_MAX, per_s=TRACES_PER_S)

    def _refusal(self, detail: str) -> Problem:
        return Problem(429, "too_many_traces", detail)


def trace_router(tracer: Tracer, limits: TraceLimits) -> APIRouter:
    """`/trace`, `/platforms`."""
    router = APIRouter(tags=["trace"])

    @router.get("/platforms")
    async def get_platforms() -> dict[str, list[str]]:
        """The platforms whose gifts can be traced, by id: whoever asks must say which, where there are several."""
        return {"items": list(await tracer.platforms())}

    @router.get("/trace/{platform}/{merchant}/{id}")
    async def get_trace(
        platform: Platform, merchant: Name, id: Name, day: Annotated[date, Query()], request: Request
    ) -> dict[str, Any]:
        """Where one donation is: its interval on the fen line, and for each of its fen the round, parcel and district.

        Attribution is by rule, since money is fungible. Whoever asks must know platform, merchant, id and day.
        """
        caller = await optional_caller(request)
        if caller is None:
            limits.admit(request)
        trace = await tracer.trace(platform, merchant, id, day.isoformat())
        if isinstance(trace, Refusal):
            raise problem_of(trace)
        return shown_trace(trace, staff=caller is not None and caller.is_staff)

    return router
