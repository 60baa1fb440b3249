"""The account of a period: what two snapshots differ by, in both languages, and what is no period."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from pandapack.decision import Refusal
from services.reporting.domain.summary import MONTHS_MAX, Month, Period, flows, period_of, row_flows
from tests.unit.contracts.public_log_samples import sample_of, written
from tests.unit.reporting.history import programme
from tests.unit.reporting.rendered import app_of, client_of, plain

NOW = datetime(2022, 3, 31, 15, 59, tzinfo=UTC)
"""In China it is still March."""
LANGUAGES = ("en", "zh")

REFUSED = [
    ("no month", "2019", "2022-03", "month_invalid"),
    ("a month of thirteen", "2019-13", "2022-03", "month_invalid"),
    ("a day", "2019-02-01", "2022-03", "month_invalid"),
    ("a month before all logs", "1969-12", "2022-03", "month_invalid"),
    ("digits that are not those of the address", "２０１９-02", "2022-03", "month_invalid"),
    ("backwards", "2022-03", "2019-02", "period_backwards"),
    ("the future", "2019-02", "2022-04", "period_in_the_future"),
    ("a month too many", "2012-03", "2022-03", "period_too_long"),
]


@pytest.mark.parametrize(("name", "begin", "end", "code"), REFUSED, ids=[row[0] for row in REFUSED])
def test_what_is_no_period_is_refused(name: str, begin: str, end: str, code: str) -> None:
    found = period_of(begin, end, NOW)
    assert isinstance(found, Refusal) and found.code == code


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("name", "begin", "end", "code"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_a_refusal_is_a_page_in_words_for_people_and_a_problem_for_programs(
    name: str, begin: str, end: str, code: str, lang: str
) -> None:
    async with client_of(await app_of(now=NOW)) as client:
        page = await client.get(f"/summary/{begin}/{end}", params={"lang": lang})
        problem = await client.get(f"/summary/{begin}/{end}", headers={"Accept": "application/json"})
    assert (page.status_code, problem.status_code, problem.json()["code"]) == (422, 422, code)
    assert page.headers["content-type"].startswith("text/html") and 'role="alert"' in page.text
    assert ("no month" in page.text or "period" in page.text) == (lang == "en")


def test_a_period_has_the_years_of_which_all_months_are_in_it_and_over() -> None:
    found = period_of("2019-02", "2022-03", NOW)
    assert found == Period(Month(2019, 2), Month(2022, 3), is_over=False)
    assert list(found.full_years) == [2020, 2021]
    assert list(Period(Month(2019, 1), Month(2020, 12), True).full_years) == [2019, 2020]
    assert list(Period(Month(2019, 1), Month(2020, 12), False).full_years) == [2019]
    assert list(Period(Month(2019, 2), Month(2019, 11), True).full_years) == []


def test_a_month_is_chinas_and_ends_with_its_last_day() -> None:
    assert Month.of(datetime(2020, 2, 29, 16, 0, tzinfo=UTC)) == Month(2020, 3)
    leap = Month(2020, 2)
    assert [str(day) for day in (leap.first_day, leap.last_day, leap.day_before)] == [
        "2020-02-01",
        "2020-02-29",
        "2020-01-31",
    ]
    assert str(Month(2020, 12).next) == "2021-01"


def test_ten_years_are_a_period() -> None:
    assert isinstance(period_of("2012-04", "2022-03", NOW), Period) and MONTHS_MAX == 120


def test_flows_are_differences_and_what_is_new_began_with_nothing() -> None:
    before: list[dict[str, Any]] = [{"country": "NP", "spent_fen": 5, "parcels": {"lost": 1}}]
    after = [
        {"country": "ET", "spent_fen": 3, "parcels": {"lost": 2}},
        {"country": "NP", "spent_fen": 9, "parcels": {"lost": 1}},
    ]
    assert row_flows(before, after, "country") == [
        {"country": "ET", "spent_fen": 3, "parcels": {"lost": 2}},
        {"country": "NP", "spent_fen": 4, "parcels": {"lost": 0}},
    ]
    assert flows({}, {"a": None, "b": True}) == {"a": None, "b": True}


async def page_of(path: str, lang: str, events: Any = None, now: datetime = NOW) -> str:
    async with client_of(await app_of(programme() if events is None else events, now=now)) as client:
        answer = await client.get(path, params={"lang": lang})
        assert answer.status_code == 200, answer.text
        return answer.text


TOLD = {
    "en": [
        "431 gifts, ¥20.47 in all, 4.7 fen each on average",
        "In all ¥19.40 was paid",
        "Schools accepted 8 parcels, and 8 pupils had one (each counts once a round), in 1 country.",
        "pencil 40",
        "1 Parcels lost on the way",
        "1 Parcels that schools did not take",
        "0 Parcels damaged",
    ],
    "zh": [
        "431 笔捐赠，共 20.47 元，平均每笔 4.7 分",
        "共支付 19.40 元",
        "学校签收 8 个包裹，8 名学生领到包裹（每批次每人计一次），遍及 1 个国家。",
        "pencil 40",
        "1 个包裹在路上遗失",
        "1 个包裹被学校拒收",
        "0 个包裹损坏",
    ],
}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_summary_tells_what_was_given_bought_brought_and_what_went_wrong(lang: str) -> None:
    shown = plain(await page_of("/summary/2021-11/2021-12", lang))
    for told in TOLD[lang]:
        assert told in shown, told


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_section_names_its_snapshots_and_the_recount_goes_to_both(lang: str) -> None:
    html = await page_of("/summary/2021-11/2021-12", lang)
    sections = re.findall(r'<section id="(\w+)"(.*?)</section>', html, re.DOTALL)
    assert [name for name, _ in sections] == [
        *("given", "spent", "arrived", "contents", "pupils", "wrong", "laws", "check", "sign")
    ]
    for name, section in sections:
        if name not in ("pupils", "check", "sign"):
            assert 'class="source"' in section, name
    assert "panda recount https://panda.example --size" in html and "/v1/changes?from=0&amp;to=" in html


async def test_the_sums_are_the_differences_of_the_totals_at_both_ends() -> None:
    async with client_of(await app_of(programme(), now=NOW)) as client:
        ends = [(await client.get("/v1/totals", params={"as_of": day})).json() for day in ("2021-10-31", "2021-12-31")]
        html = (await client.get("/summary/2021-11/2021-12", params={"lang": "en"})).text
    change = flows(*ends)
    shown = plain(html)
    for fen in (change["received_fen"], change["reversed_fen"], change["banked_fen"], change["spent_fen"]):
        assert f"¥{fen // 100:,}.{fen % 100:02d}" in shown
    rows = re.findall(r'<tr class="sum">(.*?)</tr>', html.partition('id="arrived"')[2], re.DOTALL)
    figures = [plain(one) for one in re.findall("<td.*?</td>", rows[0])]
    states = ("packed", "accepted", "rejected", "damaged", "lost", "returned")
    parcels = change["parcels"]
    on_the_way = ends[1]["parcels"]["warehouse"] + ends[1]["parcels"]["in_transit"]
    assert figures[1:] == [str(parcels[state]) for state in states] + [str(change["pupils_reached"]), str(on_the_way)]


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("en", "Like the parcel very much 83.1% 73.6% to 89.7% 83"),
        ("zh", "很喜欢这个包裹 83.1% 73.6% 至 89.7% 83"),
    ],
)
async def test_what_pupils_answered_stands_with_its_interval_and_how_many_were_asked(lang: str, told: str) -> None:
    survey = written(sample_of("logistics.SurveyReported"))
    async with client_of(await app_of(log=survey, now=datetime(2032, 1, 1, tzinfo=UTC))) as client:
        html = (await client.get("/summary", params={"lang": lang}, follow_redirects=True)).text
    section = html.partition('<section id="pupils"')[2].partition("</section>")[0]
    assert told in plain(re.sub("</t[hd]>", " ", section))
    assert ("Complaints: 15 came in" if lang == "en" else "意见：收到 15 条") in plain(section)


@pytest.mark.parametrize(("lang", "told"), [("en", "has nothing of this period"), ("zh", "没有任何记录")])
@pytest.mark.parametrize("path", ["/summary/2019-02/2020-01", "/summary/2021-12/2022-03"])
async def test_a_period_without_entries_says_so_and_claims_nothing(path: str, lang: str, told: str) -> None:
    html = await page_of(path, lang)
    assert told in html and "<table" not in html and "<section id=" not in html


async def test_without_months_it_is_the_whole_programme_so_far() -> None:
    async with client_of(await app_of(programme(), now=NOW)) as client:
        answer = await client.get("/summary", params={"lang": "zh"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/summary/2021-11/2021-11?lang=zh")


async def test_before_anything_is_known_it_is_this_month_and_empty() -> None:
    async with client_of(await app_of(now=NOW)) as client:
        address = (await client.get("/summary")).headers["location"]
        assert address == "/summary/2022-03/2022-03"
        assert "has nothing of this period" in (await client.get(address, params={"lang": "en"})).text


async def test_a_period_that_is_not_over_says_so() -> None:
    during = datetime(2021, 11, 20, tzinfo=UTC)
    assert "The period is not over" in await page_of("/summary/2021-11/2021-11", "en", now=during)
    assert "The period is not over" not in await page_of("/summary/2021-11/2021-12", "en")


async def test_a_chinese_summary_has_no_latin_words_but_names() -> None:
    html = await page_of("/summary/2021-11/2021-12", "zh")
    body = html.partition("<main")[2].partition("</main>")[0].partition('<section id="check"')[0]
    body = re.sub('<details class="chart-embed">.*?</details>', "", body, flags=re.DOTALL)
    formats = {"SVG", "PNG", "CSV", "JSON", "CC", "BY"}
    assert set(re.findall("[A-Za-z]+", plain(f"<main{body}"))) == {"MM", "NP", "pencil"} | formats
    assert not re.search("[一-鿿][,;:!?]", plain(body))
