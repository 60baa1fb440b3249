"""Charts: their rows as of a snapshot, and what the drawing process makes of them, kept within a bound."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime

from pandapack.contracts.donations import CHINA
from services.reporting.domain.as_of import BEFORE_ALL
from services.reporting.domain.charts import rows
from services.reporting.domain.charts.rows import Reached
from services.reporting.domain.charts.sheets import ChartName, Json, Sheet, Theme
from services.reporting.domain.snapshots import Level
from services.reporting.work.drawing.drawer import Drawer
from services.reporting.work.drawing.orders import Drawn, Order
from services.reporting.work.readings import Reading
from services.reporting.work.snapshots import Snapshot, Snapshots

LAST = datetime(9999, 12, 30, tzinfo=UTC)
PERIODS_MAX = 1_200
"""Months of a century: no chart is of more."""
PLOTS_KEPT_MAX = 256
PLOTS_KEPT_BYTES_MAX = 16 * 1024 * 1024
"""Plots and PNG that were asked for last: some 20 KB a plot, some 100 KB a PNG; the seven charts of several snapshots
in both languages."""


class Charts:
    """What the addresses and the pages show of charts."""

    def __init__(self, snapshots: Snapshots, drawer: Drawer) -> None:
        self._snapshots, self._drawer = snapshots, drawer
        self._kept: OrderedDict[bytes, Drawn] = OrderedDict()
        self._kept_bytes = 0

    @property
    def current(self) -> Snapshot:
        """The newest snapshot."""
        return self._snapshots.current

    async def rows(self, name: ChartName, snapshot: Snapshot) -> list[Json]:
        """The chart's rows as of the snapshot."""
        reading = Reading(snapshot)
        categories, countries = reading.categories.values["items"], reading.countries.values["items"]
        match name:
            case ChartName.MONEY_FLOW:
                found = rows.money_flow_rows(reading.totals.values, categories, countries)
            case ChartName.PARCEL_FLOW:
                found = rows.parcel_flow_rows(reading.totals.values)
            case ChartName.WHERE:
                found = rows.where_rows(countries)
            case ChartName.WHEN:
                found = await self._when(reading)
            case ChartName.COSTS:
                found = rows.costs_rows(categories)
            case ChartName.CONTENTS:
                found = rows.contents_rows(reading.contents.values["items"])
            case ChartName.PUPILS:
                found = rows.indicator_rows(reading.indicators.values["items"])
        return found

    async def _when(self, reading: Reading) -> list[Json]:
        snapshot = reading.snapshot
        if not snapshot.at:
            return []
        days = (await reading.days(None)).values["items"]
        now = datetime.fromisoformat(snapshot.at).astimezone(CHINA)
        by_day = rows.is_by_day(days, now.date().isoformat())
        level, form = (Level.DAY, "%Y-%m-%d") if by_day else (Level.MONTH, "%Y-%m")
        begin = datetime.fromisoformat(f"{days[0]['day']}T00:00:00+08:00") if by_day and days else BEFORE_ALL
        reached = {
            datetime.fromisoformat(one.at).astimezone(CHINA).strftime(form): one.totals["parcels"]["accepted"]
            for one in await self._snapshots.series(level, begin, LAST, PERIODS_MAX)
            if one.size <= snapshot.size
        }
        reached[now.strftime(form)] = reading.totals.values["parcels"]["accepted"]
        return rows.when_rows(days, [Reached(*one) for one in sorted(reached.items())], by_day=by_day)

    async def plot(self, sheet: Sheet) -> Drawn:
        """The sheet's plot. Raises NotDrawn."""
        return await self._drawn(b"plot" + sheet.drawn_of, Order(sheet))

    async def png(self, sheet: Sheet, theme: Theme, *, is_card: bool) -> bytes:
        """The chart as PNG. Raises NotDrawn."""
        plot = Drawn() if sheet.is_empty else await self.plot(sheet)
        order = Order(sheet, plot.plot, plot.height, theme, is_card)
        key = b"/".join((b"png", theme.encode(), b"%d" % is_card, sheet.title.encode(), sheet.source.encode()))
        return (await self._drawn(key + sheet.drawn_of, order)).png

    async def _drawn(self, key: bytes, order: Order) -> Drawn:
        if (found := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return found
        drawn = await self._drawer.draw(order)
        if key not in self._kept:  # two asked at a time
            self._kept[key] = drawn
            self._kept_bytes += _bytes_of(key, drawn)
        while len(self._kept) > PLOTS_KEPT_MAX or self._kept_bytes > PLOTS_KEPT_BYTES_MAX:
            self._kept_bytes -= _bytes_of(*self._kept.popitem(last=False))
        return drawn


def _bytes_of(key: bytes, drawn: Drawn) -> int:
    return len(key) + len(drawn.plot) + len(drawn.png)
