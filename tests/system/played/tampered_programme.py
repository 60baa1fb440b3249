"""Tamperings with what is made of the ledger: views, journal, documents, settlements. What an audit calls each."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

import msgspec
from bson.binary import Binary

from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.kept import as_of, collection_of, packed, unpacked
from tests.system.played import tamperings as t
from tests.system.played.tamperings import Hand, Tampering, add_to, event, forge_last, of_type

SPENT, PACKED, CLOSING = "procurement.FundsSpent", "procurement.ParcelsPacked", "procurement.OrderClosed"
HANDED_OUT = "logistics.ParcelsHandedOut"
GOODS = {"state.lines.0.received": {"$gt": 0}, "state.status": "closed"}


def _merchant(hand: Hand, view: str) -> None:
    def change(row: t.Json) -> None:
        sums = msgspec.msgpack.decode(b64decode(row["state"]["merchants"]))
        name = min(sums)
        sums[name] = [sums[name][0], sums[name][1] + 1]
        row["state"]["merchants"] = b64encode(msgspec.msgpack.encode(sums)).decode()

    hand.change(hand.databases.reporting[view], {}, change)


def _interval(hand: Hand) -> None:
    hand.change(
        hand.databases.reporting.funded_intervals,
        {"state.taken.0": {"$exists": True}},
        add_to("state", "taken", "0", "fen_to"),
    )


def _inbox(hand: Hand, view: str, more: int) -> None:
    def change(row: t.Json) -> None:
        name = max(row["inbox"], key=row["inbox"].get)
        row["inbox"][name] += more

    hand.change(hand.databases.reporting[view], {}, change, sort=-1)


def _newest(hand: Hand) -> int:
    """The newest boundary at which books are kept."""
    row = hand.databases.reporting[collection_of("books")].find_one({}, sort=[("_id", -1)])
    assert row is not None, "the log has no boundary yet"
    return int(row["_id"])


def _kept(hand: Hand, kind: str, of: Any, change: Callable[[Any], None], name: str = "state") -> None:
    """Other figures in the newest books, or in a round or month as of them."""
    newest = _newest(hand)

    def rewrite(row: t.Json) -> None:
        value = unpacked(bytes(row[name]), of)
        change(value)
        row[name] = Binary(packed(value))

    where = {"_id": newest} if kind == "books" else as_of(newest)
    hand.change(hand.databases.reporting[collection_of(kind)], where, rewrite)


def _kept_sum(hand: Hand, change: Callable[[Any], None]) -> None:
    """Another sum of a programme in the newest books."""
    _kept(hand, "books", Books, lambda books: change(next(iter(books.programmes.values()))), "books")


def _kept_pupils(programme: Any) -> None:
    next(iter(programme.countries.values())).parcels.pupils += 1


def _kept_units(programme: Any) -> None:
    next(iter(programme.items.values())).kitted += 1


def _lost_event(hand: Hand) -> None:
    """A document decided an event, and its outbox was emptied before Kafka had it."""
    hand.change(hand.databases.procurement.rounds, {}, add_to("sequence"))


def _settlement(hand: Hand, *path: str) -> None:
    hand.change(hand.databases.donations.settlements, {"state.status": "reconciled"}, add_to("state", *path))


VIEWS = (
    Tampering(
        "a day's sum",
        lambda h: h.change(h.databases.reporting.shards, {}, add_to("state", "programmes", "*", "days", "*", "1")),
        r"^view shards .*\(count, fen\): recounted",
    ),
    Tampering(
        "all that was received",
        lambda h: h.change(h.databases.reporting.shards, {}, add_to("state", "programmes", "*", "fen_to")),
        r"^view shards ",
    ),
    Tampering(
        "duplicates",
        lambda h: h.change(h.databases.reporting.shards, {}, add_to("state", "duplicates")),
        r"^view shards .*: duplicates",
    ),
    Tampering(
        "what is reversed",
        lambda h: h.change(h.databases.reporting.shards, {}, add_to("state", "programmes", "*", "reversed_fen")),
        r"^view shards .* reversed",
    ),
    Tampering("a merchant's day", lambda h: _merchant(h, "merchants"), r"^view merchants .*recounted"),
    Tampering(
        "what a fund applied",
        lambda h: h.change(
            h.databases.reporting.money,
            {"state.applied_fen": {"$ne": {}}},
            add_to("state", "applied_fen", "*", "*"),
        ),
        r"^view money .*applied on shard .*: recounted",
    ),
    Tampering("an interval", _interval, r"^view funded_intervals .*taken"),
    Tampering(
        "an order of a round",
        lambda h: h.change(
            h.databases.reporting.rounds, {"state.orders": {"$ne": {}}}, add_to("state", "orders", "*", "amount_fen")
        ),
        r"^view rounds .*amount_fen: recounted",
    ),
    Tampering(
        "a round's view deleted",
        lambda h: h.delete(h.databases.reporting.rounds, {"state.lots": {"$ne": []}}),
        r"^view rounds .*: it is missing",
    ),
    Tampering("a view moved forward", lambda h: _inbox(h, "money", 7_000), r"^view money .*: it stands at offset"),
    Tampering("a view moved back", lambda h: _inbox(h, "money", -1), r"^view money "),
    Tampering("totals moved back", lambda h: _inbox(h, "shards", -1), r"^view shards "),
    Tampering(
        "the pipeline's count",
        lambda h: h.change(h.databases.reporting.pipeline, {}, add_to("state", "events")),
        r"^view pipeline .*: events",
    ),
)
JOURNAL = (
    Tampering(
        "an event's amount",
        lambda h: event(h, h.databases.reporting.journal, of_type(SPENT), add_to("fen"), digest=False),
        r"^journal .*its digest is another",
        follows=True,
    ),
    Tampering(
        "an event's amount, with its digest",
        lambda h: event(h, h.databases.reporting.journal, of_type(SPENT), add_to("fen")),
        r"FundsSpent|document rounds|journal",
    ),
    Tampering(
        "pupils that were decided",
        lambda h: event(h, h.databases.reporting.journal, of_type(HANDED_OUT), add_to("pupils_reached", more=900)),
        r"^journal .*: pupils reached",
    ),
    Tampering(
        "an event deleted",
        lambda h: h.delete(h.databases.reporting.journal, of_type(PACKED)),
        r"^journal .*is missing",
        follows=True,
    ),
    Tampering(
        "a source's last event deleted",
        lambda h: h.delete(h.databases.reporting.journal, of_type(CLOSING)),
        r"^document orders .*neither its outbox nor the journal",
        follows=True,
    ),
    Tampering(
        "an event forged",
        lambda h: forge_last(h, h.databases.reporting.journal, of_type(CLOSING)),
        r"^document orders .*the journal has",
    ),
)
DOCUMENTS = (
    Tampering(
        "fen taken by a fund",
        lambda h: h.change(h.databases.procurement.funds, {}, add_to("state", "shards", "0", "taken_fen", more=-1)),
        r"^document funds .*taken_fen",
    ),
    Tampering(
        "fen applied by a fund",
        lambda h: h.change(h.databases.procurement.funds, {}, add_to("state", "shards", "0", "applied_fen")),
        r"^document funds .*",
    ),
    Tampering(
        "fen spent by a fund",
        lambda h: h.change(h.databases.procurement.funds, {}, add_to("state", "spent_fen", more=-1)),
        r"^document funds .*spent_fen",
    ),
    Tampering(
        "an order paid twice",
        lambda h: h.change(
            h.databases.procurement.orders, {"state.status": "closed"}, add_to("state", "paid_fen", more=100)
        ),
        r"^document orders .*paid_fen: recounted",
    ),
    Tampering(
        "goods of an order",
        lambda h: h.change(h.databases.procurement.orders, GOODS, add_to("state", "lines", "0", "received")),
        r"^document orders .*received: recounted",
    ),
    Tampering(
        "what a round spent",
        lambda h: h.change(h.databases.procurement.rounds, {}, add_to("state", "orders", "0", "spent_fen")),
        r"^document rounds .*spent_fen: recounted",
    ),
    Tampering(
        "a round's stock",
        lambda h: h.change(
            h.databases.procurement.rounds, {"state.accepted": {"$ne": {}}}, add_to("state", "accepted", "*")
        ),
        r"^document rounds .*accepted",
    ),
    Tampering(
        "parcels of a need",
        lambda h: h.change(
            h.databases.procurement.needs,
            {"state.funded_parcels": {"$gt": 0}},
            add_to("state", "funded_parcels", more=-1),
        ),
        r"^document needs .*funded_parcels",
    ),
    Tampering(
        "a programme's policy",
        lambda h: h.change(
            h.databases.procurement.publications, {}, add_to("state", "content", "policy", "round_parcels")
        ),
        r"^document publications .*not what it published",
    ),
    Tampering(
        "where a parcel ended",
        lambda h: h.change(
            h.databases.logistics.consignments, {"state.ended.accepted.0": {"$exists": True}}, t.another_end
        ),
        r"^document consignments .*parcel \d+: recounted accepted, found damaged",
    ),
    Tampering(
        "what customs took",
        lambda h: h.change(
            h.databases.logistics.shipments,
            {"state.customs.0": {"$exists": True}},
            add_to("state", "customs", "0", "duty_fen"),
        ),
        r"^document shipments .*duty_fen: recounted",
    ),
    Tampering("an event lost from an outbox", _lost_event, r"^document rounds .*in neither its outbox nor the journal"),
    Tampering(
        "an order deleted",
        lambda h: h.delete(h.databases.procurement.orders, {}),
        r"^document orders .*: it is missing",
    ),
)
SETTLEMENTS = (
    Tampering(
        "a banked row",
        lambda h: h.change(h.databases.donations.banked, {}, t.flip_a_bit),
        r"^settlement .*: page .*banked on",
    ),
    Tampering(
        "what a settlement banked",
        lambda h: _settlement(h, "banked", "*", "fen"),
        r"^settlement .*: banked on|^settlement .*statement",
        follows=True,
    ),
    Tampering(
        "a statement",
        lambda h: _settlement(h, "statements", "0", "kinds", "matched", "settlement", "fen"),
        r"^settlement .*: statement 1",
    ),
    Tampering(
        "what a merchant is shown as banked", lambda h: _merchant(h, "banked_merchants"), r"^view banked_merchants "
    ),
)


def _entry(hand: Hand, type: str, before: bytes, after: bytes) -> None:
    """Another text in the first entry of a type."""
    logged = hand.databases.reporting.log_entries
    id = next(row["_id"] for row in logged.find({}).sort("_id", 1) if b'"type":"%s"' % type.encode() in row["entry"])

    def rewrite(row: t.Json) -> None:
        row["entry"] = Binary(bytes(row["entry"]).replace(before, after, 1))

    hand.change(logged, {"_id": id}, rewrite)


PUBLIC_LOG = (
    Tampering(
        "a sum in the public log",
        lambda h: _entry(h, "donations.DonationsRecorded", b'"fen":', b'"fen":9'),
        r"^log entry .*DonationsRecorded.* it differs in days$",
    ),
    Tampering(
        "a hash in the public log",
        lambda h: _entry(h, "procurement.OrderPlaced", b'"hash":"', b'"hash":"0'),
        r"^log entry .*OrderPlaced.* it differs in hash$",
    ),
    Tampering(
        "an entry of the public log taken away",
        lambda h: h.delete(h.databases.reporting.log_entries, {}, skip=7),
        r"^log entry 7: it is missing$",
    ),
)
KEPT = (
    Tampering(
        "money spent",
        lambda h: _kept_sum(h, lambda programme: programme.money.add(spent=1)),
        r"^kept books \d+: programmes .* money spent: recounted",
    ),
    Tampering("items kitted", lambda h: _kept_sum(h, _kept_units), r"^kept books \d+: .* kitted: recounted"),
    Tampering("pupils", lambda h: _kept_sum(h, _kept_pupils), r"^kept books \d+: .* parcels pupils: recounted"),
    Tampering(
        "what is shown as banked",
        lambda h: _kept_sum(h, lambda programme: programme.add(banked=1)),
        r"^kept books \d+: programmes \S+ banked: recounted",
    ),
    Tampering(
        "kept books that hold nothing",
        lambda h: h.change(h.databases.reporting[collection_of("books")], {}, lambda row: row.update(books=b"?")),
        r"^kept books \d+: it cannot be read",
    ),
    Tampering(
        "a round's pupils",
        lambda h: _kept(h, "rounds", RoundBooks, lambda one: one.add(pupils=1)),
        r"^kept round .*: pupils: recounted",
    ),
    Tampering(
        "a round that is kept deleted",
        lambda h: h.delete(h.databases.reporting[collection_of("rounds")], as_of(_newest(h))),
        r"^kept round .*: it is missing",
    ),
    Tampering(
        "a day's donations",
        lambda h: _kept(h, "months", dict[str, DayBooks], lambda days: days[min(days)].add(fen=1)),
        r"^kept month .* fen: recounted",
    ),
)
MADE = (*VIEWS, *JOURNAL, *DOCUMENTS, *SETTLEMENTS, *PUBLIC_LOG, *KEPT)
