"""Charts: rows that are those of the tables, drawings that fit any page, and addresses that answer alike."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from pandapack.contracts.logistics import Indicator
from pandapack.runtime.clock import FixedClock
from pandapack.runtime.http import install_problems
from services.reporting.api import chart_words
from services.reporting.api.chart_figures import ChartFigures
from services.reporting.api.chart_sheets import view_of
from services.reporting.api.charts import charts_router
from services.reporting.api.texts import Language, PageTexts
from services.reporting.domain.charts import flows, pictures, rows
from services.reporting.domain.charts.sheets import BYTES_MAX, COLUMNS, ChartName, Theme, csv_of
from services.reporting.work import drawing
from services.reporting.work.charts import Charts
from services.reporting.work.readings import Reading, Readings
from tests.unit.reporting import charted
from tests.unit.reporting.history import AT
from tests.unit.reporting.rendered import NoWay
from tests.unit.reporting.world import stores_in_memory

EVERY = [pytest.param(name, id=name.value) for name in ChartName]
BOTH = [pytest.param(language, id=language.value) for language in Language]
THEMES = (Theme.LIGHT, Theme.DARK, Theme.AUTO)
FIGURES_BYTES_MAX = 150_000


def test_money_flows_on_as_much_as_it_came() -> None:
    found = charted.rows_of(ChartName.MONEY_FLOW)
    came = {row["to"]: row["amount_fen"] for row in found if row["from"] == "given"}
    for use in ("goods", "administration", "committed", "reserved"):
        assert sum(row["amount_fen"] for row in found if row["from"] == use) == came[use]
    assert came["reversed"] == charted.totals()["reversed_fen"]


def test_what_was_lost_has_a_row_beside_what_arrived_even_where_nothing_was() -> None:
    found = {row["to"]: row["parcels"] for row in charted.rows_of(ChartName.PARCEL_FLOW)}
    assert (found["accepted"], found["lost"], found["returned"]) == (1_000_000, 44, 0)
    assert sum(found.values()) == charted.totals()["parcels"]["packed"]


def test_months_are_all_there_and_their_festivals_are_named() -> None:
    found = charted.rows_of(ChartName.WHEN)
    assert [found[at]["period"] for at in (0, -1)] == ["2019-02", "2022-03"] and len(found) == 38
    assert sum(row["donations"] for row in found) == sum(row["count"] for row in charted.days())
    peaks = {row["peak_day"] for row in found}
    assert {"2019-06-18", "2019-09-09", "2020-11-11", "2021-12-12"} <= peaks
    assert sum(row["parcels_accepted"] for row in found) == charted.reached()[-1].parcels


def test_a_festival_that_is_as_any_other_day_is_not_named() -> None:
    days = [{"day": f"2021-11-{day:02d}", "count": 7, "fen": 35} for day in range(1, 29)]
    assert all(row["peak_day"] is None for row in rows.when_rows(days, [], by_day=True))


def test_a_short_time_is_shown_by_day_and_a_long_one_by_month() -> None:
    days = [{"day": "2021-11-11", "count": 1, "fen": 5}]
    assert rows.is_by_day(days, "2021-12-31") and not rows.is_by_day(days, "2022-03-22")
    assert rows.is_by_day([], "2022-03-22")


def test_parcels_of_2019_and_of_2020_stand_beside_each_other() -> None:
    view = charted.view(ChartName.CONTENTS, Language.EN)
    assert [(row["category"], row["items"]) for row in view.rows] == [
        *(("learning", 40), ("living", 21)),
        *(("learning", 40), ("living", 21), ("hygiene", 41)),
    ]
    assert view.sheet.title == "61 items lie in a parcel of 2019, 102 in one since 2020"


def test_only_indicators_of_all_countries_that_may_be_shown_are_drawn() -> None:
    assert [row["indicator"] for row in charted.rows_of(ChartName.PUPILS)] == list(charted.INDICATORS)


@pytest.mark.parametrize("name", [ChartName.MONEY_FLOW, ChartName.PARCEL_FLOW])
def test_no_node_of_a_river_lies_over_another_and_arms_fill_their_nodes(name: ChartName) -> None:
    sheet, height = charted.view(name, Language.EN).sheet, flows.MONEY_HEIGHT
    columns = flows.columns_of(sheet.marks)
    nodes, arms = flows.laid_out(sheet.marks, columns, sheet.wording, height, 560)
    for column in columns:
        placed = [nodes[one] for one in column]
        assert placed[0].top >= 0 and placed[-1].top + placed[-1].thickness <= height + 1
        for upper, lower in pairwise(placed):
            assert upper.top + upper.thickness <= lower.top
            assert lower.middle - upper.middle >= flows.SLOT
    source = nodes[columns[0][0]]
    assert sum(arm.thickness for arm in arms if arm.x == source.x + flows.NODE) == pytest.approx(
        source.thickness, abs=6
    )


@pytest.mark.parametrize("language", BOTH)
@pytest.mark.parametrize("name", EVERY)
def test_a_drawing_has_no_style_and_no_script_and_its_texts_are_texts(name: ChartName, language: Language) -> None:
    view, drawn = charted.view(name, language), charted.drawn(name, language)
    inline = pictures.inline(view.sheet, drawn.plot, drawn.height)
    for forbidden in ("style", "<script", "class=", "<image", "href", "onload", "font-family"):
        assert forbidden not in inline
    assert 'role="img"' in inline and f"{view.sheet.title}</title>" in inline and "</desc>" in inline
    assert "<text" in inline and not re.search(r"NaN|Infinity|undefined|null", inline)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', inline))
    assert all(one == "none" or one.startswith("var(--") for one in colours), colours


@pytest.mark.parametrize("name", EVERY)
def test_alone_a_drawing_has_the_colours_of_its_theme_its_title_and_its_source(name: ChartName) -> None:
    view, drawn = charted.view(name, Language.ZH), charted.drawn(name, Language.ZH)
    light, dark, auto = (pictures.alone(view.sheet, drawn.plot, drawn.height, one) for one in THEMES)
    assert "var(" not in light + dark and light != dark
    assert auto.count("var(--paper,#fbfaf7)") >= 1
    written = "".join(re.findall(r"<text[^>]*>([^<]*)</text>", light))
    assert view.sheet.title.replace(" ", "") in written.replace(" ", "")
    assert "48,211" in written and "CC-BY-4.0" in written


@pytest.mark.parametrize("language", BOTH)
@pytest.mark.parametrize("name", EVERY)
def test_where_there_is_nothing_yet_a_chart_says_so(name: ChartName, language: Language) -> None:
    empty = view_of(name, [], PageTexts(language), cast(Any, charted.OfThreeYears())).sheet
    for picture in (pictures.alone, pictures.card):
        svg = picture(empty, "", 0.0, Theme.LIGHT)
        assert f"<title>{empty.title}</title>" in svg and "NaN" not in svg


def test_what_is_only_given_and_what_has_no_place_is_drawn_all_the_same() -> None:
    given = [
        {"from": "given", "to": "in_flight", "amount_fen": 5},
        {"from": "given", "to": "unallocated", "amount_fen": -2},
    ]
    elsewhere = [{**charted.rows_of(ChartName.WHERE)[0], "country": "XX"}]
    for name, found in ((ChartName.MONEY_FLOW, given), (ChartName.WHERE, elsewhere)):
        sheet = view_of(name, found, PageTexts(Language.EN), cast(Any, charted.OfThreeYears())).sheet
        assert "<text" in charted.drawn_of(sheet).plot
    assert "Also: XX" in charted.drawn_of(sheet).plot


@pytest.mark.parametrize("language", BOTH)
def test_every_mark_has_its_name_and_figure_beside_it(language: Language) -> None:
    texts = charted.drawn(ChartName.WHERE, language).plot
    for row in charted.rows_of(ChartName.WHERE):
        name = PageTexts(language).country(row["country"])
        assert f">{name} {row['parcels_accepted']:,}</text>" in texts


TIPS = [
    (ChartName.MONEY_FLOW, "Goods → Myanmar: ¥17,899,200.00", "物品 → 缅甸：17,899,200.00 元"),
    (ChartName.PARCEL_FLOW, "Packed → Lost: 44", "已装箱 → 丢失：44"),
    (ChartName.WHERE, "Myanmar: Parcels accepted 226,000, ", "缅甸：已签收的包裹 226,000，"),
    (ChartName.WHEN, "November 2021: Gifts 118,000,000", "2021年11月：捐赠笔数 118,000,000"),
    (ChartName.COSTS, "Administration: Of 100 fen 8.0, Paid ¥", "管理：每 100 分 8.0，已支付 "),
    (ChartName.CONTENTS, "Hygiene: Items 41, Pieces 82", "卫生防疫：物品种数 41，件数 82"),
    (ChartName.PUPILS, "Like the parcel very much: Share 83.8%, Of them agree 310", "非常喜欢这个包裹：比例 83.8%，"),
]


@pytest.mark.parametrize(("name", "en", "zh"), TIPS, ids=[name.value for name, *_ in TIPS])
def test_a_mark_says_its_exact_figure_to_whoever_points_at_it(name: ChartName, en: str, zh: str) -> None:
    for language, told in ((Language.EN, en), (Language.ZH, zh)):
        plot = charted.drawn(name, language).plot
        assert f"<title>{told}" in plot
        assert not re.search("<title>(|null|undefined)</title>", plot)


def test_every_character_of_a_chart_is_in_the_bundled_font() -> None:
    known = (Path(drawing.__file__).parent / "fonts" / "characters.txt").read_text()
    catalogue = PageTexts._catalogue
    texts = [wording for key, wording in catalogue["texts"].items() if key.startswith("chart_")]
    texts += [*catalogue["countries"].values(), *catalogue["places"].values()]
    missing = {one for wording in texts for text in wording.values() for one in text} - set(known) - {"\n"}
    assert not missing, "run deploy/chart_fonts.py"


@pytest.mark.parametrize("language", BOTH)
async def test_no_chart_weighs_more_in_a_page_than_it_may(language: Language) -> None:
    class Made(Charts):
        async def rows(self, name: ChartName, snapshot: object) -> list[dict[str, Any]]:
            return charted.rows_of(name)

    figures = ChartFigures(Made(cast(Any, None), cast(Any, charted.InThisProcess())))
    drawn = await figures.drawn_as_of(cast(Any, charted.OfThreeYears()), PageTexts(language))
    shown = drawn.shown("https://panda.example")
    bytes_of = {name: len(shown(name).encode()) for name in ChartName}
    assert all(bytes_of[name] <= BYTES_MAX[name] for name in ChartName), bytes_of
    assert sum(bytes_of.values()) <= FIGURES_BYTES_MAX


async def test_rows_are_those_of_the_tables_as_of_the_same_snapshot() -> None:
    snapshots = await charted.snapshots()
    charts = Charts(snapshots, cast(Any, None))
    for size in (snapshots.current.size, snapshots.current.size - 7, 20):
        snapshot = await charted.earlier(snapshots, size)
        reading = Reading(snapshot)
        found = {name: await charts.rows(name, snapshot) for name in ChartName}
        spent = {row["category"]: row["spent_fen"] for row in reading.categories.values["items"]}
        assert {row["category"]: row["spent_fen"] for row in found[ChartName.COSTS]} == spent
        countries = reading.countries.values["items"]
        packed = {row["country"]: row["parcels"]["packed"] for row in countries if row["parcels"]["packed"]}
        assert {row["country"]: row["parcels_packed"] for row in found[ChartName.WHERE]} == packed
        totals = reading.totals.values
        assert sum(row["parcels"] for row in found[ChartName.PARCEL_FLOW]) == totals["parcels"]["packed"]
        when = found[ChartName.WHEN]
        assert sum(row["donations"] for row in when) == totals["donations"]
        assert sum(row["parcels_accepted"] for row in when) == totals["parcels"]["accepted"]
        given = sum(row["amount_fen"] for row in found[ChartName.MONEY_FLOW] if row["from"] == "given")
        assert given == totals["received_fen"]


async def _served(drawer: charted.InThisProcess) -> tuple[httpx.AsyncClient, ChartFigures]:
    snapshots = await charted.snapshots()
    charts = Charts(snapshots, cast(Any, drawer))
    figures = ChartFigures(charts)
    readings = Readings(stores_in_memory(), snapshots, FixedClock(AT), NoWay())
    app = FastAPI()
    install_problems(app)
    app.include_router(charts_router(charts, figures, readings))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://panda.example"), figures


async def test_csv_and_json_have_the_rows_of_the_table_on_the_page() -> None:
    client, figures = await _served(charted.InThisProcess())
    await figures.tend()
    shown = figures.shown(PageTexts(Language.EN), "https://panda.example")
    async with client:
        for name in ChartName:
            answer = await client.get(f"/charts/{name}.json", params={"lang": "en"})
            described = answer.json()
            text = (await client.get(f"/charts/{name}.csv", params={"lang": "en"})).text
            assert text == csv_of(name, described["rows"])
            assert described["columns"] == list(COLUMNS[name])
            assert described["snapshot"]["size"] == int(answer.headers["panda-snapshot"])
            html = shown(name)
            assert html.count("<tr>") == len(described["rows"]) + bool(described["rows"])
            assert described["title"] in html
            assert len(list(csv.DictReader(io.StringIO(text)))) == len(described["rows"])


async def test_a_chart_as_of_a_size_is_the_same_for_good_and_of_now_asks_again() -> None:
    client, _ = await _served(charted.InThisProcess())
    async with client:
        first, second = [await client.get("/charts/costs.svg?lang=zh&as_of=40&theme=dark") for _ in range(2)]
        assert first.content == second.content and "immutable" in first.headers["cache-control"]
        assert first.headers["content-type"] == "image/svg+xml" and first.headers["access-control-allow-origin"] == "*"
        again = await client.get(first.url, headers={"if-none-match": first.headers["etag"]})
        assert again.status_code == 304
        assert (await client.get("/charts/costs.svg")).headers["cache-control"] == "no-cache"
        assert (await client.get("/charts/costs.png?card=1")).headers["content-type"] == "image/png"


async def test_an_unknown_chart_or_format_is_answered_with_those_that_there_are() -> None:
    client, _ = await _served(charted.InThisProcess())
    async with client:
        for path in ("/charts/pie.svg", "/charts/when.gif"):
            answer = await client.get(path)
            assert answer.status_code == 404 and answer.json()["code"] == "chart_unknown"
        detail = (await client.get("/charts/pie.svg")).json()["detail"]
        assert all(name in detail for name in ChartName)


async def test_where_nothing_can_be_drawn_the_page_has_the_table_and_says_so() -> None:
    drawer = charted.InThisProcess()
    client, figures = await _served(drawer)
    texts = PageTexts(Language.EN)
    assert "being drawn" in figures.shown(texts, "")("when")
    drawer.is_dead = True
    await figures.tend()
    html = figures.shown(texts, "")("when")
    assert "<svg" not in html and "cannot be drawn now" in html and "<table" in html and " open>" in html
    async with client:
        answer = await client.get("/charts/when.svg")
        assert (answer.status_code, answer.json()["code"]) == (503, "chart_not_drawn")
        assert (await client.get("/charts/when.csv")).status_code == 200


async def test_what_has_not_changed_is_not_drawn_again() -> None:
    drawer = charted.InThisProcess()
    _, figures = await _served(drawer)
    await figures.tend()
    before = drawer.orders
    await figures.tend()
    await figures.drawn_as_of(figures._charts.current, PageTexts(Language.EN))
    assert drawer.orders == before


async def test_the_code_to_embed_names_the_address_by_which_we_are_called() -> None:
    _, figures = await _served(charted.InThisProcess())
    await figures.tend()
    html = figures.shown(PageTexts(Language.ZH), "https://panda.example")("where")
    assert "https://panda.example/v1/charts/where.svg?lang=zh" in html


async def test_a_young_log_is_drawn_as_it_grows_and_an_old_one_rests_while_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    snapshots = await charted.snapshots()
    now_s, drawer = [1_000.0], charted.InThisProcess()
    charts = Charts(snapshots, cast(Any, drawer))
    figures = ChartFigures(charts)
    monkeypatch.setattr("services.reporting.api.chart_figures.monotonic_s", lambda: now_s[0])
    last = snapshots.current.size
    drawn = []
    for size, pause_s in ((5, 0.0), (10, 9.0), (10, 2.0), (last - 1, 11.0), (last, 11.0), (last, 50.0)):
        now_s[0] += pause_s
        at_size = await charted.earlier(snapshots, size)
        monkeypatch.setattr(Charts, "current", property(lambda _, at_size=at_size: at_size))
        await figures.tend()
        drawn.append(figures._newest[Language.EN].snapshot.size)
    assert drawn == [5, 5, 10, last - 1, last - 1, last]


def test_years_in_which_nothing_happened_are_left_out_and_the_year_after_them_says_so() -> None:
    days = [{"day": day, "count": 3, "fen": 15} for day in ("2021-11-11", "2022-01-05", "2026-11-27")]
    found = rows.when_rows(days, [rows.Reached("2022-02", 7)], by_day=False)
    assert [row["period"] for row in found] == ["2021-11", "2021-12", "2022-01", "2022-02", "2026-11"]
    assert (sum(row["donations"] for row in found), sum(row["parcels_accepted"] for row in found)) == (9, 7)
    named = {
        language: [mark["name"] for mark in chart_words._when(found, PageTexts(language))[1]] for language in Language
    }
    assert named[Language.ZH] == ["2021年", "", "2022年", "", "… 2026年"]
    assert named[Language.EN] == ["2021", "", "2022", "", "… 2026"]


def test_shares_stand_in_the_order_of_the_questions() -> None:
    names = ("share_per_mille", "low_per_mille", "high_per_mille", "numerator", "denominator")
    answers = [{"indicator": one.value, "country": None, **dict.fromkeys(names, 900)} for one in sorted(Indicator)]
    assert [row["indicator"] for row in rows.indicator_rows(answers)] == list(Indicator)


async def test_a_chart_of_a_log_without_entries_names_no_time_that_is_unknown() -> None:
    snapshots = await charted.snapshots()
    snapshot = await charted.earlier(snapshots, 0)
    for language, shown in ((Language.EN, "no entry yet"), (Language.ZH, "还没有任何条目")):
        source = view_of(ChartName.WHEN, [], PageTexts(language), snapshot).sheet.source
        assert shown in source and not re.search("unknown|未知", source)
