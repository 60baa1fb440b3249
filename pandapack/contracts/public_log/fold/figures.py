"""The figures of the books, as `/v1/totals` and `/v1/totals/{by}` show them: names, order and units are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from pandapack.contracts.logistics import PARCEL_STATES
from pandapack.contracts.public_log.fold.books import (
    Books,
    CountryBooks,
    DayBooks,
    MoneySums,
    ParcelSums,
    ProgrammeBooks,
    RoundBooks,
    Struct,
    UnitSums,
)
from pandapack.contracts.public_log.fold.costs import as_columns, merged, spent_on
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.contracts.public_log.fold.parcels import stock_fen
from pandapack.contracts.public_log.fold.rounds import (
    committed_now,
    orders_of,
    reserved_now,
    spent,
    states_of,
    status_of,
)
from pandapack.contracts.public_log.fold.surveys import method_of

Json = dict[str, Any]
S = TypeVar("S", bound=Struct)
ITEM_COLUMNS = (
    *("ordered", "over_delivered", "received", "accepted", "rejected", "cancelled", "kitted", "paid", "paid_fen"),
)
"""Of `UnitSums`, in the order in which the table has them."""


def totals(books: Books, programme: str | None = None) -> Json:
    """`/v1/totals`: all programmes, or one (then without what is known of none)."""
    every = [one for name, one in books.programmes.items() if programme in (None, name)]
    money = _sum(MoneySums, (one.money for one in every))
    countries = countries_of(books, programme)
    parcels = _sum(ParcelSums, (one.parcels for one in countries.values()))
    received, reversed_fen = sum(one.received for one in every), sum(one.reversed for one in every)
    intake = {"duplicates": books.duplicates, "conflicts": books.conflicts, "refused": books.refused}
    return {
        "donations": sum(one.donations for one in every),
        **(intake if programme is None else {}),
        "received_fen": received,
        "reversed_fen": reversed_fen,
        "banked_fen": sum(one.banked for one in every),
        "sealed_donations": sum(one.sealed_donations for one in every),
        "sealed_fen": sum(one.sealed for one in every),
        "in_flight_fen": received - money.credited - (reversed_fen - money.reversed),
        "unallocated_fen": money.unallocated_now,
        "net_funded_fen": money.funded - money.released,
        **_money_now(money),
        "rounds": money.rounds,
        "orders": money.orders,
        "parcels": by_state(parcels),
        "pupils_reached": parcels.pupils,
        "pupils_over_reported": parcels.over_reported,
        "stock_units": sum(units.accepted - units.kitted for one in every for units in one.items.values()),
        **method_of(books, programme),
        "countries": sum(one.parcels.accepted > 0 for one in countries.values()),
    }


def programme_rows(books: Books) -> list[Json]:
    """`/v1/totals/programme`: a row a programme."""
    return [{"programme": name, **totals(books, name)} for name in sorted(books.programmes)]


def country_rows(books: Books, programme: str | None = None) -> list[Json]:
    """`/v1/totals/country`: a row a country of destination. `net_funded_fen`: funded, less what rounds gave back."""
    return [
        {
            "country": country,
            "rounds": one.money.rounds,
            "funded_fen": one.money.funded,
            "net_funded_fen": one.money.funded - one.money.released,
            **_money_now(one.money),
            **as_columns(spent_on([one])),
            "released_fen": one.money.released,
            "parcels": by_state(one.parcels),
            "pupils_reached": one.parcels.pupils,
            "pupils_over_reported": one.parcels.over_reported,
        }
        for country, one in countries_of(books, programme).items()
    ]


def item_rows(books: Books) -> list[Json]:
    """`/v1/totals/item`: a row a programme and item, in base units. `in_stock`: accepted, and in no parcel.

    `paid`, `paid_fen`: units of the orders that were paid, and with how much; their quotient is the price paid, at
    which `in_stock_fen` counts what is in stock; null while nothing of the item is paid.
    """
    return [
        {
            "programme": name.partition("/")[0],
            "item": item,
            **{name: getattr(units, name) for name in ITEM_COLUMNS},
            "outstanding": programme.rounds.outstanding.get(item, 0),
            "in_stock": units.accepted - units.kitted,
            "in_stock_fen": stock_fen(units),
        }
        for name, units, programme, item in units_of(books)
    ]


def day_rows(days: Mapping[Day, DayBooks], programme: str | None = None) -> list[Json]:
    """`/v1/totals/day`: a row a day in Asia/Shanghai on which anything was given, taken back or banked."""
    whole: dict[str, list[DayBooks]] = {}
    for (owner, day), one in days.items():
        if programme in (None, owner):
            whole.setdefault(day, []).append(one)
    return [{"day": day, **msgspec.structs.asdict(_sum(DayBooks, parts))} for day, parts in sorted(whole.items())]


def round_row(round: RoundBooks) -> Json:
    """A row of `/v1/totals/round`."""
    return {
        "round": round.round,
        "ordinal": round.ordinal or None,
        "programme": round.programme,
        "country": round.country,
        "specification": round.specification or None,
        "status": status_of(round),
        "parcels_planned": round.parcels_planned if round.funded_at else None,
        "funded_fen": round.funded,
        "reserved_fen": reserved_now(round),
        "committed_fen": committed_now(round),
        "spent_fen": spent(round),
        "released_fen": round.released,
        "orders": orders_of(round),
        "parcels": states_of(round),
        "pupils_reached": round.pupils,
        "pupils_over_reported": round.over_reported,
        "funded_at": round.funded_at or None,
        "closed_at": round.closed_at or None,
    }


def by_state(parcels: ParcelSums) -> dict[str, int]:
    """By `PARCEL_STATES`. What is packed and not yet taken over by logistics lies in the warehouse, too."""
    states = {state: int(getattr(parcels, state)) for state in PARCEL_STATES}
    states["warehouse"] += parcels.packed - parcels.stored
    return states


def countries_of(books: Books, programme: str | None = None) -> dict[str, CountryBooks]:
    """Country → its books over all programmes, or in one; sorted."""
    parts: dict[str, list[CountryBooks]] = {}
    for name, one in books.programmes.items():
        if programme in (None, name):
            for country, books_there in one.countries.items():
                parts.setdefault(country, []).append(books_there)
    return {country: _merged(found) for country, found in sorted(parts.items())}


def _merged(parts: list[CountryBooks]) -> CountryBooks:
    rounds: dict[str, int] = {}
    for part in parts:
        for state, count in part.rounds.items():
            rounds[state] = rounds.get(state, 0) + count
    money, parcels = (part.money for part in parts), (part.parcels for part in parts)
    whole = CountryBooks(money=_sum(MoneySums, money), parcels=_sum(ParcelSums, parcels), rounds=rounds)
    whole.spent = merged(parts)
    return whole


def units_of(books: Books) -> Iterator[tuple[str, UnitSums, ProgrammeBooks, str]]:
    """("programme/item", its units, its programme, the item), sorted by the first."""
    every = [
        (f"{name}/{item}", units, programme, item)
        for name, programme in books.programmes.items()
        for item, units in programme.items.items()
    ]
    yield from sorted(every, key=lambda one: one[0])


def _money_now(money: MoneySums) -> Json:
    return {"reserved_fen": money.reserved_now, "committed_fen": money.committed_now, "spent_fen": money.spent}


def _sum(kind: type[S], parts: Iterable[S]) -> S:
    whole = kind()
    for part in parts:
        whole.add(**msgspec.structs.asdict(part))
    return whole
