"""The public page: its figures, and what a reader wants to follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from pandapack.contracts.donations import Name, PlatformName
from pandapack.decision import Refusal
from pandapack.runtime.errors import Unavailable
from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.costs import shown_costs
from services.reporting.api.pages_ahead import PagesAhead
from services.reporting.api.rendering import rendered, switch_of
from services.reporting.api.shown_figures import shown_figures
from services.reporting.api.texts import Language, PageTexts
from services.reporting.api.trace import TraceLimits
from services.reporting.api.trace_views import shown_trace
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.readings import Reading, Readings
from services.reporting.work.tracer import Tracer

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
    """What a reader followed, or the key of the text that tells why there is none; neither: nothing was asked for."""

    trace: Json | None = None
    failure: str | None = None


NOTHING = Found()


class Plain(NamedTuple):
    """What the page depends on where nothing is followed and no moment asked for. `address`: ours, as it was called."""

    language: Language
    address: str


class PublicPage:
    """`/`. As all see it, it is made ahead of them."""

    def __init__(
        self,
        readings: Readings,
        tracer: Tracer,
        limits: TraceLimits,
        tables: ReadLimits,
        checkpoints: Checkpoints,
        *,
        is_demonstration: bool,
    ) -> None:
        self._readings, self._tracer, self._checkpoints = readings, tracer, checkpoints
        self._limits, self._tables = limits, tables
        self._is_demonstration = is_demonstration
        self._ahead = PagesAhead(self._plain)

    async def html(self, request: Request, query: TraceQuery, texts: PageTexts, as_of: str) -> bytes:
        """What is asked for."""
        address = str(request.base_url).rstrip("/")
        if set(request.query_params) <= {"lang"}:
            return await self._ahead.get(Plain(texts.language, address))
        platforms = await self._platforms()
        query = query.on(platforms)
        found = await self._follow(request, query)
        reading, is_refused = await self._reading(request, as_of)
        return await self._rendered(
            texts,
            switch_of(request, texts),
            address,
            platforms,
            reading,
            query=query,
            found=found,
            is_refused=is_refused,
        )

    async def _plain(self, of: Plain) -> bytes:
        texts, platforms = PageTexts(of.language), await self._platforms()
        switch = f"?lang={texts.other.value}"
        return await self._rendered(texts, switch, of.address, platforms, await self._readings.now())

    async def _rendered(
        self,
        texts: PageTexts,
        switch: str,
        address: str,
        platforms: Sequence[str],
        reading: Reading,
        *,
        query: TraceQuery | None = None,
        found: Found = NOTHING,
        is_refused: bool = False,
    ) -> bytes:
        html = await rendered(
            "public.html",
            texts,
            switch,
            **shown_figures(reading),
            countries=reading.countries.values["items"],
            costs=shown_costs(reading),
            cosigned=await self._checkpoints.cosigned(),
            platforms=platforms if len(platforms) > 1 else (),
            query=query or TraceQuery().on(platforms),
            trace=found.trace,
            failure=found.failure,
            address=address,
            is_past=reading.lead is None,
            is_refused=is_refused,
            is_demonstration=self._is_demonstration,
        )
        return html.encode()

    async def _platforms(self) -> Sequence[str]:
        """Nothing where the ledger does not answer: the page shows its figures all the same."""
        try:
            return await self._tracer.platforms()
        except Unavailable:
            return ()

    async def _follow(self, request: Request, query: TraceQuery) -> Found:
        if not query:
            return NOTHING
        if not query.platform:
            return Found(failure="which_platform" if await self._platforms() else "not_now")
        if not query.is_valid:
            return Found(failure="not_valid")
        try:
            self._limits.admit(request)
            trace = await self._tracer.trace(query.platform, query.merchant, query.id, query.day)
        except Problem:
            return Found(failure="too_many")
        except Unavailable:
            return Found(failure="not_now")
        if isinstance(trace, Refusal):
            return Found(failure="not_found")
        return Found(shown_trace(trace, staff=False))

    async def _reading(self, request: Request, as_of: str) -> tuple[Reading, bool]:
        """What the page is of, and whether something else was asked for that cannot be had: then it is of now."""
        if not as_of:
            return await self._readings.now(), False
        try:
            await self._tables(request)
        except Problem:
            return await self._readings.now(), True
        found = await self._readings.as_of(as_of)
        return (await self._readings.now(), True) if isinstance(found, Refusal) else (found, False)
