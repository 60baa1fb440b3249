"""Merchants' volumes by day, as reporting has them, against the rows of the ledger's pages.

A day's merchants lie in a tree of documents, each named for the one above it. The first has every event of the day and
is written behind its branches: read before them, it has no event that they lack.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from pymongo.collection import Collection
from pymongo.database import Database

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import Patience
from pandapack.audit.seals import AFTER_LAST, roots_name
from pandapack.audit.shard import Cell, ShardCount, Sums
from pandapack.contracts.donations import shard_source

_merchants = msgspec.msgpack.Decoder(dict[str, Cell])


@dataclass(frozen=True, slots=True)
class Volumes:
    """One shard and day, up to an event of the shard: merchant → (count, fen)."""

    cut: int
    merchants: dict[str, Cell]


@dataclass(slots=True)
class Tree:
    """A day's documents added up. `inbox`: what its first document has applied."""

    inbox: Mapping[str, int]
    merchants: Sums = field(default_factory=Sums)
    is_ahead: bool = False
    """A branch has applied more than the first document had when it was read."""

    def add(self, row: Json) -> None:
        """One more document of the tree, the first one or a branch."""
        self.is_ahead |= any(self.inbox.get(stream, 0) < position for stream, position in row["inbox"].items())
        for name, cell in unpacked(row["state"]["merchants"]).items():
            self.merchants.grow(name, *cell)


def trees(rows: Collection[Json], where: Json, patience: Patience) -> dict[str, Tree]:
    """First document → its tree, of the documents that `where` finds; read again where one is being written."""
    found: dict[str, Tree] = {}

    def look() -> int:
        found.clear()
        for row in rows.find(where).sort("_id", 1):
            root = "/".join(row["_id"].split("/")[:2])
            if row["_id"] == root:
                found[root] = Tree(row["inbox"])
            if root in found:
                found[root].add(row)
        return int(not any(tree.is_ahead for tree in found.values()))

    patience.until(look, 1)
    return found


def read(reporting: Database[Json], shard: int, source: str, patience: Patience) -> dict[str, Volumes]:
    """Day → volumes of a shard."""
    where = {"_id": {"$gte": f"{shard:04d}/", "$lt": f"{shard:04d}/{AFTER_LAST}"}}
    return {
        root.partition("/")[2]: Volumes(tree.inbox.get(source, 0), dict(tree.merchants))
        for root, tree in trees(reporting.merchants, where, patience).items()
    }


def unpacked(packed: str | dict[str, Cell]) -> dict[str, Cell]:
    """Merchant → (count, fen), as reporting keeps them."""
    return _merchants.decode(b64decode(packed)) if isinstance(packed, str) else packed


def compare(
    reporting: Database[Json],
    shard: int,
    volumes: Mapping[str, Volumes],
    count: ShardCount,
    archived: int,
    *,
    findings: Findings,
    patience: Patience,
) -> None:
    """Day by day. `archived`: the last event that the archive had before volumes were read."""
    for day in sorted({*volumes, *count.merchants, *count.day_events}):
        what = f"view merchants {shard:04d}/{day}"
        known = volumes.get(day, Volumes(0, {}))
        numbers = count.day_events.get(day, [])
        if known.cut and known.cut not in numbers:
            text = f"{what}: it stands at event {known.cut}, which tells nothing of that day"
            findings.add(Layer.VIEWED, text, explains=(what,), because=(shard_source(shard), *count.told_because))
        last = max((number for number in numbers if number <= archived), default=0)
        if known.cut < last:
            _look_again(reporting, f"{shard:04d}/{day}", shard_source(shard), last, findings, patience)
        _compare_day(what, shard, day, known, count, findings)


def _compare_day(what: str, shard: int, day: str, known: Volumes, count: ShardCount, findings: Findings) -> None:
    ours = count.merchants.get(day, Sums())
    differing = [name for name in sorted({*ours, *known.merchants}) if ours.get(name) != known.merchants.get(name)]
    if not differing:
        return
    apart = [0, 0]
    for name in differing:
        for place in (0, 1):
            apart[place] += known.merchants.get(name, (0, 0))[place] - ours.get(name, (0, 0))[place]
    follows = tuple(apart) == count.day_told.get(day, (0, 0))
    # Amounts that only changed places leave every sum as it was: then what was signed tells that they did.
    because = {*count.told_because, roots_name(shard), *count.unproven} if follows else set()
    for name in differing:
        text = f"{what}: {name} (count, fen): recounted {ours.get(name, (0, 0))}"
        text += f", found {known.merchants.get(name, (0, 0))}"
        findings.add(Layer.VIEWED, text, explains=(what,), because={what, *because})


def _look_again(
    reporting: Database[Json], id: str, source: str, wanted: int, findings: Findings, patience: Patience
) -> None:
    def applied() -> int:
        row = reporting.merchants.find_one({"_id": id}, {"inbox": 1})
        return int(row["inbox"].get(source, 0)) if row else 0

    stands = patience.until(applied, wanted)
    if stands < wanted:
        what = f"view merchants {id}"
        text = f"{what}: it stands at event {stands}, the archive has {wanted} of that day, and it does not go on"
        findings.add(Layer.VIEWED, text, explains=(what,), because=(source,))
