"""A country's months add up to its sums over all time, whatever the log says."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pandapack.contracts.public_log.fold import months
from pandapack.contracts.public_log.fold.books import Books, CountryBooks
from pandapack.contracts.public_log.fold.months import DISTRICTS_A_YEAR_MAX, MonthBooks, add_to_month
from tests.unit.contracts.test_public_fold import FINISHED, Account
from tests.unit.reporting.history import PROGRAMME

Json = dict[str, Any]
MONEY = ("funded", "released", "committed", "uncommitted", "spent")
DAYS = ("2019-12-31", "2020-01-01", "2020-01-31", "2020-02-29", "2022-02-01")
OF = {"round": "R-1", "order": "O-1", "category": "goods"}
number = st.integers(0, 10**9)


def entry(type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    where = {"programme": st.just(PROGRAMME), "country": st.sampled_from(["NP", "MM"]), "on": st.sampled_from(DAYS)}
    return st.fixed_dictionaries({"type": st.just(type), **where, **fields}).map(lambda one: {**OF, **one})


STATES = st.sampled_from(["accepted", "in_transit", "lost"])
ENTRIES = st.lists(
    st.one_of(
        entry("procurement.RoundFunded", reserved_fen=number),
        entry("procurement.RoundClosed", released_fen=number),
        entry("procurement.FundsCommitted", fen=number),
        entry("procurement.FundsSpent", fen=number, uncommitted_fen=number),
        entry("logistics.ParcelsDelivered", accepted=number, rejected=number, district=st.sampled_from("xy")),
        entry("logistics.ParcelsWrittenOff", count=number, was=STATES, now=STATES),
        entry("logistics.ParcelsHandedOut", pupils_reached=number),
        entry("procurement.OrderPlaced"),
    ),
    max_size=30,
)


def country_sums(books: Books) -> list[CountryBooks]:
    return [country for programme in books.programmes.values() for country in programme.countries.values()]


def total(country: CountryBooks, name: str) -> int:
    return sum(getattr(month, name) for month in country.months.values())


def test_months_add_up_to_the_country_after_each_entry_of_a_whole_programme() -> None:
    for size in range(len(FINISHED) + 1):
        for country in country_sums(Account(FINISHED[:size]).books):
            for name in MONEY:
                assert total(country, name) == getattr(country.money, name)
            assert total(country, "accepted") == country.parcels.accepted
            assert total(country, "pupils") == country.parcels.pupils
            for year, by_category in country.spent.items():
                own = (month.spent for name, month in country.months.items() if name.startswith(year))
                assert sum(own) == sum(by_category.values())


@given(ENTRIES)
def test_a_month_has_what_its_entries_say_and_the_days_they_lie_between(entries: list[Json]) -> None:
    found, districts = dict[str, MonthBooks](), dict[str, dict[str, int]]()
    for one in entries:
        add_to_month(found, districts, one)
    told = [one for one in entries if one["type"] in months.TOLD]
    for name, month in found.items():
        own = [one for one in told if one["on"].startswith(name)]
        assert (month.first, month.last) == (min(one["on"] for one in own), max(one["on"] for one in own))
        assert month.spent == sum(one["fen"] for one in own if one["type"] == "procurement.FundsSpent")
        assert month.released == sum(one.get("released_fen", 0) for one in own)
    assert set(found) == {one["on"][:7] for one in told}


def test_reports_cannot_grow_the_names_of_districts_beyond_their_bound() -> None:
    found, districts = dict[str, MonthBooks](), dict[str, dict[str, int]]()
    for n in range(2 * DISTRICTS_A_YEAR_MAX):
        one = {"type": months.DELIVERED, "on": "2021-05-01", "accepted": 5, "rejected": 0, "district": f"D{n}"}
        add_to_month(found, districts, one)
    assert len(districts["2021"]) == DISTRICTS_A_YEAR_MAX
    assert found["2021-05"].accepted == 2 * DISTRICTS_A_YEAR_MAX * 5


def test_where_nothing_was_accepted_or_the_log_names_no_district_none_is_kept() -> None:
    found, districts = dict[str, MonthBooks](), dict[str, dict[str, int]]()
    refused = {"type": months.DELIVERED, "on": "2021-05-01", "accepted": 0, "rejected": 6, "district": "D"}
    few = {"type": months.DELIVERED, "on": "2021-05-01", "accepted": 3, "rejected": 0}
    for one in (refused, few):
        add_to_month(found, districts, one)
    assert districts == {} and found["2021-05"].accepted == 3
