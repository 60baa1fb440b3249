"""The audit adds up the public log, and names kept books, rounds and months that are others; they lie in a MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pymongo import MongoClient

from pandapack.audit.findings import Findings
from pandapack.audit.folded import FoldAudit
from pandapack.audit.reading import Databases, Patience, databases
from pandapack.audit.shown import ShownTotals, recorded
from pandapack.contracts.public_log.fold import fold
from pandapack.contracts.public_log.fold.books import Books, DayBooks, RoundBooks
from pandapack.contracts.public_log.fold.figures import totals
from pandapack.contracts.public_log.fold.kept import collection_of, packed, unpacked
from services.reporting.domain.snapshots import STRIDE
from tests.stack import Servers
from tests.unit.contracts.test_public_fold import Account
from tests.unit.reporting.test_snapshots import COLLECTIONS, ENTRIES, Log, caught_up

NEWEST = len(ENTRIES) // STRIDE * STRIDE
SIZE = NEWEST + 7
Json = dict[str, Any]
READ = [fold.read(entry) for entry in ENTRIES]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[Json]]:
    """What a process keeps of a log's snapshots."""
    return asyncio.run(made())


async def made() -> dict[str, list[Json]]:
    log = Log()
    await log.grow(len(ENTRIES))
    await caught_up(log.process())
    return {
        collection_of(name): await rows.find({}, limit=10_000)
        for name, rows in zip(COLLECTIONS, log.collections, strict=True)
    }


@pytest.fixture
def kept(stack: Servers, rows: dict[str, list[Json]]) -> Iterator[Databases]:
    client: MongoClient[Json] = MongoClient(stack.mongo)
    found = databases(client, "audited_fold")
    client.drop_database(found.reporting.name)
    for name, own in rows.items():
        found.reporting[name].insert_many(own)
    yield found
    client.drop_database(found.reporting.name)
    client.close()


def audited(kept: Databases, entries: Sequence[Json] = READ) -> list[str]:
    findings = Findings()
    folded = FoldAudit(kept, findings)
    for entry in entries:
        folded.add(entry)
    folded.end()
    return [cause.text for cause in findings.causes()]


def rewrite(kept: Databases, kind: str, where: Json, name: str, of: Any, change: Callable[[Any], None]) -> None:
    rows = kept.reporting[collection_of(kind)]
    row = rows.find_one(where, sort=[("_id", 1)])
    assert row is not None
    value = unpacked(bytes(row[name]), of)
    change(value)
    rows.update_one({"_id": row["_id"]}, {"$set": {name: packed(value)}})


def test_what_is_kept_of_a_log_is_what_its_entries_give(kept: Databases) -> None:
    assert kept.reporting[collection_of("books")].count_documents({}) == NEWEST // STRIDE >= 3
    assert audited(kept) == []


def test_a_log_of_which_nothing_is_kept_yet_is_no_difference(kept: Databases) -> None:
    for name in COLLECTIONS:
        kept.reporting[collection_of(name)].delete_many({})
    assert audited(kept) == []


CURRENT = {"size": {"$lte": NEWEST}, "until": {"$gt": NEWEST}}


def _newest_books(kept: Databases) -> None:
    change = _spent_more
    rewrite(kept, "books", {"_id": NEWEST}, "books", Books, change)


def _spent_more(books: Books) -> None:
    books.programmes["love-parcel"].money.spent += 1


def _every_later_book(kept: Databases) -> None:
    for size in range(STRIDE, NEWEST + 1, STRIDE):
        rewrite(kept, "books", {"_id": size}, "books", Books, _spent_more)


def _round(kept: Databases) -> None:
    rewrite(kept, "rounds", {"round": "R-000003", **CURRENT}, "state", RoundBooks, lambda one: one.add(pupils=1))


def _round_opened(kept: Databases) -> None:
    kept.reporting[collection_of("rounds")].update_one({"round": "R-000003", **CURRENT}, {"$set": {"is_open": True}})


def _round_removed(kept: Databases) -> None:
    kept.reporting[collection_of("rounds")].delete_one({"round": "R-000003", **CURRENT})


def _round_twice(kept: Databases) -> None:
    rows = kept.reporting[collection_of("rounds")]
    row = rows.find_one({"round": "R-000003", **CURRENT})
    assert row is not None
    rows.insert_one(row | {"_id": "R-000003/again"})


def _round_of_nothing(kept: Databases) -> None:
    rows = kept.reporting[collection_of("rounds")]
    row = rows.find_one({"round": "R-000003", **CURRENT})
    assert row is not None
    rows.insert_one(row | {"_id": "R-999999/1", "round": "R-999999"})


def _month(kept: Databases) -> None:
    rewrite(kept, "months", CURRENT, "state", dict[str, DayBooks], lambda days: days[min(days)].add(fen=1))


def _month_removed(kept: Databases) -> None:
    kept.reporting[collection_of("months")].delete_one(CURRENT)


def _garbage(kept: Databases) -> None:
    kept.reporting[collection_of("books")].update_one({"_id": STRIDE}, {"$set": {"books": b"?"}})


def _beyond(kept: Databases) -> None:
    row = kept.reporting[collection_of("books")].find_one({"_id": NEWEST})
    assert row is not None
    kept.reporting[collection_of("books")].insert_one(row | {"_id": NEWEST + STRIDE})


@pytest.mark.parametrize(
    ("do", "named"),
    [
        (_newest_books, f"kept books {NEWEST}: programmes love-parcel money spent: recounted"),
        (_every_later_book, f"kept books {STRIDE}: programmes love-parcel money spent: recounted"),
        (_round, f"kept round R-000003 as of {NEWEST}: pupils: recounted"),
        (_round_opened, f"kept round R-000003 as of {NEWEST}: is_open: recounted False, found True"),
        (_round_removed, f"kept round R-000003 as of {NEWEST}: it is missing"),
        (_round_twice, f"kept round R-000003 as of {NEWEST}: it stands there twice"),
        (_round_of_nothing, f"kept round R-999999 as of {NEWEST}: no entry tells of it"),
        (_month, " fen: recounted"),
        (_month_removed, f"as of {NEWEST}: it is missing"),
        (_garbage, f"kept books {STRIDE}: it cannot be read"),
        (_beyond, f"kept books {NEWEST + STRIDE}: the log has {len(ENTRIES)} entries"),
    ],
)
def test_what_was_tampered_with_is_the_one_cause(kept: Databases, do: Callable[[Databases], None], named: str) -> None:
    do(kept)
    (cause,) = audited(kept)
    assert named in cause


def test_a_log_in_which_a_law_does_not_hold_is_named_with_what_breaks_it(kept: Databases) -> None:
    for name in COLLECTIONS:
        kept.reporting[collection_of(name)].delete_many({})
    (at,) = [n for n, one in enumerate(READ) if one["type"] == "procurement.FundsSpent" and n < 40][:1]
    (cause,) = audited(kept, [*READ[:at], READ[at] | {"fen": READ[at]["fen"] + 1}, *READ[at + 1 : 60]])
    assert "the law of money does not hold" in cause


def test_entries_that_cannot_be_added_up_are_named_and_nothing_behind_them_is(kept: Databases) -> None:
    (cause,) = audited(kept, [*READ[:50], {**READ[50], "type": "procurement.RoundFunded", "round": 5}, *READ[51:]])
    assert "log entry 50: it cannot be added up" in cause


def compared(kept: Databases, shown: Json) -> list[str]:
    findings = Findings()
    found = ShownTotals(kept, lambda: shown, recorded(kept), Patience(0))
    folded = FoldAudit(kept, findings, size=found.size)
    for entry in READ:
        folded.add(entry)
    folded.end()
    found.compare(folded.totals, findings)
    return [cause.text for cause in findings.causes()]


AHEAD = {"donations": 2, "received_fen": 9, "reversed_fen": 4}


@pytest.mark.parametrize("ahead", [None, AHEAD])
def test_what_is_shown_is_the_log_of_its_size_and_what_runs_ahead_of_it(kept: Databases, ahead: Json | None) -> None:
    figures, more = totals(Account(ENTRIES[:SIZE]).books), ahead or dict.fromkeys(AHEAD, 0)
    shown = {**figures, **{name: figures[name] + value for name, value in more.items()}}
    shown["in_flight_fen"] += more["received_fen"] - more["reversed_fen"]
    shown["duplicates"] += 1
    shown["snapshot"] = {"size": SIZE, "at": "", "ahead": ahead}
    state = {"count": shown["donations"], "fen_to": shown["received_fen"]}
    kept.reporting.shards.insert_one({"_id": "0000", "state": {"programmes": {"love-parcel": state}}})
    assert compared(kept, shown) == []
    for name in ("spent_fen", "banked_fen", "reversed_fen", "in_flight_fen", "sealed_fen"):
        (cause,) = compared(kept, {**shown, name: shown[name] + 1})
        assert cause.startswith(f"totals: {name} as of {SIZE} entries: recounted")
    (cause,) = compared(kept, {**shown, "parcels": {**shown["parcels"], "accepted": 0}})
    assert "parcels accepted" in cause
    (cause,) = compared(kept, {**shown, "donations": shown["donations"] + 1})
    assert "totals donations: the shards had" in cause
