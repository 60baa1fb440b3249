"""What the books tell of a programme and of each of its countries and years, as amounts with a day each.

A month of a kind of money is one amount, and what was taken back in it another, below nothing. Its day is the last in
that month on which anything of it happened, and never behind `until`: no day of it lies in the future.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from pandapack.contracts.public_log.fold.books import CountryBooks, DayBooks, ProgrammeBooks
from pandapack.contracts.public_log.fold.months import MONTH_CHARACTERS, MonthBooks

Json = dict[str, Any]
YEAR_CHARACTERS = len("2021")


@dataclass(frozen=True, slots=True)
class Amount:
    """Fen, not zero; below nothing where it takes back. `name` stands once in an activity: `2021-11-given`."""

    name: str
    day: str
    fen: int


@dataclass(frozen=True, slots=True)
class CountryYear:
    """A country in a year. `spent_on`: category → fen; `districts`: where schools accepted parcels, by name.

    `funded` has what rounds gave back, `ordered` what orders did not need, each as amounts below nothing.
    """

    country: str
    year: int
    first_day: str
    funded: tuple[Amount, ...]
    ordered: tuple[Amount, ...]
    paid: tuple[Amount, ...]
    spent_on: Mapping[str, int]
    districts: tuple[str, ...]
    accepted: int
    pupils: int

    @property
    def planned_fen(self) -> int:
        """What its rounds were funded with: their plan."""
        return sum(one.fen for one in self.funded if one.fen > 0)


@dataclass(frozen=True, slots=True)
class Answers:
    """Of `denominator` pupils `numerator` said yes, in a country or (None) in all; shares and interval per mille."""

    country: str | None
    numerator: int
    denominator: int
    share_per_mille: int
    low_per_mille: int
    high_per_mille: int


@dataclass(frozen=True, slots=True)
class ProgrammeAccount:
    """A programme: what was given and taken back, and its countries' years, sorted.

    `answers`: indicator → what evaluations found, in all and by country, as far as it may be shown.
    """

    programme: str
    first_day: str
    given: tuple[Amount, ...]
    country_years: tuple[CountryYear, ...]
    answers: Mapping[str, tuple[Answers, ...]]

    @property
    def spent_on(self) -> dict[str, int]:
        """Category → fen, over all countries and years."""
        whole: dict[str, int] = {}
        for one in self.country_years:
            for category, fen in one.spent_on.items():
                whole[category] = whole.get(category, 0) + fen
        return whole

    @property
    def net_funded(self) -> dict[str, int]:
        """Country → fen, less what was given back."""
        whole: dict[str, int] = {}
        for one in self.country_years:
            whole[one.country] = whole.get(one.country, 0) + sum(amount.fen for amount in one.funded)
        return whole


def account_of(
    programme: str, books: ProgrammeBooks, days: Mapping[str, DayBooks], until: date, indicators: Iterable[Json]
) -> ProgrammeAccount | None:
    """A programme's account. None where nothing has happened on any day yet.

    days, indicators (rows of `/v1/totals/indicator`): its own.
    """
    last = until.isoformat()
    given = tuple(_given(days, last))
    years = tuple(one for country, own in sorted(books.countries.items()) for one in _country_years(country, own, last))
    known = [*(amount.day for amount in given), *(one.first_day for one in years), *(min(day, last) for day in days)]
    return ProgrammeAccount(programme, min(known), given, years, _answers(indicators)) if known else None


def _answers(indicators: Iterable[Json]) -> dict[str, tuple[Answers, ...]]:
    found: dict[str, tuple[Answers, ...]] = {}
    for row in indicators:
        if not row["suppressed"]:
            one = Answers(**{field.name: row[field.name] for field in fields(Answers)})
            found[row["indicator"]] = (*found.get(row["indicator"], ()), one)
    return found


def _given(days: Mapping[str, DayBooks], last: str) -> Iterator[Amount]:
    by_month: dict[str, list[str]] = {}
    for day in sorted(days):
        by_month.setdefault(day[:MONTH_CHARACTERS], []).append(day)
    for month, own in by_month.items():
        for name, fen in (("given", {day: days[day].fen for day in own}), ("given-back", _less(days, own))):
            told = [day for day in own if fen[day]]
            if told and sum(fen.values()):
                yield Amount(f"{month}-{name}", min(told[-1], last), sum(fen.values()))


def _less(days: Mapping[str, DayBooks], own: Iterable[str]) -> dict[str, int]:
    return {day: -days[day].reversed_fen for day in own}


def _country_years(country: str, books: CountryBooks, last: str) -> Iterator[CountryYear]:
    by_year: dict[str, list[tuple[str, MonthBooks]]] = {}
    for month, own in sorted(books.months.items()):
        by_year.setdefault(month[:YEAR_CHARACTERS], []).append((month, own))
    for year, months in by_year.items():
        yield CountryYear(
            country=country,
            year=int(year),
            first_day=min(months[0][1].first, last),
            funded=tuple(_amounts(months, last, funded=1, released=-1)),
            ordered=tuple(_amounts(months, last, committed=1, uncommitted=-1)),
            paid=tuple(_amounts(months, last, spent=1)),
            spent_on=dict(books.spent.get(year, {})),
            districts=tuple(sorted(books.districts.get(year, ()))),
            accepted=sum(own.accepted for _, own in months),
            pupils=sum(own.pupils for _, own in months),
        )


def _amounts(months: Iterable[tuple[str, MonthBooks]], last: str, **signs: int) -> Iterator[Amount]:
    for month, own in months:
        for name, sign in signs.items():
            if fen := sign * getattr(own, name):
                yield Amount(f"{month}-{name}", min(own.last, last), fen)
