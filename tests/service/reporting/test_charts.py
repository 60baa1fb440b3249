"""Charts of the running service: drawn in a process of its own, equal to its tables as of the same size."""

from __future__ import annotations

import csv
import io

import pytest

from services.reporting.domain.charts.sheets import ChartName
from tests.service.reporting.conftest import Reporting
from tests.unit.reporting.history import TOTALS, enveloped, programme, records
from tests.waiting import eventually

DRAWN_S_MAX = 120.0
"""The first drawing starts a process, on a machine that does much else."""


@pytest.fixture(scope="module")
def reporting(shared: Reporting) -> Reporting:
    shared.publish(records(enveloped(programme())))
    shared.await_totals(TOTALS)
    return shared


def test_every_chart_is_drawn_and_stands_on_the_page_that_needs_no_script(reporting: Reporting) -> None:
    def page() -> str:
        text = reporting.get("/", params={"lang": "en"}).text
        return text if text.count('<svg role="img"') >= 4 else ""

    html = eventually(page, "charts stand on the page", wait_s=DRAWN_S_MAX)
    assert 'id="chart-when"' in html and 'id="chart-where"' in html
    for name in ChartName:
        svg = reporting.get(f"/v1/charts/{name}.svg", params={"lang": "zh", "theme": "light"})
        assert svg.status_code == 200 and svg.text.startswith("<svg") and "var(" not in svg.text
    card = reporting.get("/v1/charts/money-flow.png", params={"lang": "zh", "card": "1"})
    assert card.content.startswith(b"\x89PNG")


def test_a_chart_its_table_and_the_export_of_one_snapshot_are_equal(reporting: Reporting) -> None:
    size = reporting.totals()["snapshot"]["size"]

    def table(path: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(reporting.get(path, params={"as_of": size}).text)))

    chart, export = table("/v1/charts/costs.csv"), table("/v1/data/category.csv")
    assert sorted(chart, key=lambda row: row["category"]) == export
    where, countries = table("/v1/charts/where.csv"), table("/v1/data/country.csv")
    for name in ("country", "parcels_packed", "parcels_accepted", "pupils_reached"):
        assert [row[name] for row in where] == [row[name] for row in countries]
    when, days = table("/v1/charts/when.csv"), table("/v1/data/day.csv")
    assert sum(int(row["donations"]) for row in when) == sum(int(row["count"]) for row in days)
    totals = reporting.get("/v1/totals", params={"as_of": size}).json()
    ends = {row["to"]: int(row["parcels"]) for row in table("/v1/charts/parcel-flow.csv")}
    assert ends == {name: n for name, n in totals["parcels"].items() if name != "packed"}
    given = [row for row in table("/v1/charts/money-flow.csv") if row["from"] == "given"]
    assert sum(int(row["amount_fen"]) for row in given) == totals["received_fen"]
