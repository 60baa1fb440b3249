"""What money was spent on, and when: by category, by country and by year; and the two ratios that the law has.

The Charity Law has a foundation spend on its work at least 70 % of the income of the year before, and on administration
at most 10 % of what it spends in a year. Both are exact fractions here; whoever compares them with a limit, multiplies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from pandapack.contracts.procurement import Category
from pandapack.contracts.public_log.fold.books import Books, CountryBooks, YearSums
from pandapack.contracts.public_log.fold.rounds import add_units

Json = dict[str, Any]
CATEGORIES = tuple(category.value for category in Category)
"""In the order in which they are shown."""
PER_MILLE = 1_000


def category_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/category`: a row a category, `per_mille` of all that was spent; none while that is nothing."""
    fen = spent_on(_countries(books, programme))
    whole = sum(fen.values())
    return [
        {"category": one, "spent_fen": fen[one], "per_mille": per_mille(fen[one], whole)}
        for one in sorted(CATEGORIES)
        if whole
    ]


def year_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/year`: a row a year in Asia/Shanghai in which anything was given, taken back or spent.

    `activities_to_income_…`: what was spent on all but administration, of what the year before received less what it
    reversed; null where that was nothing. `administration_to_spent_…`: of what the year itself spent; null, too.
    """
    given, spent = _given(books, programme), _spent_by_year(books, programme)
    rows: list[Json] = []
    for year in sorted({*given, *spent}):
        own, fen = given.get(year, YearSums()), {name: spent.get(year, {}).get(name, 0) for name in CATEGORIES}
        before = given.get(str(int(year) - 1), YearSums())
        whole, administration = sum(fen.values()), fen[Category.ADMINISTRATION]
        rows.append(
            {
                "year": int(year),
                "received_fen": own.received,
                "reversed_fen": own.reversed,
                "spent_fen": whole,
                **as_columns(fen),
                **_ratio("activities_to_income", whole - administration, before.received - before.reversed),
                **_ratio("administration_to_spent", administration, whole),
            }
        )
    return rows


def spent_on(countries: Iterable[CountryBooks]) -> dict[str, int]:
    """Category → fen, over all years; each category is there."""
    fen = dict.fromkeys(CATEGORIES, 0)
    for one in countries:
        for by_category in one.spent.values():
            add_units(fen, by_category.items())
    return fen


def as_columns(fen: Mapping[str, int]) -> Json:
    """`goods_fen` and so on, as rows of countries and years have them."""
    return {f"{category}_fen": fen[category] for category in CATEGORIES}


def per_mille(part: int, whole: int) -> int:
    """The nearest; a half goes up. `part` is not negative, `whole` more than nothing."""
    return (2 * PER_MILLE * part + whole) // (2 * whole)


def merged(parts: Iterable[CountryBooks]) -> dict[str, dict[str, int]]:
    """What a country spent over several programmes: year → category → fen."""
    whole: dict[str, dict[str, int]] = {}
    for part in parts:
        for year, by_category in part.spent.items():
            add_units(whole.setdefault(year, {}), by_category.items())
    return whole


def _ratio(name: str, numerator: int, denominator: int) -> Json:
    is_known = denominator > 0
    values = (numerator, denominator, per_mille(numerator, denominator)) if is_known else (None, None, None)
    return dict(zip((f"{name}_numerator_fen", f"{name}_denominator_fen", f"{name}_per_mille"), values, strict=True))


def _countries(books: Books, programme: str | None) -> Iterable[CountryBooks]:
    return (
        one for name, known in books.programmes.items() if programme in (None, name) for one in known.countries.values()
    )


def _given(books: Books, programme: str | None) -> dict[str, YearSums]:
    whole: dict[str, YearSums] = {}
    for name, known in books.programmes.items():
        if programme in (None, name):
            for year, one in known.years.items():
                whole.setdefault(year, YearSums()).add(**msgspec.structs.asdict(one))
    return whole


def _spent_by_year(books: Books, programme: str | None) -> dict[str, dict[str, int]]:
    return merged(_countries(books, programme))
