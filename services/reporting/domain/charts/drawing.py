"""A sheet as a Vega-Lite specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import altair as alt

from services.reporting.domain.charts.flows import flow
from services.reporting.domain.charts.places import places
from services.reporting.domain.charts.shares import contents, costs, opinions
from services.reporting.domain.charts.sheets import ChartName, Sheet
from services.reporting.domain.charts.times import times

Json = dict[str, Any]
DRAWN: Mapping[ChartName, Callable[[Sheet], alt.LayerChart]] = {
    ChartName.MONEY_FLOW: flow,
    ChartName.PARCEL_FLOW: flow,
    ChartName.WHERE: places,
    ChartName.WHEN: times,
    ChartName.COSTS: costs,
    ChartName.CONTENTS: contents,
    ChartName.PUPILS: opinions,
}


def specification(sheet: Sheet) -> Json:
    """What Vega-Lite draws the sheet's plot from: without title and source, in colours that have no theme yet."""
    spec: Json = DRAWN[sheet.name](sheet).to_dict(validate=False)
    return spec
