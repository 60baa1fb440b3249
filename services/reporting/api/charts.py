"""A chart is an address: `/v1/charts/{name}.{svg,png,csv,json}`, of now or as of a size, a moment or a day."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from pandapack.runtime.http import Problem
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.answers import FINAL, AsOf, reading_of
from services.reporting.api.chart_figures import ChartFigures, tag_of
from services.reporting.api.chart_sheets import View, view_of
from services.reporting.api.ranges import OF_NOW, answer_of
from services.reporting.api.rendering import texts_of
from services.reporting.domain.charts.pictures import alone, card
from services.reporting.domain.charts.sheets import COLUMNS, ChartName, Theme, csv_of
from services.reporting.domain.data_tables import LICENCE
from services.reporting.work.charts import Charts
from services.reporting.work.drawing.drawer import NotDrawn
from services.reporting.work.readings import Readings
from services.reporting.work.snapshots import Snapshot

CHARTS_A_BURST_MAX = 60
CHARTS_PER_S = 4.0
"""From one address: a page with every chart in every format, and no more than a third of what is drawn a second."""
RETRY_AFTER_S = 10


class Format(StrEnum):
    """What a chart is there as."""

    SVG = "svg"
    PNG = "png"
    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {
    Format.SVG: "image/svg+xml",
    Format.PNG: "image/png",
    Format.CSV: "text/csv",
    Format.JSON: "application/json",
}
LANG_TEXT = "`zh` or `en`; without, what the reader prefers (Accept-Language)."
THEME_TEXT = "Of an SVG or PNG: `light`, `dark`, or `auto`: the colours of the page around it, or else light."
CARD_TEXT = "Of an SVG or PNG: 1,200 by 630 pixels, with the sentence large, for where a link is shared."
Lang = Annotated[str | None, Query(description=LANG_TEXT)]
Themed = Annotated[Theme, Query(description=THEME_TEXT)]
Card = Annotated[bool, Query(description=CARD_TEXT)]
Accepted = Annotated[str, Header(alias="accept-language", include_in_schema=False)]


def charts_router(charts: Charts, figures: ChartFigures, readings: Readings) -> APIRouter:
    """`/v1/charts/{name}.{format}`."""
    limits = ReadLimits("charts", burst=CHARTS_A_BURST_MAX, per_s=CHARTS_PER_S)
    router = APIRouter(prefix="/charts", tags=["charts"], dependencies=[Depends(limits)])

    async def chart_file(
        request: Request,
        name: str,
        format: str,
        *,
        lang: Lang = None,
        as_of: AsOf = None,
        theme: Themed = Theme.AUTO,
        card: Card = False,
        accept_language: Accepted = "",
    ) -> Response:
        """A chart as a picture, or the rows that it shows: those of its table on the page, and of `/v1/totals`.

        Without `as_of` it is of the snapshot that pages show it of, a few seconds old; `Panda-Snapshot` names it.
        """
        found, wanted = _known(name, format)
        texts = texts_of(lang, accept_language)
        if as_of is None:
            snapshot, cache = figures.newest(texts.language) or charts.current, OF_NOW
        else:
            reading = await reading_of(readings, as_of)
            snapshot, cache = reading.snapshot, FINAL["Cache-Control"] if reading.is_final else OF_NOW
        view = view_of(found, await charts.rows(found, snapshot), texts, snapshot)
        content = await _content(charts, view, snapshot, wanted, theme, is_card=card)
        headers = {"Panda-Snapshot": str(snapshot.size), "Vary": "Accept-Language", "Content-Language": texts.html}
        return answer_of(
            request, content, tag_of(content), media_type=MEDIA_TYPES[wanted], cache=cache, headers=headers
        )

    path = "/{name}.{format}"
    router.add_api_route(path, chart_file, methods=["GET"], name="get_chart", response_class=Response)
    router.add_api_route(path, chart_file, methods=["HEAD"], include_in_schema=False)
    return router


def _known(name: str, format: str) -> tuple[ChartName, Format]:
    """Raises Problem, which lists what there is."""
    if name not in tuple(ChartName):
        raise Problem(404, "chart_unknown", f"there is no chart {name!r}; there are {', '.join(ChartName)}")
    if format not in tuple(Format):
        raise Problem(404, "chart_unknown", f"{name} is there as {', '.join(Format)}, and not as {format!r}")
    return ChartName(name), Format(format)


async def _content(
    charts: Charts, view: View, snapshot: Snapshot, format: Format, theme: Theme, *, is_card: bool
) -> bytes:
    if format is Format.CSV:
        return csv_of(view.sheet.name, view.rows).encode()
    if format is Format.JSON:
        return _described(view, snapshot)
    try:
        if format is Format.PNG:
            return await charts.png(view.sheet, Theme.LIGHT if theme is Theme.AUTO else theme, is_card=is_card)
        if view.sheet.is_empty:
            plot, height = "", 0.0
        else:
            drawn = await charts.plot(view.sheet)
            plot, height = drawn.plot, drawn.height
    except NotDrawn as error:
        detail = f"the picture cannot be drawn now; the rows are at /v1/charts/{view.sheet.name}.csv"
        raise Problem(503, "chart_not_drawn", detail).retry_after(RETRY_AFTER_S) from error
    return (card if is_card else alone)(view.sheet, plot, height, theme).encode()


def _described(view: View, snapshot: Snapshot) -> bytes:
    sheet = view.sheet
    return msgspec.json.encode(
        {
            "chart": sheet.name,
            "language": sheet.language,
            "title": sheet.title,
            "description": sheet.description,
            "source": sheet.source,
            "licence": LICENCE,
            "snapshot": {"size": snapshot.size, "at": snapshot.at or None},
            "columns": COLUMNS[sheet.name],
            "rows": view.rows,
        }
    )
