""" "Where 100 fen go" on the page: by category, country and year, with what each figure is made of."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pandapack.contracts.public_log.fold.books import Books
from services.reporting.api.costs import shown_costs
from services.reporting.api.texts import TEXTS, Language, PageTexts, formats
from services.reporting.work.readings import Reading
from services.reporting.work.snapshots import Snapshot
from tests.unit.contracts.test_costs import books, given, paid

SPENT = books(
    given("Recorded", "2020-03-01", 2_000_00),
    given("Reversed", "2020-04-01", 1_00),
    paid("2021-05-02", "goods", 900_00, "NP"),
    paid("2021-05-03", "administration", 100_00, "NP"),
    paid("2021-05-04", "freight", 500_00, "ET"),
)


def section(of: Books, language: Language) -> str:
    """What it says, without marks."""
    reading = Reading(cast("Snapshot", SimpleNamespace(books=of, size=5, at="2021-11-11T00:00:00Z")))
    texts, loader = PageTexts(language), FileSystemLoader(TEXTS.parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    snapshot = {"totals": reading.booked, "size": 5, "address": "https://panda.example"}
    values: dict[str, Any] = {"costs": shown_costs(reading), "recounted": snapshot, "chart": str}
    html = environment.get_template("costs.html").render(**formats(texts), **values)
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", html))


def test_each_category_has_its_share_of_100_fen_and_its_sum() -> None:
    found = section(SPENT, Language.EN)
    for row in ("Goods 60.0 ¥900.00", "Freight 33.3 ¥500.00", "Administration 6.7 ¥100.00", "Duty 0.0 ¥0.00"):
        assert row in found
    assert "All 100 ¥1,500.00" in found
    assert "ET 0.0 100.0 0.0 0.0 0.0 0.0 ¥500.00" in found
    assert "NP 90.0 0.0 0.0 0.0 0.0 10.0 ¥1,000.00" in found


@pytest.mark.parametrize(
    ("language", "money", "none"), [(Language.EN, "¥{}", "nothing spent"), (Language.ZH, "{} 元", "当年没有支出")]
)
def test_each_ratio_has_both_its_terms(language: Language, money: str, none: str) -> None:
    found = section(SPENT, language)
    activities = f"70.0% {money.format('1,400.00')} ÷ {money.format('1,999.00')}"
    administration = f"6.7% {money.format('100.00')} ÷ {money.format('1,500.00')}"
    assert activities in found and administration in found
    assert none in found, "2020 spent nothing"


def test_before_anything_is_spent_it_says_so() -> None:
    assert "Nothing is spent yet." in section(Books(), Language.EN)
    assert "By year" not in section(Books(), Language.EN)
