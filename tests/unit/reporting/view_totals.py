"""The stored views of all partitions added up, by which their projection is tested."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.reporting.domain.banked import BankedDonations
from services.reporting.domain.donations import ProgrammeDonations, ShardDonations
from services.reporting.domain.figures import CountAndFen, figures_by_name, sums_by_name
from services.reporting.domain.items import Items, Units
from services.reporting.domain.money import Money, MoneyFigures
from services.reporting.domain.parcels import Parcels, ParcelStates
from services.reporting.domain.rounds.figures import parcels_by_state, status_of
from services.reporting.domain.rounds.state import Round


@dataclass(frozen=True, slots=True)
class Views:
    """All documents of the views that totals are made of."""

    shards: Sequence[ShardDonations]
    money: Sequence[Money]
    items: Sequence[Items]
    parcels: Sequence[ParcelStates]
    banked: Sequence[BankedDonations] = ()


def programmes_of(views: Views) -> list[str]:
    """All programmes that any view knows."""
    names = {name for shard in views.shards for name in shard.programmes}
    names |= {name for part in views.money for name in part.programmes}
    return sorted(names)


def recorded(views: Views, programme: str | None = None) -> CountAndFen:
    """Donations and fen that the ledger recorded, for one programme or all."""
    known = _on_shards(views, programme)
    return sum(donations.count for donations in known), sum(donations.fen_to for donations in known)


def reversed_fen(views: Views, programme: str | None = None) -> int:
    """What the shards recorded as taken back, for one programme or all."""
    return sum(donations.reversed_fen for donations in _on_shards(views, programme))


def _on_shards(views: Views, programme: str | None) -> list[ProgrammeDonations]:
    """One programme's donations, or all, shard by shard."""
    return [
        donations for shard in views.shards for name, donations in shard.programmes.items() if programme in (None, name)
    ]


def banked_fen(views: Views, programme: str | None = None) -> int:
    """What settlements have paid of what was pushed, for one programme or all."""
    return sum(part.fen for part in views.banked if programme in (None, part.programme))


def banked_beside(views: Views) -> dict[str, Any]:
    """What stands beside the money law's "received": what is banked of it, in all and by programme."""
    programmes = sorted({*programmes_of(views), *(part.programme for part in views.banked)})
    by_programme = {name: banked_fen(views, name) for name in programmes}
    return {"banked_fen": banked_fen(views), "banked_by_programme": by_programme}


def money_by_programme(views: Views) -> dict[str, MoneyFigures]:
    """Programme → its money."""
    return figures_by_name(MoneyFigures, (part.programmes for part in views.money))


def parcels_by_country(views: Views, programme: str | None = None) -> dict[str, Parcels]:
    """Country → its parcels, for one programme or all."""
    whole: dict[str, Parcels] = {}
    for name, parcels in figures_by_name(Parcels, (part.countries for part in views.parcels)).items():
        owner, _, country = name.partition("/")
        if programme in (None, owner):
            whole[country] = whole.get(country, Parcels()).and_all(parcels)
    return dict(sorted(whole.items()))


def totals(views: Views, programme: str | None = None) -> dict[str, Any]:
    """`/v1/totals`, without how fresh it is: all programmes, or one (then without what is known by shard only)."""
    donations, received_fen = recorded(views, programme)
    money = MoneyFigures.total(b for name, b in money_by_programme(views).items() if programme in (None, name))
    countries = parcels_by_country(views, programme)
    parcels = Parcels.total(countries.values())
    recorded_reversed_fen = reversed_fen(views, programme)
    found = {"duplicates": 0, "conflicts": 0, "refused": 0}
    if programme is None:
        found = {name: sum(int(getattr(shard, name)) for shard in views.shards) for name in found}
    return {
        "donations": donations,
        **(found if programme is None else {}),
        "received_fen": received_fen,
        "reversed_fen": recorded_reversed_fen,
        "banked_fen": banked_fen(views, programme),
        "in_flight_fen": received_fen - money.credited_fen - (recorded_reversed_fen - money.reversed_fen),
        **_money_now(money, unallocated=True),
        "rounds": money.rounds,
        "orders": money.orders,
        "parcels": parcels.by_state(),
        "pupils_reached": parcels.pupils,
        "pupils_over_reported": parcels.over_reported,
        "countries": sum(one.accepted > 0 for one in countries.values()),
    }


def _money_now(money: MoneyFigures, *, unallocated: bool) -> dict[str, int]:
    first = {"unallocated_fen": money.unallocated_now_fen} if unallocated else {}
    return first | {
        "reserved_fen": money.reserved_now_fen,
        "committed_fen": money.committed_now_fen,
        "spent_fen": money.spent_fen,
    }


def by_programme(views: Views) -> list[dict[str, Any]]:
    """A row a programme."""
    return [{"programme": name, **totals(views, name)} for name in programmes_of(views)]


def by_day(views: Views, programme: str | None = None) -> list[dict[str, Any]]:
    """A row a day in Asia/Shanghai on which donations were made; banked is what settlements have paid of those."""
    days = sums_by_name({}, (donations.days for donations in _on_shards(views, programme)))
    banked = sums_by_name({}, (part.days for part in views.banked if programme in (None, part.programme)))
    return [
        {"day": day, "count": count, "fen": fen, **banked_columns(banked.get(day, (0, 0)))}
        for day, (count, fen) in sorted(days.items())
    ]


def banked_columns(banked: CountAndFen | None) -> dict[str, int | None]:
    """What stands beside "received" in a row; null is not known."""
    return dict(zip(("banked_count", "banked_fen"), banked or (None, None), strict=True))


def by_country(views: Views) -> list[dict[str, Any]]:
    """A row a country of destination."""
    money = figures_by_name(MoneyFigures, (part.countries for part in views.money))
    parcels = parcels_by_country(views)
    return [
        {
            "country": country,
            "rounds": money.get(country, MoneyFigures()).rounds,
            "funded_fen": money.get(country, MoneyFigures()).funded_fen,
            **_money_now(money.get(country, MoneyFigures()), unallocated=False),
            "released_fen": money.get(country, MoneyFigures()).released_fen,
            "parcels": parcels.get(country, Parcels()).by_state(),
            "pupils_reached": parcels.get(country, Parcels()).pupils,
            "pupils_over_reported": parcels.get(country, Parcels()).over_reported,
        }
        for country in sorted({*money, *parcels})
    ]


def by_item(views: Views) -> list[dict[str, Any]]:
    """A row a programme and item, in base units. `in_stock` is what was accepted and is in no parcel."""
    units = figures_by_name(Units, (part.items for part in views.items))
    outstanding = outstanding_units(views.items)
    rows = []
    for name, one in units.items():
        programme, _, item = name.partition("/")
        terms = {"outstanding": outstanding.get(name, 0), "in_stock": one.accepted - one.kitted}
        rows.append({"programme": programme, "item": item, **one.model_dump(), **terms})
    return rows


def outstanding_units(items: Iterable[Items]) -> dict[str, int]:
    """ "programme/item" → units that open orders still owe."""
    whole: dict[str, int] = {}
    for part in items:
        for owed in part.outstanding.values():
            for item, units in owed.items():
                whole[item] = whole.get(item, 0) + units
    return whole


def round_row(round: Round) -> dict[str, Any]:
    """A round's row of `/v1/totals/round`."""
    funding, closing = round.funding, round.closing
    return {
        "round": round.round,
        "ordinal": funding.ordinal if funding else None,
        "programme": round.programme,
        "country": round.country,
        "specification": funding.specification if funding else None,
        "status": status_of(round),
        "parcels_planned": funding.parcels if funding else None,
        "funded_fen": round.funded_fen,
        "reserved_fen": round.reserved_fen,
        "committed_fen": round.committed_fen,
        "spent_fen": round.spent_fen,
        "released_fen": round.released_fen,
        "orders": len(round.orders),
        "parcels": parcels_by_state(round),
        "pupils_reached": round.pupils,
        "pupils_over_reported": round.over_reported,
        "funded_at": funding.at if funding else None,
        "closed_at": closing.at if closing else None,
    }
