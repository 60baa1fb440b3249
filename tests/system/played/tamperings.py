"""What somebody might change who has the databases: each tampering, and what an audit must call it.

A tampering goes through a `Hand`, which remembers what was there and puts it back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
from bson.binary import Binary
from pymongo.collection import Collection

from pandapack.audit.reading import Databases
from pandapack.contracts.columns import Columns
from pandapack.contracts.envelope import decode, encode
from pandapack.contracts.leaves import page_root
from pandapack.contracts.pages import FIRST_SEAL, pack, seal_hash, unpack

Json = dict[str, Any]
Rows = Collection[Json]
DIGEST_BYTES = 16


@dataclass
class Hand:
    """Changes rows, and undoes it."""

    databases: Databases
    _before: list[tuple[Rows, Any, Json | None]] = field(default_factory=list)

    def put(self, rows: Rows, row: Json) -> None:
        """Writes a whole row."""
        self._note(rows, row["_id"])
        rows.replace_one({"_id": row["_id"]}, row, upsert=True)

    def change(self, rows: Rows, where: Json, change: Callable[[Json], Any], sort: int = 1) -> Json:
        """Changes the first row that fits, in place."""
        row = rows.find_one(where, sort=[("_id", sort)])
        assert row is not None, f"nothing in {rows.name} fits {where}"
        changed = copy.deepcopy(row)
        change(changed)
        assert changed != row, f"{rows.name} {row['_id']} is as it was"
        self.put(rows, changed)
        return changed

    def delete(self, rows: Rows, where: Json, sort: int = 1, skip: int = 0) -> Json:
        """Takes a row away."""
        row = rows.find_one(where, sort=[("_id", sort)], skip=skip)
        assert row is not None, f"nothing in {rows.name} fits {where}"
        self._note(rows, row["_id"])
        rows.delete_one({"_id": row["_id"]})
        return row

    def undo(self) -> None:
        """Everything is as it was."""
        for rows, id, row in reversed(self._before):
            if row is None:
                rows.delete_one({"_id": id})
            else:
                rows.replace_one({"_id": id}, row, upsert=True)

    def _note(self, rows: Rows, id: Any) -> None:
        self._before.append((rows, id, rows.find_one({"_id": id})))


@dataclass(frozen=True)
class Tampering:
    """What somebody does, and a pattern that the first cause must fit. `follows`: whether figures follow from it.

    `causes`: how many there are at most.
    """

    name: str
    do: Callable[[Hand], Any]
    named: str
    follows: bool = False
    causes: int = 1


CLOSED = {"closed": True, "count": {"$gte": 40}}


def page(hand: Hand, change: Callable[[Columns], Columns | None], where: Json = CLOSED, *, states: bool = True) -> Json:
    """Other rows on a page. `states`: the page's own count is made to fit."""

    def rewrite(row: Json) -> None:
        columns = unpack(bytes(row["columns"]))
        columns = change(columns) or columns
        row["columns"] = pack(columns)
        if states:
            row["count"] = len(columns)

    return hand.change(hand.databases.donations.pages, where, rewrite)


def one_more_fen(columns: Columns) -> None:
    columns.amounts_fen[3] += 1


def another_merchant(columns: Columns) -> None:
    columns.merchants.indices[3] = (columns.merchants.indices[3] + 1) % len(columns.merchants.strings)


def swapped(columns: Columns) -> None:
    """Two gifts of different merchants to one programme, side by side, change their amounts."""
    fen, merchants = columns.amounts_fen, columns.merchants.indices
    same_day = columns.days[:-1] == columns.days[1:]
    for row in np.flatnonzero((fen[:-1] != fen[1:]) & (merchants[:-1] != merchants[1:]) & same_day).tolist():
        if columns.programmes.indices[row] == columns.programmes.indices[row + 1]:
            fen[row], fen[row + 1] = fen[row + 1].item(), fen[row].item()
            return
    raise AssertionError("no two gifts side by side")


def without_a_row(columns: Columns) -> Columns:
    return columns.take(np.delete(np.arange(len(columns)), 5))


def with_a_row_twice(columns: Columns) -> Columns:
    return columns.take(np.insert(np.arange(len(columns)), 5, 5))


def shortened(columns: Columns) -> Columns:
    return columns.take(np.arange(len(columns) - 1))


def reseal(hand: Hand, shard: int) -> None:
    """A chain that fits the pages as they are now: no key is needed for that."""
    donations, previous = hand.databases.donations, FIRST_SEAL
    prefix = f"{shard:04d}/"
    for seal in list(donations.seals.find({"_id": {"$regex": f"^{prefix}"}}).sort("_id", 1)):
        row = donations.pages.find_one({"_id": seal["_id"]})
        assert row is not None
        columns = unpack(bytes(row["columns"]))
        root = page_root(columns)
        chained = seal_hash(previous, seal["_id"], len(columns), root)
        hand.put(
            donations.seals,
            {"_id": seal["_id"], "rows": len(columns), "root": root, "previous": previous, "chained": chained},
        )
        previous = chained


def swap_and_reseal(hand: Hand) -> None:
    reseal(hand, page(hand, swapped)["shard"])


def alter_and_reseal(hand: Hand) -> None:
    reseal(hand, page(hand, one_more_fen)["shard"])


def event(
    hand: Hand, rows: Rows, where: Json, change: Callable[[Json], Any], *, sort: int = 1, digest: bool = True
) -> Json:
    """Another content in a row of the journal or the archive. `digest`: its digest is made to fit."""

    def rewrite(row: Json) -> None:
        envelope = decode(bytes(row["envelope"]))
        data = msgspec.json.decode(envelope.data)
        change(data)
        raw = encode(msgspec.structs.replace(envelope, data=msgspec.Raw(msgspec.json.encode(data))))
        row["envelope"] = Binary(raw)
        if digest:
            row["digest"] = blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()

    return hand.change(rows, where, rewrite, sort)


def forge_last(hand: Hand, rows: Rows, where: Json) -> None:
    """One event more of a source, like its last one of a type, behind everything."""
    row = rows.find_one(where, sort=[("_id", -1)])
    assert row is not None
    envelope = decode(bytes(row["envelope"]))
    of_source = {"_id": {"$gte": row["_id"], "$lt": envelope.key.removesuffix(envelope.id) + "9" * len(envelope.id)}}
    behind = rows.find_one(of_source, sort=[("_id", -1)])
    assert behind is not None
    sequence = f"{decode(bytes(behind['envelope'])).number + 1:012d}"
    forged = msgspec.structs.replace(envelope, id=sequence, sequence=sequence)
    raw = encode(forged)
    last = rows.find_one({"topic": row["topic"], "partition": row["partition"]}, sort=[("offset", -1)])
    assert last is not None
    digest = blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()
    new = {"_id": forged.key, "envelope": Binary(raw), "digest": digest, "offset": last["offset"] + 1}
    hand.put(rows, row | new)


def of_type(name: str) -> Json:
    return {"type": name}


def add_to(*path: str, more: int = 1) -> Callable[[Json], None]:
    """Some more at a path of a row; `*` is the first key that leads to something."""

    def change(row: Json) -> None:
        at: Any = row
        for step in path[:-1]:
            at = at[_step(at, step)]
        last = _step(at, path[-1])
        at[last] += more

    return change


def _step(at: Any, step: str) -> Any:
    if isinstance(at, list):
        return 0 if step == "*" else int(step)
    return next(name for name in sorted(at) if at[name]) if step == "*" else step


def another_end(row: Json) -> None:
    """A parcel that was accepted is damaged instead."""
    ended = row["state"]["ended"]
    ended["damaged"] = sorted([*ended.get("damaged", []), ended["accepted"].pop()])


def flip_a_bit(row: Json) -> None:
    bits = bytearray(row["by"][0]["bits"])
    bits[0] ^= 0b10000000
    row["by"][0]["bits"] = bytes(bits)
