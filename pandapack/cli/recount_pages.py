"""Counting pages and seals of the ledger again: every row, in bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pandapack.cli.recount import Collections, Recount
from pandapack.cli.repeats import Digests, Repeats
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_name, day_number, shard_of
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, seal_hash, shard_prefix, unpack

PAGES_A_READ = 64
PAGE_FIELDS = ("columns", "count", "intervals", "reversals", "reversed_fen")
AFTER_LAST = "\x7f"


def recount_pages(donations: Collections, count: Recount, *, seals: bool = True) -> None:
    """Every page of every shard, in order: rows, intervals end to end, identities once, seals and their chain.

    Without `seals` the rows are not hashed, which is most of the work.
    """
    setting = donations.settings.find_one({"_id": "shards"})
    shards = setting["shards"] if setting else 0
    for shard in range(shards):
        with Repeats() as repeats:
            _recount_shard(donations, shard, shards, repeats, count, seals=seals)
            suspects = repeats.suspects()
        if len(suspects):
            _name_repeats(donations, shard, suspects, count)


def _recount_shard(
    donations: Collections, shard: int, shards: int, repeats: Repeats, count: Recount, *, seals: bool
) -> None:
    fronts: dict[str, int] = {}
    reversed_fen: Counter[str] = Counter()
    reversals: set[str] = set()
    previous, expected = FIRST_SEAL, 0
    for row in _pages(donations, shard):
        page = row["_id"]
        count.same(f"page {page}: its number", expected, int(page.partition("/")[2]))
        expected += 1
        try:
            columns = unpack(bytes(row["columns"]))
        except ValueError as error:
            count.differences.append(f"page {page}: {error}")
            continue
        _recount_rows(page, shard, shards, columns, count)
        _recount_intervals(page, row, columns, fronts, count)
        _recount_reversals(page, row, reversals, reversed_fen, count)
        repeats.add(identities_of(columns))
        seal = donations.seals.find_one({"_id": page}) if seals else None
        if seal is not None:
            previous = _check_seal(page, columns, seal, previous, count)


def _pages(donations: Collections, shard: int) -> Iterator[Mapping[str, Any]]:
    """A shard's pages in order, with what is counted of them."""
    where = {"_id": {"$gte": shard_prefix(shard), "$lt": shard_prefix(shard) + AFTER_LAST}}
    yield from donations.pages.find(where, PAGE_FIELDS, batch_size=PAGES_A_READ).sort("_id", 1)


def _recount_rows(page: str, shard: int, shards: int, columns: Columns, count: Recount) -> None:
    count.pages += 1
    count.donations += len(columns)
    count.received_fen += int(columns.amounts_fen.sum())
    for merchant in columns.merchants.dense().strings:
        if shard_of(merchant, shards) != shard:
            count.differences.append(f"page {page}: merchant {merchant} does not belong on shard {shard}")
    numbers, groups = np.unique(columns.days, return_inverse=True)
    donations = np.bincount(groups, minlength=len(numbers)).tolist()
    for number, more, fen in zip(numbers.tolist(), donations, _sums(groups, columns, len(numbers)), strict=True):
        day = day_name(number)
        before = count.days.get(day, (0, 0))
        count.days[day] = (before[0] + more, before[1] + fen)


def _sums(groups: npt.NDArray[np.integer[Any]], columns: Columns, count: int) -> list[int]:
    """Fen of each of `count` groups; `groups` has each row's. Whole numbers: sums of floats are no money."""
    sums = np.zeros(count, np.int64)
    np.add.at(sums, groups, columns.amounts_fen)
    return sums.tolist()


def _recount_intervals(
    page: str, row: Mapping[str, Any], columns: Columns, fronts: dict[str, int], count: Recount
) -> None:
    count.same(f"page {page}: its count", len(columns), row["count"])
    programmes = columns.programmes.dense()
    sums = _sums(programmes.indices, columns, len(programmes.strings))
    for programme, amount in zip(programmes.strings, sums, strict=True):
        begin = fronts.get(programme, 0)
        count.same(f"page {page}: interval of {programme}", [begin, begin + amount], row["intervals"].get(programme))
        fronts[programme] = begin + amount
        count.received_by_programme[programme] += amount


def _recount_reversals(
    page: str, row: Mapping[str, Any], seen: set[str], reversed_fen: Counter[str], count: Recount
) -> None:
    """Each reversal that was accepted, once; and what by the page the shard has reversed so far."""
    for reversal in row["reversals"]:
        if reversal["state"] == "taken":
            if reversal["key"] in seen:
                count.differences.append(f"page {page}: reversal {reversal['key']} is taken twice")
            seen.add(reversal["key"])
            reversed_fen[reversal["programme"]] += reversal["amount_fen"]
            count.reversed_fen += reversal["amount_fen"]
    count.same(f"page {page}: reversed so far", dict(reversed_fen), row["reversed_fen"])


def identities_of(columns: Columns) -> Digests:
    """A 64-bit digest of each row's identity: merchant, id, day in Asia/Shanghai."""
    merchants = columns.merchants.dense()
    of_merchants = np.array([_digest(name) for name in merchants.strings], np.uint64)
    of_ids = columns.ids.numbers.astype(np.uint64)
    for row, text in columns.ids.texts.items():
        of_ids[row] = _digest(text)
    digests = _mixed(of_ids) ^ of_merchants[merchants.indices]
    return _mixed(digests + _mixed(columns.days.astype(np.uint64)))


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(numbers: Digests) -> Digests:
    """SplitMix64's finish: one bit more or less in a number changes half of the bits."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def _name_repeats(donations: Collections, shard: int, suspects: Digests, count: Recount) -> None:
    """Reads the shard once more and looks at the suspects themselves."""
    seen: set[tuple[str, str, int]] = set()
    for row in _pages(donations, shard):
        try:
            columns = unpack(bytes(row["columns"]))
        except ValueError:
            continue  # it is named already
        for index in np.flatnonzero(np.isin(identities_of(columns), suspects)).tolist():
            donation = columns.row(index)
            number = day_number(donation.at_us)
            identity = (donation.merchant, donation.id, number)
            if identity in seen:
                detail = f"{donation.merchant} {donation.id} on {day_name(number)} is counted twice"
                count.differences.append(f"page {row['_id']}: {detail}")
            seen.add(identity)


def _check_seal(page: str, columns: Columns, seal: Mapping[str, Any], previous: bytes, count: Recount) -> bytes:
    count.seals += 1
    root = page_root(columns)
    count.same(f"page {page}: Merkle root", root.hex(), bytes(seal["root"]).hex())
    chained = seal_hash(previous, page, len(columns), root)
    count.same(f"page {page}: chained seal", chained.hex(), bytes(seal["chained"]).hex())
    return bytes(seal["chained"])
