"""Seals of closed pages, each chained to the one before and published; and signed roots of days, as older ones have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import msgspec
from pymongo.database import Database

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.published import unlike
from pandapack.audit.reading import key_of
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import seals_source
from pandapack.contracts.leaves import page_root
from pandapack.contracts.merkle import root_of
from pandapack.contracts.pages import FIRST_SEAL, page_id, page_number, seal_hash, shard_prefix
from pandapack.contracts.proof import DailyRoot, root_failures, seal_leaf

AFTER_LAST = "\x7f"
PagePlace = tuple[int, int]
"""Shard, page."""
Stated = tuple[dict[str, int], dict[str, int]]
"""A page's counts and fronts: by programme, all that its shard had up to there."""


def roots_name(shard: int) -> str:
    """By which name a shard's signed roots explain what follows from them."""
    return f"signed pages of shard {shard}"


@dataclass
class Roots:
    """The signed roots of days, in order. `key`: the public key that is trusted; None where there is none to trust."""

    key: str | None
    days: list[DailyRoot] = field(default_factory=list)
    kept: Mapping[str, str] = field(default_factory=dict)
    """Day → the hash of its root, as somebody noted it earlier: what nobody can sign anew, not even with the key."""

    @classmethod
    def read(cls, donations: Database[Json], key: str | None, kept: Mapping[str, str], findings: Findings) -> Roots:
        """All that there are. What is no root is a finding."""
        roots = cls(key, kept=kept)
        for row in donations.daily_roots.find({}).sort("_id", 1):
            try:
                root = msgspec.convert(row["root"], DailyRoot)
            except (msgspec.ValidationError, KeyError) as error:
                findings.add(Layer.KEPT, f"signed root of {row['_id']}: it is none: {error}", explains=(row["_id"],))
                continue
            if root.day != row["_id"]:
                findings.add(Layer.KEPT, f"signed root of {row['_id']}: it is that of {root.day}")
            roots.days.append(root)
        return roots

    def last_page(self, shard: int) -> int:
        """The last page of a shard that a signed root covers; -1: none."""
        return max((root.shards[shard].page for root in self.days if shard < len(root.shards)), default=-1)

    def pages(self) -> set[PagePlace]:
        """The pages at which a root says how much its shard had."""
        return {(one.shard, one.page) for root in self.days for one in root.shards if one.page >= 0}

    def check(
        self, seals: Mapping[int, Sequence[str | None]], stated: Mapping[PagePlace, Stated], findings: Findings
    ) -> None:
        """Every root: signed, chained day by day, and of the seals and pages that are there.

        `seals`: shard → the chained seal (hex) of each page from 0, None where there is none.
        """
        for day, hash in self.kept.items():
            found = next((root.hash for root in self.days if root.day == day), "none")
            if found != hash:
                text = f"signed root of {day}: it is not the one that was kept: its hash is {found}, kept {hash}"
                findings.add(Layer.KEPT, text, explains=(f"root {day}",))
        before: DailyRoot | None = None
        for root in self.days:
            name = f"signed root of {root.day}"
            because = {f"root {root.day}", *((f"root {before.day}",) if before else ())}
            failures = root_failures(root, self.key or root.key, before)
            if before is not None and root.day != next_day(before.day):
                failures.insert(0, f"there is none for {next_day(before.day)}, the day behind the one before")
            for failure in failures:
                findings.add(Layer.KEPT, f"{name}: {failure}", explains=(f"root {root.day}",), because=because)
            for own in root.shards:
                for failure in self._of_shard(own.shard, root, before, seals, stated):
                    pages = {f"page {page_id(own.shard, number)}" for number in range(own.first, own.page + 1)}
                    last = {f"page {page_id(own.shard, own.page)}"} if own.page >= 0 else set[str]()
                    of_shard = roots_name(own.shard)
                    findings.add(
                        Layer.KEPT,
                        f"{name}: {failure}",
                        explains=(f"root {root.day}", of_shard),
                        because={*because, *pages, *last, of_shard},
                    )
            before = root

    @staticmethod
    def _of_shard(
        shard: int,
        root: DailyRoot,
        before: DailyRoot | None,
        seals: Mapping[int, Sequence[str | None]],
        stated: Mapping[PagePlace, Stated],
    ) -> list[str]:
        own, known = root.shards[shard], seals.get(shard, [])
        earlier = before.shards[shard] if before and shard < len(before.shards) else None
        first = earlier.page + 1 if earlier else 0
        if own.first != first or own.page < first - 1:
            return [f"shard {shard}: it covers pages from {own.first} on, and the root before ends at {first - 1}"]
        covered = list(known[own.first : own.page + 1])
        if len(covered) < own.page + 1 - own.first or None in covered:
            return [f"shard {shard}: a seal is missing among the pages {own.first} to {own.page} that it covers"]
        leaves = [seal_leaf(one) for one in covered if one is not None]
        last = covered[-1] if covered else (earlier.chained if earlier else FIRST_SEAL.hex())
        failures = []
        if root_of(leaves).hex() != own.seals_root or last != own.chained:
            failures.append(
                f"shard {shard}: pages {own.first} to {own.page} as they are sealed now are not those that were signed"
            )
        if own.page >= 0 and stated.get((shard, own.page), (own.counts, own.fen)) != (own.counts, own.fen):
            failures.append(f"shard {shard}: page {own.page} tells of other sums than those that were signed")
        return failures


def next_day(day: str) -> str:
    """`2021-11-11` → `2021-11-12`."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


class Chain:
    """A shard's seals in order, against its closed pages. `chained`: hex, page by page from 0; None where one lacks.

    `published`: page → what was told of it.
    """

    def __init__(
        self, donations: Database[Json], shard: int, published: Mapping[int, Json], findings: Findings
    ) -> None:
        self._seals, self._shard, self._findings = donations.seals, shard, findings
        self._published = published
        self.chained: list[str | None] = []
        self.sealed = 0
        self._previous: bytes | None = FIRST_SEAL
        where = {"_id": {"$gte": shard_prefix(shard), "$lt": shard_prefix(shard) + AFTER_LAST}}
        last = self._seals.find_one(where, {"_id": 1}, sort=[("_id", -1)])
        self.last = -1 if last is None else page_number(last["_id"])
        """The last page that has a seal; read before any page is."""

    def proves(self, page: str, columns: Columns, *, is_signed: bool) -> bool:
        """Whether the page is sealed, and its seal fits its rows. `is_signed`: a root covers it, so it has one."""
        seal = self._seals.find_one({"_id": page})
        number = page_number(page)
        if number != len(self.chained):
            self._previous = None  # a page before it is missing, and named
        self.chained += [None] * (number - len(self.chained))
        if seal is None:
            self.chained.append(None)
            if number < self.last or is_signed or number in self._published:
                has_later = "later pages have one" if number < self.last else ""
                behind = has_later or ("it was published" if number in self._published else "a signed root covers it")
                self._wrong(page, f"its seal is missing, and {behind}", roots=True)
            self._previous = None
            return False
        self.sealed += 1
        root, previous, chained = bytes(seal["root"]), bytes(seal["previous"]), bytes(seal["chained"])
        self.chained.append(chained.hex())
        own = page_root(columns)
        if own != root or seal["rows"] != len(columns):
            self._wrong(page, f"its rows are not those that were sealed: Merkle root {own.hex()}, sealed {root.hex()}")
        if self._previous is not None and previous != self._previous:
            self._wrong(page, "its seal is not chained to the seal before", before=page_id(self._shard, number - 1))
        if seal_hash(previous, page, seal["rows"], root) != chained:
            self._wrong(page, "its chained seal is not what its root and the seal before give", roots=True)
        self._previous = chained
        told = self._published.get(number)
        differs = unlike(told, number, own, columns) if told is not None else None
        if differs is not None:
            self._wrong(page, differs, told=key_of(seals_source(self._shard), number + 1))
        return own == root and differs is None

    def _wrong(self, page: str, what: str, *, roots: bool = False, before: str = "", told: str = "") -> None:
        """`told`: the event that told something else of the page; what tells of that event may follow from it."""
        explains = (
            f"page {page}",
            *((roots_name(self._shard),) if roots or before else ()),
            *((told,) if told else ()),
        )
        because = (f"page {page}", *((f"page {before}",) if before else ()))
        self._findings.add(Layer.KEPT, f"page {page}: {what}", explains=explains, because=because)
