"""Counting the journal again: every event of procurement and logistics, for the whole, by country and by round."""

from __future__ import annotations

from pandapack.cli.recount import Books, Collections, Recount
from pandapack.cli.recount_pupils import PupilsRecount
from pandapack.contracts import logistics, procurement
from pandapack.contracts.envelope import Event, decode


def recount_journal(reporting: Collections, count: Recount) -> None:
    """Every event once; sequences of a source without gaps."""
    last: dict[str, int] = {}
    pupils = PupilsRecount()
    for row in reporting.journal.find({}).sort("_id", 1):
        envelope = decode(bytes(row["envelope"]))
        count.same(f"journal {row['_id']}: its identity", envelope.key, row["_id"])
        count.same(f"journal {envelope.source}: sequence", last.get(envelope.source, 0) + 1, envelope.number)
        last[envelope.source] = envelope.number
        count.events += 1
        event = envelope.event()
        if event is not None:
            pupils.note(event)
            for books in _books_of(event, count):
                _book_money(event, books)
                _book_parcels(event, books)
    pupils.book(count)


def _books_of(event: Event, count: Recount) -> list[Books]:
    """The whole, and the country and the round that the event names."""
    country, round_id = getattr(event, "country", None), getattr(event, "round", None)
    found = [count.books]
    if country is not None:
        found.append(count.countries.setdefault(country, Books()))
    if round_id is not None:
        found.append(count.rounds.setdefault(round_id, Books()))
    return found


def _book_money(event: Event, books: Books) -> None:
    money = books.money
    match event:
        case procurement.FundCredited():
            money["credited"] += event.credited_fen
        case procurement.FundReversed():
            money["reversed"] += event.reversed_fen
        case procurement.RoundFunded():
            money["funded"] += event.reserved_fen
            books.rounds += 1
        case procurement.FundsCommitted():
            money["committed"] += event.fen
        case procurement.FundsSpent():
            money["spent"] += event.fen
            money["uncommitted"] += event.uncommitted_fen
        case procurement.RoundClosed():
            money["released"] += event.released_fen
        case procurement.OrderPlaced():
            books.orders += 1
        case _:
            pass  # no money that a total counts


def _book_parcels(event: Event, books: Books) -> None:
    parcels = books.parcels
    match event:
        case procurement.ParcelsPacked():
            parcels["packed"] += event.count
            parcels["warehouse"] += event.count
        case logistics.ParcelsDispatched():
            parcels["warehouse"] -= event.count
            parcels["in_transit"] += event.count
        case logistics.ParcelsWrittenOff():
            parcels[event.was] -= len(event.ordinals)
            parcels[event.now] += len(event.ordinals)
        case logistics.ParcelsDelivered():
            parcels["in_transit"] -= len(event.accepted) + len(event.rejected)
            parcels["accepted"] += len(event.accepted)
            parcels["rejected"] += len(event.rejected)
        case _:
            pass  # no parcels that a total counts
