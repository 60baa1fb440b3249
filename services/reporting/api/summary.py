"""`/summary/{from}/{to}`: one page with which an assembly can be held, of any period of months."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from pandapack.contracts.public_log.fold.costs import CATEGORIES, per_mille
from pandapack.contracts.tlog.checkpoint import Checkpoint
from pandapack.contracts.tlog.note import Note
from pandapack.decision import Refusal
from pandapack.runtime.http import problem_of
from pandapack.runtime.read_limits import ReadLimits
from services.reporting.api.bars import bar_of
from services.reporting.api.chart_figures import ChartFigures
from services.reporting.api.pages import Accepted, Lang
from services.reporting.api.refused import refused_page
from services.reporting.api.rendering import html_answer, rendered, switch_of, texts_of
from services.reporting.api.shown_figures import shown_figures
from services.reporting.api.survey import shown_survey
from services.reporting.api.texts import Language
from services.reporting.domain.charts.sheets import ChartName
from services.reporting.domain.summary import Period, flows, period_of, row_flows
from services.reporting.work.checkpoints import Checkpoints
from services.reporting.work.readings import Reading
from services.reporting.work.summaries import Bounds, Summaries

PAGES_KEPT_MAX = 16
"""Of periods that are over, those that were asked for last: a hundred KB each at most."""
CHARTS = (ChartName.WHEN, ChartName.WHERE, ChartName.PUPILS)
"""On the page, as of its end: what is drawn once is kept."""
ENDS_OF_PARCELS = ("lost", "damaged", "rejected", "returned")

Json = dict[str, Any]


class _Key(NamedTuple):
    """What a page of a period that is over depends on. `address`: ours, as it was called."""

    begin: str
    end: str
    language: Language
    address: str


def summary_router(
    summaries: Summaries, checkpoints: Checkpoints, charts: ChartFigures, tables: ReadLimits, *, is_demonstration: bool
) -> APIRouter:
    """`/summary`, `/summary/{from}/{to}`."""
    router = APIRouter(include_in_schema=False, dependencies=[Depends(tables)])
    kept = OrderedDict[_Key, str]()

    @router.get("/summary")
    async def get_whole_summary(lang: Lang = None) -> RedirectResponse:
        period = await summaries.whole()
        return RedirectResponse(f"/summary/{period.begin}/{period.end}{f'?lang={lang}' if lang else ''}", 307)

    @router.get("/summary/{begin}/{end}")
    async def get_summary(
        request: Request, begin: str, end: str, lang: Lang = None, accept_language: Accepted = ""
    ) -> HTMLResponse:
        period = period_of(begin, end, summaries.now())
        texts, address = texts_of(lang, accept_language), str(request.base_url).rstrip("/")
        if isinstance(period, Refusal):
            return await refused_page(request, texts, problem_of(period), is_demonstration=is_demonstration)
        key = _Key(begin, end, texts.language, address)
        if key in kept:
            kept.move_to_end(key)
            return html_answer(kept[key])
        bounds = await summaries.read(period)
        drawn = await charts.drawn_as_of(bounds.after.snapshot, texts, CHARTS)
        html = await rendered(
            "summary.html",
            texts,
            switch_of(request, texts),
            **shown_figures(bounds.after),
            period=period,
            summary=shown_summary(bounds, period),
            chart=drawn.shown(address),
            checkpoint=await _checkpoint(checkpoints, bounds.after.snapshot.size),
            address=address,
            is_demonstration=is_demonstration,
        )
        if period.is_over and bounds.is_final and drawn.is_whole:
            kept[key] = html
            while len(kept) > PAGES_KEPT_MAX:
                kept.popitem(last=False)
        return html_answer(html)

    return router


async def _checkpoint(checkpoints: Checkpoints, size: int) -> Checkpoint | None:
    """The newest one, where it covers the figures."""
    found = Checkpoint.parse(Note.parse(await checkpoints.latest()).text) if size else None
    return found if found is not None and found.size >= size else None


def shown_summary(bounds: Bounds, period: Period) -> Json:
    """What was added in the period (`of`, `categories`, `countries`, `items`), and what there is at its end (`at_end`).

    `of` has the totals' names; `years` are the full ones of the period, as the table by year has them.
    """
    before, after = bounds
    of = flows(before.booked, after.booked)
    items = row_flows(before.items.values["items"], after.items.values["items"], "programme", "item")
    return {
        "before": before.stamp,
        "after": after.stamp,
        "of": of,
        "at_end": after.booked,
        "categories": _categories(before, after),
        "countries": _countries(before, after),
        "items": _packed_items(items, after),
        "units_rejected": sum(row["rejected"] for row in items),
        "years": [row for row in after.years.values["items"] if row["year"] in period.full_years],
        "survey": shown_survey(after),
        "ends": {state: of["parcels"][state] for state in ENDS_OF_PARCELS},
    }


def _categories(before: Reading, after: Reading) -> Json:
    was = {row["category"]: row["spent_fen"] for row in before.categories.values["items"]}
    now = {row["category"]: row["spent_fen"] for row in after.categories.values["items"]}
    fen = {name: now.get(name, 0) - was.get(name, 0) for name in CATEGORIES}
    bar = bar_of(fen)
    if bar.total <= 0:
        return {"rows": [], "bar": bar}
    rows = [{"category": name, "spent_fen": fen[name], "per_mille": per_mille(fen[name], bar.total)} for name in fen]
    return {"rows": rows, "bar": bar}


def _countries(before: Reading, after: Reading) -> list[Json]:
    """Rows of what the period added, with `on_the_way` and `waiting` as of its end."""
    ends = {row["country"]: row["parcels"] for row in after.countries.values["items"]}
    rows = row_flows(before.countries.values["items"], after.countries.values["items"], "country")
    return [{**row, "on_the_way": _on_the_way(ends[row["country"]])} for row in rows]


def _on_the_way(parcels: Mapping[str, int]) -> int:
    return parcels["warehouse"] + parcels["in_transit"]


def _packed_items(items: Sequence[Json], after: Reading) -> list[Json]:
    """What was put into parcels, most first; `name` by language, where the log tells one."""
    names = {
        (row["programme"], row["item"]): {"zh": row["name_zh"], "en": row["name_en"]}
        for row in after.contents.values["items"]
        if row["name_zh"] and row["name_en"]
    }
    kitted = sorted((row for row in items if row["kitted"]), key=lambda row: (-row["kitted"], row["item"]))
    return [{**row, "name": names.get((row["programme"], row["item"]))} for row in kitted]
