"""What money was spent on: categories add up to what was spent, and the two ratios of the law are exact."""

from __future__ import annotations

from typing import Any

import pytest

from pandapack.contracts.public_log.fold import costs, figures, fold
from pandapack.contracts.public_log.fold.books import Books
from pandapack.contracts.public_log.fold.laws import laws
from tests.unit.contracts.test_public_fold import ALL, FINISHED, Account
from tests.unit.reporting.history import PROGRAMME

Json = dict[str, Any]


def given(type: str, day: str, fen: int, shard: int = 0) -> Json:
    rest = {"intervals": [], "duplicates": 0, "conflicts": 0, "refused": 0} if type.endswith("Recorded") else {}
    cell = {"programme": PROGRAMME, "day": day, "count": 1, "fen": fen}
    return {"type": f"donations.Donations{type}", "at": "", "on": day, "shard": shard, "days": [cell], **rest}


def paid(on: str, category: str, fen: int, country: str = "NP") -> Json:
    of = {"round": "R-1", "programme": PROGRAMME, "country": country, "order": f"{on}/{category}"}
    return {"type": "procurement.FundsSpent", "at": "", "on": on, **of, "category": category, "fen": fen} | {
        "uncommitted_fen": 0
    }


def books(*entries: Json) -> Books:
    account = Account()
    for entry in entries:
        account.add(entry)
    return account.books


def test_categories_countries_and_years_add_up_to_what_was_spent() -> None:
    found = Account(FINISHED).books
    spent = figures.totals(found)["spent_fen"]
    categories, years, countries = costs.category_rows(found), costs.year_rows(found), figures.country_rows(found)
    assert [row["category"] for row in categories] == sorted(costs.CATEGORIES)
    for row in categories:
        name = f"{row['category']}_fen"
        assert row["spent_fen"] == sum(year[name] for year in years) == sum(one[name] for one in countries)
    assert sum(row["spent_fen"] for row in categories) == sum(row["spent_fen"] for row in years) == spent > 0
    assert sum(row["received_fen"] for row in years) == figures.totals(found)["received_fen"]


def test_net_funded_never_exceeds_what_was_received() -> None:
    account = Account()
    for entry in FINISHED:
        account.add(fold.read(entry))
        net = sum(row["net_funded_fen"] for row in figures.country_rows(account.books))
        assert 0 <= net <= figures.totals(account.books)["received_fen"]
    rows = figures.country_rows(account.books)
    assert all(row["net_funded_fen"] == row["funded_fen"] - row["released_fen"] for row in rows)
    assert any(row["released_fen"] for row in rows)


def test_a_year_is_that_of_the_gift_of_the_reversal_and_of_the_payment() -> None:
    found = costs.year_rows(
        books(
            given("Recorded", "2019-12-31", 1_000),
            given("Reversed", "2020-01-01", 100),
            paid("2020-06-01", "goods", 630),
            paid("2020-12-31", "administration", 70),
            paid("2021-01-01", "freight", 50),
        )
    )
    shown = [(row["year"], row["received_fen"], row["reversed_fen"], row["spent_fen"]) for row in found]
    assert shown == [(2019, 1_000, 0, 0), (2020, 0, 100, 700), (2021, 0, 0, 50)]


def ratio(row: Json, name: str) -> tuple[int | None, ...]:
    return tuple(row[f"{name}_{part}"] for part in ("numerator_fen", "denominator_fen", "per_mille"))


def test_the_ratios_are_exact_and_null_where_there_is_nothing_to_divide_by() -> None:
    first, second, third = costs.year_rows(
        books(
            given("Recorded", "2019-03-01", 1_000),
            given("Reversed", "2019-04-01", 4),
            paid("2020-06-01", "goods", 630),
            paid("2020-12-31", "administration", 70),
            given("Reversed", "2021-01-01", 9),
        )
    )
    nothing = (None, None, None)
    assert (ratio(first, "activities_to_income"), ratio(first, "administration_to_spent")) == (nothing, nothing)
    assert ratio(second, "activities_to_income") == (630, 996, 633), "administration is no activity"
    assert ratio(second, "administration_to_spent") == (70, 700, 100)
    assert ratio(third, "activities_to_income") == nothing, "the year before received nothing"


@pytest.mark.parametrize(("part", "whole", "expected"), [(1, 2_000, 1), (1, 2_001, 0), (2, 3, 667), (3, 3, 1_000)])
def test_per_mille_is_the_nearest_and_a_half_goes_up(part: int, whole: int, expected: int) -> None:
    assert costs.per_mille(part, whole) == expected


def test_without_a_payment_there_is_no_category() -> None:
    assert costs.category_rows(Books()) == costs.year_rows(Books()) == []
    assert costs.category_rows(Account(ALL).books, "another") == costs.year_rows(Account(ALL).books, "another") == []


def test_a_payment_under_another_category_than_its_orders_breaks_the_law_of_money() -> None:
    account = Account()
    for raw in FINISHED:
        entry = fold.read(raw)
        if entry["type"] == "procurement.FundsSpent" and entry["category"] == "goods":
            entry["category"] = "administration"
        account.add(entry)
    money = laws(account.books)[0]
    told = {check.name for check in money.broken}
    assert told == {"sums and rounds agree: spent on goods", "sums and rounds agree: spent on administration"}
    assert not money.holds
