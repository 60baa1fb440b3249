"""An entry added to the books. Nothing in it can fail but a log that is none: whoever adds, has proven the entries.

A whole that stands in several entries (`part`, `parts`) is added when its last part comes.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pandapack.contracts.public_log.fold import surveys
from pandapack.contracts.public_log.fold.books import (
    FAILED_ROUNDS_LISTED_MAX,
    Books,
    CountryBooks,
    DayBooks,
    ProgrammeBooks,
    RoundBooks,
    RoundChecks,
    UnitSums,
    YearSums,
)
from pandapack.contracts.public_log.fold.contents import Contents, publish, shares_of
from pandapack.contracts.public_log.fold.line import Line
from pandapack.contracts.public_log.fold.months import TOLD, add_to_month
from pandapack.contracts.public_log.fold.parcels import count_closed
from pandapack.contracts.public_log.fold.rounds import (
    GOODS,
    OF_ROUND,
    add_units,
    committed_now,
    failures_of,
    grow,
    orders_of,
    reserved_now,
    spent,
    spent_on,
    states_of,
)

Json = dict[str, Any]
Day = tuple[str, str]
"""(programme, day in Asia/Shanghai)."""
FUNDS_SPENT = "procurement.FundsSpent"
YEAR_CHARACTERS = len("2021")
DAYS_OF = {
    "donations.DonationsRecorded": "",
    "donations.DonationsReversed": "reversed_",
    "donations.DonationsBanked": "banked_",
}
"""Type of an entry with sums by day → which of a day's figures they are."""

_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Scope:
    """The rounds and days that an entry changes: they must be at hand when it is added."""

    rounds: frozenset[str]
    days: frozenset[Day]


def year_of(day: str) -> str:
    """The year of a day: `2021`."""
    return day[:YEAR_CHARACTERS]


def read(entry: bytes) -> Json:
    """An entry as it stands in the log. Raises msgspec.DecodeError."""
    return _decode(entry)


def names_in(books: Books, entry: Json) -> Scope:
    """What the entry changes beside the books; of parts, what all of them change."""
    if "part" not in entry:
        return _names_in(entry)
    parts = [_names_in(one) for one in (*books.pending, entry)]
    return Scope(
        frozenset(name for one in parts for name in one.rounds), frozenset(name for one in parts for name in one.days)
    )


def _names_in(entry: Json) -> Scope:
    days = entry.get("days", ()) if entry["type"] in DAYS_OF else ()
    rounds = {entry["round"]} if entry["type"] in OF_ROUND and "round" in entry else set()
    return Scope(frozenset(rounds), frozenset((one["programme"], one["day"]) for one in days))


def add(
    books: Books, rounds: MutableMapping[str, RoundBooks], days: MutableMapping[Day, DayBooks], entry: Json
) -> None:
    """The books with the next entry. `rounds` and `days` have what `names_in` names, as far as it is known yet."""
    whole = _whole(books, entry)
    if whole is None:
        return
    if whole["type"] in OF_ROUND:
        _add_to_round(books, rounds, whole)
    elif (prefix := DAYS_OF.get(whole["type"])) is not None:
        _add_to_days(days, prefix, whole)
    _add_to_sums(books, whole)


def add_sums(books: Books, entry: Json) -> None:
    """The sums of programmes, countries and items with the next entry: all that totals need. Rounds, days and the
    checks of laws are as they were."""
    whole = _whole(books, entry)
    if whole is not None:
        _add_to_sums(books, whole)


def _whole(books: Books, entry: Json) -> Json | None:
    """What the entry completes: itself, or with its last part a whole. None: more parts are to come."""
    books.size += 1
    books.at = entry["at"]
    if "part" not in entry:
        return entry
    books.pending.append(entry)
    if entry["part"] < entry["parts"]:
        return None
    whole, books.pending = _joined(books.pending), []
    return whole


def _add_to_sums(books: Books, entry: Json) -> None:
    if (change := CHANGES.get(entry["type"])) is not None:
        change(books, entry)
    if entry["type"] in TOLD:
        country = _country(_programme(books, entry), entry)
        add_to_month(country.months, country.districts, entry)


def _joined(parts: list[Json]) -> Json:
    """A whole of its parts: lists go on from one to the next, all else stands in the first."""
    whole = dict(parts[0])
    for part in parts[1:]:
        for name, value in part.items():
            if isinstance(value, list):
                whole[name] = [*whole.get(name, ()), *value]
    return whole


def _add_to_days(days: MutableMapping[Day, DayBooks], prefix: str, entry: Json) -> None:
    for one in entry.get("days", ()):
        day = days.setdefault((one["programme"], one["day"]), DayBooks())
        day.add(**{f"{prefix}count": one["count"], f"{prefix}fen": one["fen"]})


def _add_to_round(books: Books, rounds: MutableMapping[str, RoundBooks], entry: Json) -> None:
    """The round, and then what the sums over all rounds have of it: what it was is taken out, what it is put in."""
    round = rounds.get(entry["round"])
    if round is None:
        round = rounds[entry["round"]] = RoundBooks()
    else:
        _count_round(books, round, -1)
    grow(round, entry)
    _count_round(books, round, 1)
    if entry["type"] == FUNDS_SPENT:
        _pay_items(books, round, entry)


def _pay_items(books: Books, round: RoundBooks, entry: Json) -> None:
    """Only here, and not among the sums: an order's lines stand in its round, and go when it is paid."""
    order = round.orders[entry["order"]]
    for item, units, fen in shares_of(entry["fen"], order.lines):
        _units(books, entry, item).add(paid=units, paid_fen=fen)
    order.lines = []


def _count_round(books: Books, round: RoundBooks, sign: int) -> None:
    programme = books.programmes.setdefault(round.programme, ProgrammeBooks())
    sums = programme.rounds
    sums.add(
        funded=sign * round.funded,
        reserved=sign * reserved_now(round),
        committed=sign * committed_now(round),
        spent=sign * spent(round),
        released=sign * round.released,
        rounds=sign * bool(round.funded_at),
        orders=sign * orders_of(round),
    )
    add_units(sums.accepted, ((item, sign * units) for item, units in round.accepted.items()))
    add_units(sums.kitted, ((item, sign * units) for item, units in round.kitted.items()))
    add_units(sums.spent_on, ((category, sign * fen) for category, fen in spent_on(round)))
    count_closed(sums, round, sign)
    for order in round.orders.values():
        add_units(sums.outstanding, ((item, sign * units) for item, units in order.outstanding.items()))
    states = programme.countries.setdefault(round.country, CountryBooks()).rounds
    add_units(states, ((state, sign * count) for state, count in states_of(round).items()))
    _count_checks(books, round, sign)


def _count_checks(books: Books, round: RoundBooks, sign: int) -> None:
    for law, (count, own) in failures_of(round).items():
        known = books.checks.setdefault(law, RoundChecks())
        difference = sum(abs(one.difference) for one in own)
        known.add(checks=sign * count, failures=sign * len(own), difference=sign * difference)
        known.listed.pop(round.round, None)
        if own and sign > 0 and len(known.listed) < FAILED_ROUNDS_LISTED_MAX:
            known.listed[round.round] = own


def _programme(books: Books, entry: Mapping[str, Any]) -> ProgrammeBooks:
    return books.programmes.setdefault(entry["programme"], ProgrammeBooks())


def _recorded(books: Books, entry: Json) -> None:
    shard = str(entry["shard"])
    for one in entry["days"]:
        programme = _programme(books, one)
        programme.add(donations=one["count"], received=one["fen"])
        _year(programme, one).received += one["fen"]
    for one in entry["intervals"]:
        _programme(books, one).recorded[shard] = one["fen_to"]
    books.add(duplicates=entry["duplicates"], conflicts=entry["conflicts"], refused=entry["refused"])


def _reversed(books: Books, entry: Json) -> None:
    for one in entry["days"]:
        programme = _programme(books, one)
        programme.reversed += one["fen"]
        _year(programme, one).reversed += one["fen"]


def _year(programme: ProgrammeBooks, cell: Json) -> YearSums:
    return programme.years.setdefault(year_of(cell["day"]), YearSums())


def _banked(books: Books, entry: Json) -> None:
    for one in entry["days"]:
        _programme(books, one).banked += one["fen"]


def _sealed(books: Books, entry: Json) -> None:
    for one in entry["programmes"]:
        _programme(books, one).add(sealed_donations=one["count"], sealed=one["fen"])


def _published(books: Books, entry: Json) -> None:
    publish(books.contents.setdefault(entry["programme"], Contents()), entry)


def _credited(books: Books, entry: Json) -> None:
    programme = _programme(books, entry)
    programme.applied.update(entry["applied_fen"])
    programme.money.credited += entry["credited_fen"]


def _fund_reversed(books: Books, entry: Json) -> None:
    programme = _programme(books, entry)
    programme.owed = entry["owed_fen"]
    programme.money.reversed += entry["reversed_fen"]
    for one in entry["intervals"]:
        _line(programme, one).take(one["fen_from"], one["fen_to"])


def _line(programme: ProgrammeBooks, interval: Json) -> Line:
    return programme.lines.setdefault(str(interval["shard"]), Line())


def _money(books: Books, entry: Json, **more: int) -> None:
    programme = _programme(books, entry)
    programme.money.add(**more)
    _country(programme, entry).money.add(**more)


def _country(programme: ProgrammeBooks, entry: Json) -> CountryBooks:
    return programme.countries.setdefault(entry["country"], CountryBooks())


def _funded(books: Books, entry: Json) -> None:
    _money(books, entry, funded=entry["reserved_fen"], rounds=1)
    for one in entry["intervals"]:
        _line(_programme(books, entry), one).take(one["fen_from"], one["fen_to"])


def _committed(books: Books, entry: Json) -> None:
    _money(books, entry, committed=entry["fen"])


def _spent(books: Books, entry: Json) -> None:
    _money(books, entry, spent=entry["fen"], uncommitted=entry["uncommitted_fen"])
    of_year = _country(_programme(books, entry), entry).spent.setdefault(year_of(entry["on"]), {})
    add_units(of_year, [(entry["category"], entry["fen"])])


def _round_closed(books: Books, entry: Json) -> None:
    _money(books, entry, released=entry["released_fen"])
    for one in entry["released"]:
        _line(_programme(books, entry), one).release(one["fen_from"], one["fen_to"])


def _placed(books: Books, entry: Json) -> None:
    _money(books, entry, orders=1)
    if entry["category"] == GOODS:
        for line in entry["lines"]:
            _units(books, entry, line["item"]).ordered += line["quantity"]


def _received(books: Books, entry: Json) -> None:
    for item, units in entry["reordered"].items():
        _units(books, entry, item).ordered += units
    for line in entry["lines"]:
        counted = {name: line[name] for name in ("accepted", "rejected", "over_delivered")}
        _units(books, entry, line["item"]).add(received=line["counted"], **counted)


def _order_closed(books: Books, entry: Json) -> None:
    for item, units in entry["cancelled"].items():
        _units(books, entry, item).cancelled += units


def _units(books: Books, entry: Json, item: str) -> UnitSums:
    return _programme(books, entry).items.setdefault(item, UnitSums())


def _parcels(books: Books, entry: Json, **more: int) -> None:
    _country(_programme(books, entry), entry).parcels.add(**more)


def _packed(books: Books, entry: Json) -> None:
    _parcels(books, entry, packed=entry["count"])
    for item, units in entry["consumed"].items():
        _units(books, entry, item).kitted += units


def _stored(books: Books, entry: Json) -> None:
    _parcels(books, entry, stored=entry["count"], warehouse=entry["count"])


def _dispatched(books: Books, entry: Json) -> None:
    _parcels(books, entry, warehouse=-entry["count"], in_transit=entry["count"])


def _written_off(books: Books, entry: Json) -> None:
    _parcels(books, entry, **{entry["was"]: -entry["count"]})
    _parcels(books, entry, **{entry["now"]: entry["count"]})


def _delivered(books: Books, entry: Json) -> None:
    accepted, rejected = entry["accepted"], entry["rejected"]
    _parcels(books, entry, in_transit=-accepted - rejected, accepted=accepted, rejected=rejected)


def _handed_out(books: Books, entry: Json) -> None:
    _parcels(books, entry, pupils=entry["pupils_reached"], over_reported=entry["pupils_over_reported"])


def _surveyed(books: Books, entry: Json) -> None:
    surveys.grow(_programme(books, entry).surveys, entry)


CHANGES = {
    "donations.DonationsRecorded": _recorded,
    "donations.DonationsReversed": _reversed,
    "donations.DonationsBanked": _banked,
    "donations.PageSealed": _sealed,
    "procurement.ProgrammePublished": _published,
    "procurement.FundCredited": _credited,
    "procurement.FundReversed": _fund_reversed,
    "procurement.RoundFunded": _funded,
    "procurement.FundsCommitted": _committed,
    FUNDS_SPENT: _spent,
    "procurement.RoundClosed": _round_closed,
    "procurement.OrderPlaced": _placed,
    "procurement.GoodsReceived": _received,
    "procurement.OrderClosed": _order_closed,
    "procurement.ParcelsPacked": _packed,
    "logistics.ParcelsStored": _stored,
    "logistics.ParcelsDispatched": _dispatched,
    "logistics.ParcelsWrittenOff": _written_off,
    "logistics.ParcelsDelivered": _delivered,
    "logistics.ParcelsHandedOut": _handed_out,
    "logistics.SurveyReported": _surveyed,
}
"""Type of an entry → what it changes in the sums. These are counted from events, and `_count_round` counts rounds: the
laws compare the two."""
