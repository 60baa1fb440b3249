"""The audit names each thing that is wrong with pages and seals alone; pages lie in a real MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from pandapack.audit.findings import Findings
from pandapack.audit.ledger import Ledger, LedgerCount
from pandapack.audit.reading import Databases, Patience, databases
from pandapack.audit.seals import Roots
from pandapack.contracts.columns import Columns, Row
from pandapack.contracts.donations import day_name, day_number, shard_of
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, pack, page_id, seal_hash
from tests.stack import Servers

Collections = Database[dict[str, Any]]
SHARDS = 2
ROWS_A_PAGE = 40
PAGES = 3
DAY_US = 86_400 * 1_000_000
MERCHANTS = [
    [name for name in (f"M{n}" for n in range(20)) if shard_of(name, SHARDS) == shard] for shard in range(SHARDS)
]


def row(shard: int, number: int) -> Row:
    merchants = MERCHANTS[shard]
    programme = "love-parcel" if number % 4 else "sports-pack"
    id = f"A{number}" if number % 10 == 0 else str(10**18 + number)
    return Row(id, merchants[number % len(merchants)], programme, 1 + number % 9, number * DAY_US // 15)


def rows_of(shard: int, page: int) -> list[Row]:
    return [row(shard, number) for number in range(page * ROWS_A_PAGE, (page + 1) * ROWS_A_PAGE)]


def write(donations: Collections, pages: dict[tuple[int, int], list[Row]]) -> None:
    """Pages end to end, and their seals, as the ledger writes them."""
    donations.settings.insert_one({"_id": "shards", "shards": SHARDS})
    fronts: dict[tuple[int, str], int] = {}
    counts: dict[tuple[int, str], int] = {}
    chained = dict.fromkeys(range(SHARDS), FIRST_SEAL)
    for (shard, number), rows in pages.items():
        columns, id = Columns.of(rows), page_id(shard, number)
        intervals: dict[str, list[int]] = {}
        for one in rows:
            front = fronts.get((shard, one.programme), 0)
            intervals.setdefault(one.programme, [front, front])[1] += one.amount_fen
            fronts[shard, one.programme] = front + one.amount_fen
            counts[shard, one.programme] = counts.get((shard, one.programme), 0) + 1
        donations.pages.insert_one(
            {
                "_id": id,
                "count": len(rows),
                "intervals": intervals,
                "fronts": {of: fen for (on, of), fen in fronts.items() if on == shard},
                "counts": {of: count for (on, of), count in counts.items() if on == shard},
                "days": sorted({day_name(day_number(one.at_us)) for one in rows}),
                "sequence": 0,
                "opened_day": 0,
                "findings": [],
                "outbox": [],
                "columns": pack(columns),
                "closed": True,
                "reversals": [],
                "reversed_fen": {},
            }
        )
        root, previous = page_root(columns), chained[shard]
        chained[shard] = seal_hash(previous, id, len(rows), root)
        seal = {"_id": id, "rows": len(rows), "root": root, "previous": previous, "chained": chained[shard]}
        donations.seals.insert_one(seal)


@pytest.fixture
def donations(stack: Servers, namespace: str) -> Iterator[Collections]:
    client: MongoClient[dict[str, Any]] = MongoClient(stack.mongo)
    database = client[f"{namespace}_panda_donations"]
    yield database
    for name in ("donations", "reporting"):
        client.drop_database(f"{namespace}_panda_{name}")
    client.close()


def all_pages() -> dict[tuple[int, int], list[Row]]:
    return {(shard, page): rows_of(shard, page) for shard in range(SHARDS) for page in range(PAGES)}


def recounted(donations: Collections, *, seals: bool = True) -> tuple[LedgerCount, list[str]]:
    findings = Findings()
    kept: Databases = databases(donations.client, donations.name.removesuffix("_panda_donations"))
    ledger = Ledger(kept, Roots(None), findings, Patience(0), seals=seals)
    ledger.audit({}, None)
    causes = findings.causes()
    return ledger.count, [text for cause in causes for text in (cause.text, *cause.follows)]


def test_what_the_ledger_wrote_agrees_and_is_added_up(donations: Collections) -> None:
    write(donations, all_pages())
    count, found = recounted(donations)
    rows = [one for rows in all_pages().values() for one in rows]
    assert found == []
    assert (count.pages, count.seals) == (SHARDS * PAGES, SHARDS * PAGES)
    assert (count.donations, count.fen) == (len(rows), sum(one.amount_fen for one in rows))
    unsealed, found = recounted(donations, seals=False)
    assert (found, unsealed.seals, unsealed.fen) == ([], 0, count.fen)


Spoil = Callable[[Collections], object]


def _change_amount(donations: Collections) -> None:
    rows = rows_of(0, 1)
    rows[0] = Row(rows[0].id, rows[0].merchant, rows[0].programme, rows[0].amount_fen + 1, rows[0].at_us)
    donations.pages.update_one({"_id": page_id(0, 1)}, {"$set": {"columns": pack(Columns.of(rows))}})


def _repeat_a_row(donations: Collections) -> None:
    rows = rows_of(1, 2)
    rows[-1] = row(1, 3)
    donations.pages.update_one({"_id": page_id(1, 2)}, {"$set": {"columns": pack(Columns.of(rows))}})


def _move_a_merchant(donations: Collections) -> None:
    rows = rows_of(0, 0)
    rows[0] = Row(rows[0].id, MERCHANTS[1][0], rows[0].programme, rows[0].amount_fen, rows[0].at_us)
    donations.pages.update_one({"_id": page_id(0, 0)}, {"$set": {"columns": pack(Columns.of(rows))}})


def _reverse_twice(donations: Collections) -> None:
    at = {"at": "1970-01-02T00:00:00+00:00"}
    taken = {"key": "M1/r-1", "state": "taken", "programme": "love-parcel", "amount_fen": 3, **at}
    parked = {**taken, "key": "M1/r-2", "state": "parked"}
    for number in range(2):
        changed = {"reversals": [taken, parked], "reversed_fen": {"love-parcel": 3}}
        donations.pages.update_one({"_id": page_id(0, number)}, {"$set": changed})


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_change_amount, f"page {page_id(0, 1)}: interval of sports-pack"),
        (_change_amount, f"page {page_id(0, 1)}: its rows are not those that were sealed"),
        (
            _repeat_a_row,
            f"page {page_id(1, 2)}: row 39: {row(1, 3).merchant} {row(1, 3).id} on 1970-01-01 is counted twice",
        ),
        (_move_a_merchant, f"page {page_id(0, 0)}: merchant {MERCHANTS[1][0]} does not belong on shard 0"),
        (lambda d: d.pages.delete_one({"_id": page_id(1, 1)}), f"page {page_id(1, 1)}: it is missing"),
        (
            lambda d: d.pages.update_one({"_id": page_id(0, 2)}, {"$set": {"count": 7}}),
            f"page {page_id(0, 2)}: its count",
        ),
        (lambda d: d.pages.update_one({"_id": page_id(0, 2)}, {"$set": {"columns": b"?"}}), "the page is damaged"),
        (
            lambda d: d.seals.update_one({"_id": page_id(0, 0)}, {"$set": {"chained": bytes(32)}}),
            f"page {page_id(0, 0)}: its chained seal",
        ),
        (_reverse_twice, f"page {page_id(0, 1)}: reversal M1/r-1 is taken twice"),
        (_reverse_twice, f"page {page_id(0, 1)}: reversed so far"),
    ],
)
def test_each_fault_is_named(donations: Collections, spoil: Spoil, named: str) -> None:
    write(donations, all_pages())
    spoil(donations)
    _, found = recounted(donations)
    assert [text for text in found if named in text], found


def test_an_identity_on_two_days_is_two_donations(donations: Collections) -> None:
    first = row(0, 1)
    later = Row(first.id, first.merchant, first.programme, first.amount_fen, first.at_us + DAY_US)
    write(donations, {(0, 0): [first, later]})
    assert recounted(donations)[1] == []
