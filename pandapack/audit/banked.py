"""Settlements: what they say they banked, which rows of pages that is, and what reporting adds up of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.merchants import trees
from pandapack.audit.reading import Databases, KeptEvent, Patience, events_in, last_number, outbox_events, within
from pandapack.audit.seals import AFTER_LAST
from pandapack.audit.shard import Cell, Sums
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_name
from pandapack.contracts.pages import shard_prefix

RECONCILED = "reconciled"
MATCHED, REVERSED_SINCE = "matched", "reversed_since"
SOURCE = "/donations/settlements/"
ALL_SETTLEMENTS = {"_id": {"$gt": SOURCE, "$lt": f"{SOURCE}{AFTER_LAST}"}}


@dataclass
class _Marks:
    """Which rows of a page are banked, by settlement."""

    owner: BankedRows
    row: Json

    def check(self, columns: Columns) -> None:
        """Bits against the page's rows: each row by one settlement at most, days' sums as they are stated."""
        id = self.row["_id"]
        taken = np.zeros(len(columns), np.int64)
        for one in self.row["by"]:
            bits = np.unpackbits(np.frombuffer(one["bits"], np.uint8), count=one["rows"])
            if one["rows"] > len(columns):
                detail = f"page {id}: it banked {one['rows']} rows of {len(columns)}"
                self.owner.wrong(one["settlement"], detail, f"page {id}")
                continue
            rows = np.flatnonzero(bits)
            taken[rows] += 1
            sums, deducted = Sums(), {item[0]: item[1] for item in one["deducted"]}
            days, places = np.unique(columns.days[rows], return_inverse=True)
            for place, day in enumerate(days.tolist()):
                of_day = rows[places == place]
                less = sum(deducted.get(index, 0) for index in of_day.tolist()) if deducted else 0
                sums.grow(day_name(day), len(of_day), int(columns.amounts_fen[of_day].sum()) - less)
            stated = _stated(one)
            if sums != stated:
                name = min(day for day in {*sums, *stated} if sums.get(day) != stated.get(day))
                detail = f"banked on {name} (count, fen): its rows are {sums.get(name, (0, 0))}"
                detail += f", it states {stated.get(name, (0, 0))}"
                self.owner.wrong(one["settlement"], f"page {id}: {detail}", f"page {id}")
        if (taken > 1).any():
            self.owner.wrong(str(self.row["settlements"]), f"page {id}: a row is banked twice")


@dataclass
class _Settlement:
    status: str
    banked: Sums
    programme: str
    sequence: int
    is_reconciled: bool
    version: int
    outbox: list[Any] = field(default_factory=list)


@dataclass
class _Volumes:
    """What is banked of a day's merchants, and what is recounted of it. `inbox`: partition → next offset."""

    inbox: Mapping[str, int]
    merchants: Sums
    recounted: Sums = field(default_factory=Sums)
    sources: set[str] = field(default_factory=set)

    def has(self, event: KeptEvent) -> bool:
        """Whether the event is in it."""
        applied = event.offset < self.inbox.get(event.partition, 0)
        if applied:
            self.sources.add(event.source)
        return applied


class BankedRows:
    """All settlements. Documents are read first, then bitmaps, then pages: each has at least what was read before."""

    def __init__(self, databases: Databases, findings: Findings, patience: Patience) -> None:
        self._databases, self._findings, self._patience = databases, findings, patience
        self._settlements: dict[str, _Settlement] = {}
        self._marked: dict[str, Sums] = {}
        self._volumes: dict[str, _Volumes] = {}
        self._missing: set[str] = set()

    @property
    def fen(self) -> int:
        """What all settlements state that they banked."""
        return sum(fen for one in self._settlements.values() for _, fen in one.banked.values())

    def read(self) -> None:
        """What reporting has by merchant, then the settlements' documents with their statements."""
        self._volumes = {
            root: _Volumes(tree.inbox, tree.merchants)
            for root, tree in trees(self._databases.reporting.banked_merchants, {}, self._patience).items()
        }
        for document in self._databases.donations.settlements.find({}):
            state = document["state"]
            received = state.get("received")
            self._settlements[document["_id"]] = _Settlement(
                status=state["status"],
                banked=Sums({day: (one["count"], one["fen"]) for day, one in state["banked"].items()}),
                programme=received["terms"]["programme"] if received else "",
                sequence=document["sequence"],
                is_reconciled=state["status"] == RECONCILED,
                version=document["version"],
                outbox=outbox_events(document),
            )
            if received and state["statements"]:
                self._check_statement(document["_id"], state, state["statements"][-1], received)

    def wrong(self, settlement: str, what: str, because: str = "") -> None:
        """A finding on a settlement."""
        name = f"settlement {settlement}"
        self._findings.add(Layer.OWNED, f"{name}: {what}", explains=(name,), because=(name, because))

    def of_shard(self, shard: int) -> Mapping[str, _Marks]:
        """The bitmaps of a shard's pages, by page."""
        where = {"_id": {"$gte": shard_prefix(shard), "$lt": shard_prefix(shard) + AFTER_LAST}}
        marks = {}
        for row in self._databases.donations.banked.find(where):
            marks[row["_id"]] = _Marks(self, row)
            for one in row["by"]:
                sums = self._marked.setdefault(one["settlement"], Sums())
                for day, cell in _stated(one).items():
                    sums.grow(day, *cell)
        return marks

    def compare(self) -> None:
        """Once all bitmaps were read: settlements against them, against their own events, and merchants' days."""
        archive = self._databases.reporting.archive
        for id, settlement in self._settlements.items():
            source = f"{SOURCE}{id}"
            waiting = {one.number for one in settlement.outbox}
            wanted = max((number for number in range(1, settlement.sequence + 1) if number not in waiting), default=0)
            archived = self._patience.until(lambda source=source: last_number(archive, source), wanted)  # type: ignore[misc]
            told = Sums()
            events = {one.number: one for one in events_in(archive, within(source), self._findings)}
            events |= {one.number: one for one in settlement.outbox}
            for number in range(1, settlement.sequence + 1):
                if number not in events:
                    text = f"archive {source}#{number:012d}: it is missing"
                    self._findings.add(Layer.KEPT, text, explains=(source, f"settlement {id}"))
                    self._missing.add(source)
                    continue
                told.grow(events[number].data["day"], events[number].data["count"], events[number].data["fen"])
            if archived > settlement.sequence and self._is_still(id, settlement):
                self.wrong(id, f"the archive has {archived} events of it, it published {settlement.sequence}", source)
            self._same(id, "its events (count, fen)", told, settlement.banked, source)
            marked = self._marked.get(id, Sums())
            if marked != settlement.banked and settlement.is_reconciled and self._is_still(id, settlement):
                self._same(id, "the rows that are marked (count, fen)", marked, settlement.banked, source)
        self._recount()
        for id, volumes in self._volumes.items():
            self._compare_volumes(f"view banked_merchants {id}", volumes)

    def _recount(self) -> None:
        """What is applied of each day, added up from the archive."""
        for event in events_in(self._databases.reporting.archive, ALL_SETTLEMENTS, self._findings):
            data, partition = event.data, event.partition.rpartition("/")[2]
            volumes = self._volumes.get(f"{data['day']}/{partition}")
            if volumes is not None and volumes.has(event):
                for merchant, cell in data.get("merchants", {}).items():
                    volumes.recounted.grow(merchant, *cell)

    def _compare_volumes(self, what: str, view: _Volumes) -> None:
        """What is banked of the merchants' donations of a day, as one partition told it."""
        for name in sorted({*view.recounted, *view.merchants}):
            ours, theirs = (sums.get(name, (0, 0)) for sums in (view.recounted, view.merchants))
            if ours != theirs:
                text = f"{what}: {name} (count, fen): recounted {ours}, found {theirs}"
                because = (what, *view.sources, *self._missing)
                self._findings.add(Layer.VIEWED, text, explains=(what,), because=because)

    def _is_still(self, id: str, settlement: _Settlement) -> bool:
        """Whether it is as it was read: else it has banked more since."""
        row = self._databases.donations.settlements.find_one({"_id": id}, {"version": 1})
        return row is not None and row["version"] == settlement.version

    def _same(self, id: str, what: str, ours: Sums, theirs: Sums, because: str) -> None:
        for day in sorted({*ours, *theirs}):
            if ours.get(day) != theirs.get(day):
                detail = f"banked on {day}: by {what} {ours.get(day, (0, 0))}, it states {theirs.get(day, (0, 0))}"
                self.wrong(id, detail, because)

    def _check_statement(self, id: str, state: Json, statement: Json, received: Json) -> None:
        """The last statement: what it banked, its sums against the upload, its lists of differences."""
        if state["status"] == RECONCILED:
            stated = Sums({day: (one["count"], one["fen"]) for day, one in statement["banked"].items()})
            known = Sums({day: (one["count"], one["fen"]) for day, one in state["banked"].items()})
            if any(cell[0] and stated.get(day) != cell for day, cell in known.items() if day in stated):
                self.wrong(id, f"statement {statement['number']} banked other sums than the settlement has")
        kinds: dict[str, Json] = statement["kinds"]
        given = _added(one["settlement"] for kind, one in kinds.items() if kind != REVERSED_SINCE)
        total = (received["total"]["count"], received["total"]["fen"])
        if given != total:
            text = f"statement {statement['number']}: its kinds are {given} (count, fen), the settlement named {total}"
            self.wrong(id, text)
        at = f"{id}/{statement['number']:04d}/{statement['run']}"
        for kind, sides in kinds.items():
            where = {"_id": {"$gte": f"{at}/{kind}/", "$lt": f"{at}/{kind}0"}}
            rows = list(self._databases.donations.settlement_differences.find(where))
            if kind == MATCHED and not rows:
                continue  # it may agree sum by sum, of which nothing is listed
            for side in ("settlement", "ledger"):
                listed = _added(_side(item, side) for row in rows for item in row["items"])
                stated_side = (sides[side]["count"], sides[side]["fen"])
                if listed != stated_side:
                    detail = f"{kind} by the {side}: listed {listed} (count, fen), stated {stated_side}"
                    self.wrong(id, f"statement {statement['number']}: {detail}")


def _stated(one: Json) -> Sums:
    """What a settlement banked of a page, day by day, as each write of it stated."""
    sums = Sums()
    for step in msgspec.json.decode(bytes(one["steps"])):
        for count, fen in step["merchants"].values():
            sums.grow(step["day"], count, fen)
    return sums


def _added(tallies: Any) -> Cell:
    found = list(tallies)
    return sum(one["count"] for one in found), sum(one["fen"] for one in found)


def _side(item: Json, side: str) -> Json:
    tally: Json = item["sides"][side] if "sides" in item else item[side]
    return tally
