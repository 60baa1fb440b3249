"""Charts as figures of pages: drawn behind the newest snapshot, every 10 s at most, and written as HTML when drawn."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from pandapack.runtime.clock import monotonic_s
from services.reporting.api.chart_sheets import View, view_of
from services.reporting.api.rendering import rendered
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.charts.pictures import inline
from services.reporting.domain.charts.sheets import ChartName
from services.reporting.work.charts import Charts
from services.reporting.work.drawing.drawer import NotDrawn
from services.reporting.work.drawing.orders import Drawn
from services.reporting.work.snapshots import Snapshot

DRAW_PAUSE_S = 10.0
"""Between two drawings of the charts of a language, while somebody looks at them: they take half a second of CPU."""
DRAWING_TIMES = 10.0
"""Drawing has a tenth of the time at most: where a machine is busy or slow, charts are drawn less often."""
IDLE_PAUSE_S = 60.0
"""While nobody does: whoever comes then sees figures of a minute ago, and those of now a moment later."""
YOUNG_GROWTH = 2
"""A log that has grown so many times since the last drawing is drawn as if somebody looked: a young one soon says
something else altogether, and whoever comes first must not read that there is nothing yet."""
LOOKED_S = 30.0
"""So long after a page somebody is taken to look at it."""
PAST_S_MAX = 0.5
"""So long a page of the past waits for charts that nobody has looked at before: words and tables are there at once."""
PAST_MAX = 8
"""Pages of the past whose charts are drawn at a time; those beyond come without."""
TEND_PAUSE_S = 1.0
"""Between two looks at whether there is anything to draw."""
ORIGIN = "\N{SYMBOL FOR NULL}origin\N{SYMBOL FOR NULL}"
"""Stands in a figure where the address is written by which we are called: it differs by who asks."""

Shown = Callable[[str], Markup]
"""What templates call: `chart("when")`."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All charts of a language as of one snapshot."""

    snapshot: Snapshot
    html: dict[ChartName, str]
    drawn_at_s: float
    took_s: float
    is_whole: bool

    def shown(self, address: str) -> Shown:
        """For a page's template. `address`: ours, as it was called."""
        plain = str(escape(address))
        return lambda name: Markup(self.html[ChartName(name)].replace(ORIGIN, plain))  # noqa: S704 - made by a template


class ChartFigures:
    """The newest drawn figures of each language. `tend` is one run of its loop."""

    def __init__(self, charts: Charts) -> None:
        self._charts = charts
        self._newest: dict[Language, Figures] = {}
        self._looked_s: dict[Language, float] = {}
        self._past: dict[tuple[int, Language], asyncio.Task[Figures]] = {}

    async def tend(self) -> None:
        """Draws what is due. Raises StoreUnavailable."""
        snapshot = self._charts.current
        for language in Language:
            if snapshot.size and self._is_due(language, snapshot):
                self._newest[language] = await self._figures(snapshot, PageTexts(language), is_past=False)

    def _is_due(self, language: Language, snapshot: Snapshot) -> bool:
        known, now_s = self._newest.get(language), monotonic_s()
        if known is None:
            return True
        if known.is_whole and known.snapshot.size == snapshot.size:
            return False
        is_looked_at = now_s - self._looked_s.get(language, -LOOKED_S) < LOOKED_S
        is_young = snapshot.size >= YOUNG_GROWTH * known.snapshot.size
        pause_s = DRAW_PAUSE_S if is_looked_at or is_young else IDLE_PAUSE_S
        return now_s - known.drawn_at_s >= max(pause_s, DRAWING_TIMES * known.took_s)

    def newest(self, language: Language) -> Snapshot | None:
        """The snapshot that pages show charts of; None before the first is drawn."""
        self._looked_s[language] = monotonic_s()
        known = self._newest.get(language)
        return None if known is None else known.snapshot

    def shown(self, texts: PageTexts, address: str) -> Shown:
        """What is drawn, for a page of now."""
        self._looked_s[texts.language] = monotonic_s()
        known = self._newest.get(texts.language)
        return _soon(texts) if known is None else known.shown(address)

    async def drawn_as_of(
        self, snapshot: Snapshot, texts: PageTexts, names: Iterable[ChartName] = ChartName
    ) -> Figures:
        """For a page of the past that shows these: drawn now, if they are not kept."""
        return await self._figures(snapshot, texts, names, is_past=True)

    async def shown_soon(self, snapshot: Snapshot, texts: PageTexts, address: str) -> Shown:
        """All of them, as of then. What takes longer than `PAST_S_MAX` is drawn behind the page, and is there when it
        is looked at again. Raises StoreUnavailable."""
        key = (snapshot.size, texts.language)
        drawing = self._past.get(key)
        if drawing is None:
            if len(self._past) >= PAST_MAX:
                return _soon(texts)
            drawing = self._past[key] = asyncio.create_task(self._figures(snapshot, texts, is_past=True))
            drawing.add_done_callback(lambda done: self._ended(key, done))
        await asyncio.wait({drawing}, timeout=PAST_S_MAX)
        return drawing.result().shown(address) if drawing.done() else _soon(texts)

    def _ended(self, key: tuple[int, Language], drawing: asyncio.Task[Figures]) -> None:
        """Whoever still waits has the result; if nobody does, an error is told to whoever asks next."""
        del self._past[key]
        if not drawing.cancelled():
            drawing.exception()

    async def _figures(
        self, snapshot: Snapshot, texts: PageTexts, names: Iterable[ChartName] = ChartName, *, is_past: bool
    ) -> Figures:
        html, is_whole, begin_s = dict[ChartName, str](), True, monotonic_s()
        for name in names:
            view = view_of(name, await self._charts.rows(name, snapshot), texts, snapshot)
            drawn = await self._plot(view)
            is_whole = is_whole and (drawn is not None or not view.rows)
            html[name] = await rendered(
                "chart.html",
                texts,
                "",
                view=view,
                svg=None if drawn is None else inline(view.sheet, drawn.plot, drawn.height),
                origin=ORIGIN,
                size=snapshot.size,
                is_past=is_past,
            )
        return Figures(snapshot, html, monotonic_s(), monotonic_s() - begin_s, is_whole)

    async def _plot(self, view: View) -> Drawn | None:
        """None: there is nothing to draw, or it cannot be drawn now."""
        try:
            return await self._charts.plot(view.sheet) if view.rows else None
        except NotDrawn:
            return None


def _soon(texts: PageTexts) -> Shown:
    text = escape(texts.text("chart_soon"))
    figure = '<figure class="chart" id="chart-{}" data-soon><p class="nothing">{}</p></figure>'
    return lambda name: Markup(figure).format(ChartName(name), text)  # noqa: S704 - it stands a line above


def tag_of(content: bytes) -> str:
    """An ETag's inside: of these bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()
