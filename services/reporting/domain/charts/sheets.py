"""Which charts there are, and a sheet: all that one of them is drawn from."""

from __future__ import annotations

import csv
import io
from enum import StrEnum
from typing import Any

import msgspec

Json = dict[str, Any]


class ChartName(StrEnum):
    """The charts, as their addresses name them."""

    MONEY_FLOW = "money-flow"
    PARCEL_FLOW = "parcel-flow"
    WHERE = "where"
    WHEN = "when"
    COSTS = "costs"
    CONTENTS = "contents"
    PUPILS = "pupils-said"


class Theme(StrEnum):
    """`auto`: colours are those of the page around it, or else light."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


COLUMNS: dict[ChartName, tuple[str, ...]] = {
    ChartName.MONEY_FLOW: ("from", "to", "amount_fen"),
    ChartName.PARCEL_FLOW: ("from", "to", "parcels"),
    ChartName.WHERE: ("country", "parcels_packed", "parcels_on_the_way", "parcels_accepted", "pupils_reached"),
    ChartName.WHEN: (
        *("period", "donations", "received_fen", "parcels_accepted"),
        *("peak_day", "peak_donations"),
    ),
    ChartName.COSTS: ("category", "spent_fen", "per_mille"),
    ChartName.CONTENTS: ("specification", "effective_from", "category", "items", "units"),
    ChartName.PUPILS: (
        *("indicator", "numerator", "denominator", "share_per_mille", "low_per_mille", "high_per_mille"),
    ),
}
"""Of each chart's rows, in their order; units stand last in a name."""

BYTES_MAX: dict[ChartName, int] = {
    ChartName.MONEY_FLOW: 50_000,
    ChartName.PARCEL_FLOW: 12_000,
    ChartName.WHERE: 24_000,
    ChartName.WHEN: 26_000,
    ChartName.COSTS: 12_000,
    ChartName.CONTENTS: 10_000,
    ChartName.PUPILS: 16_000,
}
"""Of each chart in a page, with its table and all that belongs to it, of three years and eleven countries: half of the
300 kB that a page without its fonts may weigh."""


class Sheet(msgspec.Struct, frozen=True):
    """A chart in a language. `marks`: its rows, with the `label` and `name` that stand beside each mark, or more.

    `title` is a sentence with the figures in it, `description` says what the picture looks like, `source` names the
    snapshot, its time and the licence. `wording`: what else is written, by a key of the chart's own.
    """

    name: ChartName
    language: str
    title: str
    description: str
    source: str
    marks: list[Json]
    wording: dict[str, str]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not self.marks

    @property
    def drawn_of(self) -> bytes:
        """What the plot follows from: two sheets with the same have the same plot."""
        return msgspec.json.encode((self.name, self.marks, self.wording))


def csv_of(name: ChartName, rows: list[Json]) -> str:
    """The rows as CSV (RFC 4180); what is not known is empty."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS[name], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
