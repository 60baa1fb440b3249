""" "What pupils said" on the page: shares with their interval, what became of complaints, and how pupils were asked."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pandapack.contracts.public_log.fold.books import Books
from services.reporting.api.costs import shown_costs
from services.reporting.api.survey import shown_survey
from services.reporting.api.texts import TEXTS, Language, PageTexts, formats
from services.reporting.work.readings import Reading
from services.reporting.work.snapshots import Snapshot
from tests.unit.contracts.public_log_samples import sample_of, written
from tests.unit.contracts.test_public_fold import FINISHED, Account

SURVEYED = Account(written(sample_of("logistics.SurveyReported"))).books


def section(name: str, of: Books, language: Language) -> str:
    """What it says, without marks."""
    reading = Reading(cast("Snapshot", SimpleNamespace(books=of, size=5, at="2021-11-11T00:00:00Z")))
    texts, loader = PageTexts(language), FileSystemLoader(TEXTS.parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    snapshot = {"totals": reading.booked, "size": 5, "address": "https://panda.example"}
    values: dict[str, Any] = {
        "chart": "{:.0}".format,
        "costs": shown_costs(reading),
        "survey": shown_survey(reading),
        "recounted": snapshot,
    }
    html = environment.get_template(name).render(**formats(texts), **values)
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))


def test_a_share_stands_with_its_interval_and_how_many_were_asked_where() -> None:
    found = section("sections/said.html", SURVEYED, Language.EN)
    assert "interviewed 84 pupils; surveys counted: 1" in found
    assert "Likes the parcel very much 83.1% 73.6–89.7% 83 84 3" in found
    assert "The quality is good 76.9%" in found and "65 84 2" in found
    assert "260 pupils at 24 schools" in found and "84 pupils were interviewed, 93.3% of the sample" in found


def test_what_few_complained_of_is_not_told_and_all_of_it_together_is() -> None:
    found = section("sections/said.html", SURVEYED, Language.EN)
    assert "It came late too few to be shown too few to be shown" in found
    assert "All 15 too few to be shown" in found


@pytest.mark.parametrize(
    ("language", "told"), [(Language.EN, "No survey is reported yet."), (Language.ZH, "尚无调查。")]
)
def test_before_anybody_was_asked_it_says_so(language: Language, told: str) -> None:
    assert told in section("sections/said.html", Books(), language)


@pytest.mark.parametrize("language", Language)
def test_a_chinese_sentence_has_no_latin_word(language: Language) -> None:
    found = section("sections/said.html", SURVEYED, language).partition(PageTexts(language).text("recount_this"))[0]
    assert (re.search(r"[A-Za-z]{3}", found) is None) is (language is Language.ZH)


def test_what_a_parcel_cost_stands_beside_its_declared_value_and_stock_at_what_was_paid() -> None:
    found = section("costs.html", Account(FINISHED).books, Language.EN)
    assert "love-parcel-1 2 20 16 ¥19.40 ¥1.21" in found
    assert "2 items lie in stock and in no parcel, for which ¥0.89 was paid; 0 parcels are packed" in found
    assert "No round is closed yet." in section("costs.html", Books(), Language.EN)
    assert "尚无已结清的批次。" in section("costs.html", Books(), Language.ZH)
