"""Counting again, from what is kept: pages and seals of the ledger, events of the journal.

It shares the contracts with the services and nothing else, so that a mistake in a view cannot hide in the recount.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pymongo.database import Database

from pandapack.contracts import logistics, procurement
from pandapack.contracts.donations import day_name, day_number, line_of
from pandapack.contracts.envelope import Event, decode
from pandapack.contracts.pages import FIRST_SEAL, Columns, page_root, seal_hash, unpack

Collections = Database[dict[str, Any]]
STATES = ("packed", "warehouse", "in_transit", "accepted", "rejected", "damaged", "lost", "returned")


@dataclass
class Recount:
    """What was counted, and every difference in words."""

    differences: list[str] = field(default_factory=list)
    pages: int = 0
    seals: int = 0
    events: int = 0
    donations: int = 0
    received_fen: int = 0
    days: dict[str, tuple[int, int]] = field(default_factory=dict)
    received_by_programme: Counter[str] = field(default_factory=Counter)
    money: Counter[str] = field(default_factory=Counter)
    parcels: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    orders: int = 0
    pupils: int = 0

    def same(self, what: str, recounted: object, shown: object) -> None:
        """Notes a difference between what was counted and what is shown."""
        if recounted != shown:
            self.differences.append(f"{what}: recounted {recounted}, shown {shown}")

    def totals(self) -> dict[str, Any]:
        """The figures, named as `/v1/totals` names them."""
        money = self.money
        reserved = money["funded"] - money["committed"] + money["uncommitted"] - money["released"]
        return {
            "donations": self.donations,
            "received_fen": self.received_fen,
            "unallocated_fen": money["credited"] - money["funded"] + money["released"],
            "reserved_fen": reserved,
            "committed_fen": money["committed"] - money["spent"] - money["uncommitted"],
            "spent_fen": money["spent"],
            "rounds": self.rounds,
            "orders": self.orders,
            "pupils_reached": self.pupils,
            "parcels": {state: self.parcels[state] for state in STATES},
        }


def recount_pages(donations: Collections, count: Recount) -> None:
    """Every page of every line, in order: rows, intervals end to end, identities once, seals and their chain."""
    kept = donations.settings.find_one({"_id": "lines"})
    lines = kept["lines"] if kept else 0
    for line in range(lines):
        _recount_line(donations, line, lines, count)


def _recount_line(donations: Collections, line: int, lines: int, count: Recount) -> None:
    fronts: dict[str, int] = {}
    seen: set[tuple[str, str, int]] = set()
    previous, expected = FIRST_SEAL, 0
    where = {"_id": {"$regex": f"^{line:04d}/"}}
    for row in donations.pages.find(where).sort("_id", 1):
        page = row["_id"]
        count.same(f"page {page}: its number", expected, int(page.partition("/")[2]))
        expected += 1
        try:
            columns = unpack(bytes(row["columns"]))
        except ValueError as error:
            count.differences.append(f"page {page}: {error}")
            continue
        _recount_rows(page, line, lines, columns, seen, count)
        _recount_intervals(page, row, columns, fronts, count)
        seal = donations.seals.find_one({"_id": page})
        if seal is not None:
            previous = _check_seal(page, columns, seal, previous, count)


def _recount_rows(
    page: str, line: int, lines: int, columns: Columns, seen: set[tuple[str, str, int]], count: Recount
) -> None:
    count.pages += 1
    count.donations += len(columns)
    for row in columns.rows():
        number = day_number(row.at_us)
        identity = (row.merchant, row.id, number)
        if identity in seen:
            count.differences.append(f"page {page}: {row.merchant} {row.id} on {day_name(number)} is counted twice")
        seen.add(identity)
        if line_of(row.merchant, lines) != line:
            count.differences.append(f"page {page}: merchant {row.merchant} does not live on line {line}")
        count.received_fen += row.amount_fen
        count.received_by_programme[row.programme] += row.amount_fen
        day = day_name(number)
        before = count.days.get(day, (0, 0))
        count.days[day] = (before[0] + 1, before[1] + row.amount_fen)


def _recount_intervals(
    page: str, row: Mapping[str, Any], columns: Columns, fronts: dict[str, int], count: Recount
) -> None:
    count.same(f"page {page}: its count", len(columns), row["count"])
    fen: dict[str, int] = defaultdict(int)
    for programme, amount in zip(columns.programmes, columns.amounts_fen, strict=True):
        fen[programme] += amount
    for programme, amount in fen.items():
        begin = fronts.get(programme, 0)
        count.same(f"page {page}: interval of {programme}", [begin, begin + amount], row["intervals"].get(programme))
        fronts[programme] = begin + amount


def _check_seal(page: str, columns: Columns, seal: Mapping[str, Any], previous: bytes, count: Recount) -> bytes:
    count.seals += 1
    root = page_root(columns)
    count.same(f"page {page}: Merkle root", root.hex(), bytes(seal["root"]).hex())
    chained = seal_hash(previous, page, len(columns), root)
    count.same(f"page {page}: chained seal", chained.hex(), bytes(seal["chained"]).hex())
    return bytes(seal["chained"])


def recount_journal(reporting: Collections, count: Recount) -> None:
    """Every event of procurement and logistics once; sequences of a source without gaps."""
    last: dict[str, int] = {}
    for row in reporting.journal.find({}).sort("_id", 1):
        envelope = decode(bytes(row["envelope"]))
        count.same(f"journal {row['_id']}: its identity", envelope.key, row["_id"])
        count.same(f"journal {envelope.source}: sequence", last.get(envelope.source, 0) + 1, envelope.number)
        last[envelope.source] = envelope.number
        count.events += 1
        event = envelope.event()
        if event is not None:
            _recount_event(event, count)


def _recount_event(event: Event, count: Recount) -> None:
    money, parcels = count.money, count.parcels
    match event:
        case procurement.FundCredited():
            money["credited"] += event.credited_fen
        case procurement.RoundFunded():
            money["funded"] += event.reserved_fen
            count.rounds += 1
        case procurement.FundsCommitted():
            money["committed"] += event.fen
        case procurement.FundsSpent():
            money["spent"] += event.fen
            money["uncommitted"] += event.uncommitted_fen
        case procurement.RoundClosed():
            money["released"] += event.released_fen
        case procurement.OrderPlaced():
            count.orders += 1
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
        case logistics.ParcelsHandedOut():
            count.pupils += event.girls + event.boys
        case _:
            pass  # says nothing that a total counts
