"""When, inside a parcel, where and the motto: what the public page says of them, in both languages."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pandapack.contracts.public_log.fold.books import Books
from services.procurement.api.funding import ProgrammeBody
from services.reporting.api.shown_contents import motto_of, shown_contents
from services.reporting.api.shown_countries import shown_countries
from services.reporting.api.shown_days import links, shown_days
from services.reporting.domain.snapshots import Level
from services.reporting.work.known_days import KnownDays, Span
from services.reporting.work.readings import Reading
from tests.unit.contracts.test_contents import BOUGHT, PUBLISHED, encoded
from tests.unit.contracts.test_public_fold import Account
from tests.unit.reporting.history import PROGRAMME, SourceEvent, programme
from tests.unit.reporting.rendered import plain, public_page

FILE = Path(__file__).parents[3] / "programmes" / "love-parcel.json"
YEARS = (Span(date(2019, 2, 1), date(2019, 12, 31)), Span(date(2021, 11, 1), date(2021, 11, 30)))
LANGUAGES = ("en", "zh")
STATES = ("packed", "accepted", "rejected", "damaged", "lost", "returned")


def published() -> SourceEvent:
    body = ProgrammeBody.model_validate(json.loads(FILE.read_text()))
    draft = body.draft(PROGRAMME).model_copy(update={"publication": 1})
    return f"/procurement/publications/{PROGRAMME}/1", draft


def reading(books: Books, at: str = "2021-11-11T02:00:00Z", *, is_now: bool = False) -> Reading:
    snapshot = cast("Any", SimpleNamespace(books=books, size=books.size, at=at))
    return Reading(snapshot, cast("Any", SimpleNamespace()) if is_now else None)


def section(page: str, name: str) -> str:
    return page.partition(f'<section id="{name}"')[2].partition("</section>")[0]


# --- inside a parcel ----------------------------------------------------------------------------------


def test_parcels_stand_side_by_side_with_each_item_and_the_price_that_was_paid() -> None:
    [found] = shown_contents(reading(Account(encoded(*PUBLISHED, *BOUGHT)).books))
    parcels = [(one["id"], one["year"], one["items"]) for one in found["parcels"]]
    assert parcels == [("v1", "2019", 1), ("v2", "2020", 2)]
    assert [(one["kind"], one["counts"]) for one in found["kinds"]] == [("learning", [1, 1]), ("hygiene", [0, 1])]
    [pencil], [soap] = (one["rows"] for one in found["kinds"])
    assert (pencil["quantities"], pencil["price_fen"]) == ([10, 8], 40), "279 fen for 7"
    assert (soap["quantities"], soap["price_fen"]) == ([0, 1], 50)
    assert [one["cost_fen"] for one in found["parcels"]] == [10 * 40, 8 * 40 + 50]


def test_what_is_not_paid_for_has_no_price_and_no_parcel_with_it_a_cost() -> None:
    [found] = shown_contents(reading(Account(encoded(*PUBLISHED)).books))
    assert [one["cost_fen"] for one in found["parcels"]] == [None, None]
    assert {row["price_fen"] for kind in found["kinds"] for row in kind["rows"]} == {None}
    assert shown_contents(reading(Books())) == [] and motto_of(reading(Books())) == {}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_page_names_all_items_in_both_languages_and_says_why_they_changed(lang: str) -> None:
    page = await public_page(lang, [published(), *programme()])
    shown = section(page, "contents")
    body = json.loads(FILE.read_text())
    for item in body["items"]:
        assert item["name"]["zh"] in shown and item["name"]["en"].replace("'", "&#39;") in shown, item["id"]
    assert ("61 items" if lang == "en" else "61 种物品") in shown
    assert ("102 items" if lang == "en" else "102 种物品") in shown
    assert ("pandemic" if lang == "en" else "疫情") in plain(shown)
    closing = page.partition('class="closing"')[2]
    assert "来自熊猫国度的礼物" in closing and "A gift from the land of the panda" in closing


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_without_a_publication_the_sections_say_what_is_still_to_come(lang: str) -> None:
    page = await public_page(lang)
    assert 'class="nothing"' in section(page, "contents") and 'class="nothing"' in section(page, "when")
    assert 'class="closing"' not in page, "nobody has said a motto"
    assert "<form" not in section(page, "when"), "there is no day to go to"


# --- when ---------------------------------------------------------------------------------------------


def test_the_sliders_stops_are_the_days_of_months_in_which_the_log_grew() -> None:
    found = shown_days(YEARS, reading(Books()))
    assert found is not None
    assert found["spans"] == "2019-02-01/2019-12-31,2021-11-01/2021-11-30"
    assert (found["shown"], found["place"], found["end"]) == ("2021-11-11", 334 + 10, 334 + 29)
    shown = {one["year"]: [day["name"] for day in one["days"]] for one in found["festivals"]}
    assert shown == {2019: ["6.18", "9.9", "11.11", "12.12"], 2021: ["11.11"]}
    assert found["festivals"][1]["days"][0]["place"] == found["place"]


def test_now_is_the_last_stop_and_before_all_is_the_first() -> None:
    now, before = shown_days(YEARS, reading(Books(), is_now=True)), shown_days(YEARS, reading(Books(), ""))
    assert now is not None and before is not None
    assert (now["shown"], now["place"]) == ("2021-11-30", now["end"])
    assert (before["shown"], before["place"]) == ("2019-02-01", 0)
    assert shown_days((), reading(Books())) is None


async def test_days_that_are_known_are_read_again_only_when_a_month_begins() -> None:
    snapshots = MadeSnapshots("2019-03-05T02:00:00Z", ["2019-01-31T16:00:00Z", "2019-02-28T16:00:00Z"])
    days = KnownDays(cast("Any", snapshots))
    assert await days.spans() == (Span(date(2019, 2, 20), date(2019, 3, 5)),)
    snapshots.current.at = "2019-03-09T02:00:00Z"
    assert await days.spans() == (Span(date(2019, 2, 20), date(2019, 3, 9)),)
    assert snapshots.read == 1
    snapshots.current.at = "2021-11-02T02:00:00Z"
    assert await days.spans() == (
        Span(date(2019, 2, 20), date(2019, 3, 31)),
        Span(date(2021, 11, 1), date(2021, 11, 2)),
    )
    assert snapshots.read == 2
    assert await KnownDays(cast("Any", MadeSnapshots("", []))).spans() == ()


class MadeSnapshots:
    """A log that grew in these months, from 20 February 2019 on."""

    def __init__(self, at: str, months: list[str]) -> None:
        self.current, self.months, self.read = SimpleNamespace(at=at), months, 0

    async def series(self, by: Level, *_: object) -> list[SimpleNamespace]:
        assert by is Level.MONTH
        self.read += 1
        return [SimpleNamespace(at=at) for at in self.months]

    async def as_of_size(self, size: int) -> SimpleNamespace:
        assert size == 1
        return SimpleNamespace(at="2019-02-20T02:00:00Z")


def test_an_address_keeps_what_it_says_but_for_what_is_changed() -> None:
    to = links("zh", "2021-11-11", "accepted")
    assert to(as_of="") == "/?lang=zh&sort=accepted"
    assert to(sort="", as_of="2020-11-11") == "/?lang=zh&as_of=2020-11-11"
    assert links("", "", "")() == "/"


# --- where --------------------------------------------------------------------------------------------


def test_the_list_beside_the_map_is_sorted_by_what_is_asked_for_the_most_first() -> None:
    rows = [
        {"country": country, "rounds": rounds, "net_funded_fen": 1, "pupils_reached": 0}
        | {"parcels": dict.fromkeys((*STATES, "warehouse", "in_transit"), rounds)}
        for country, rounds in (("ET", 1), ("MM", 7), ("NP", 3))
    ]
    assert [one["country"] for one in shown_countries(rows, "")] == ["ET", "MM", "NP"]
    assert [one["country"] for one in shown_countries(rows, "packed")] == ["MM", "NP", "ET"]
    assert [one["country"] for one in shown_countries(rows, "no such column")] == ["ET", "MM", "NP"]
    assert shown_countries(rows, "")[1]["cells"]["on_the_way"] == 14


# --- the head -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_shared_link_says_the_sentence_and_names_both_languages(lang: str) -> None:
    page = await public_page(lang, programme())
    meta = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page))
    sentence = plain(re.findall(r"<h1[^>]*>(.*?)</h1>", page, re.DOTALL)[0])
    assert plain(meta["description"]) == plain(meta["og:description"]) == sentence
    assert meta["og:image"].startswith("https://panda.example/v1/charts/")
    assert f'<link rel="canonical" href="https://panda.example/?lang={lang}">' in page
    alternates = dict(re.findall(r'rel="alternate" hreflang="([^"]+)" href="([^"]+)"', page))
    assert alternates == {
        "zh-CN": "https://panda.example/?lang=zh",
        "en": "https://panda.example/?lang=en",
        "x-default": "https://panda.example/",
    }
