"""The public page: its figures, and what a reader wants to follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fastapi import Request

from pandapack.decision import Refusal
from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.chart_figures import ChartFigures
from services.reporting.api.costs import shown_costs
from services.reporting.api.donation_links import links_of
from services.reporting.api.following import NOTHING, Following, Found, TraceQuery
from services.reporting.api.pages_ahead import PagesAhead
from services.reporting.api.rendering import rendered, switch_of
from services.reporting.api.shown_contents import motto_of, shown_contents
from services.reporting.api.shown_countries import COLUMNS, shown_countries
from services.reporting.api.shown_days import links, shown_days
from services.reporting.api.shown_figures import shown_figures
from services.reporting.api.survey import shown_survey
from services.reporting.api.texts import Language, PageTexts
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.readings import Reading, Readings


class Plain(NamedTuple):
    """What the page depends on where nothing is followed and no moment asked for. `address`: ours, as it was called."""

    language: Language
    address: str


def _sort_of(request: Request) -> str:
    """By which column the list of countries is sorted; "" where none is named that there is."""
    asked = request.query_params.get("sort", "")
    return asked if asked in COLUMNS else ""


class State(NamedTuple):
    """What the address of a page says: which gift is followed, as of when the figures are, how countries are sorted.

    `is_refused`: an `as_of` was asked for that cannot be had; the page is then of now.
    """

    query: TraceQuery
    found: Found = NOTHING
    as_of: str = ""
    sort: str = ""
    is_refused: bool = False


class PublicPage:
    """`/`. As all see it, it is made ahead of them."""

    def __init__(
        self,
        readings: Readings,
        following: Following,
        tables: ReadLimits,
        checkpoints: Checkpoints,
        charts: ChartFigures,
        *,
        is_demonstration: bool,
    ) -> None:
        self._readings, self._following, self._checkpoints = readings, following, checkpoints
        self._tables, self._charts = tables, charts
        self._is_demonstration = is_demonstration
        self._ahead = PagesAhead(self._plain)

    async def html(self, request: Request, query: TraceQuery, texts: PageTexts, as_of: str) -> bytes:
        """What is asked for."""
        address = str(request.base_url).rstrip("/")
        if set(request.query_params) <= {"lang"}:
            return await self._ahead.get(Plain(texts.language, address))
        platforms = await self._following.platforms()
        query = query.on(platforms)
        found = await self._following.follow(request, query)
        reading, is_refused = await self._reading(request, as_of)
        return await self._rendered(
            texts,
            switch_of(request, texts),
            address,
            platforms,
            reading,
            State(query, found, "" if is_refused else as_of, _sort_of(request), is_refused),
        )

    async def _plain(self, of: Plain) -> bytes:
        texts, platforms = PageTexts(of.language), await self._following.platforms()
        switch = f"?lang={texts.other.value}"
        state = State(TraceQuery().on(platforms))
        return await self._rendered(texts, switch, of.address, platforms, await self._readings.now(), state)

    async def _rendered(
        self,
        texts: PageTexts,
        switch: str,
        address: str,
        platforms: Sequence[str],
        reading: Reading,
        state: State,
    ) -> bytes:
        if reading.lead is None:
            chart = await self._charts.shown_soon(reading.snapshot, texts, address)
        else:
            chart = self._charts.shown(texts, address)
        html = await rendered(
            "public.html",
            texts,
            switch,
            **shown_figures(reading),
            countries=shown_countries(reading.countries.values["items"], state.sort),
            country_columns=COLUMNS,
            sort=state.sort,
            known_days=shown_days(await self._readings.known_days(), reading),
            to=links(texts.language.value, state.as_of, state.sort),
            as_of=state.as_of,
            contents=shown_contents(reading),
            motto=motto_of(reading),
            costs=shown_costs(reading),
            chart=chart,
            survey=shown_survey(reading),
            cosigned=await self._checkpoints.cosigned(),
            platforms=platforms if len(platforms) > 1 else (),
            query=state.query,
            trace=state.found.trace,
            links=links_of(address, state.found.trace["donation"], texts.language.value) if state.found.trace else None,
            failure=state.found.failure,
            other_day=state.found.other_day,
            example=self._following.example,
            address=address,
            is_past=reading.lead is None,
            is_refused=state.is_refused,
            is_demonstration=self._is_demonstration,
        )
        return html.encode()

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
