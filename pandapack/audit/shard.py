"""One shard of the ledger: its pages, row for row, against what its events told of them.

Each event of the shard tells how many rows it added to which page, so that the rows of any number of events are a
prefix of the pages' rows. That is how a view, whose inbox says which event it applied last, is counted again exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from pandapack.audit.facts import Json
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import KeptEvent
from pandapack.contracts.columns import Columns
from pandapack.contracts.donations import day_name, day_number, microseconds_of, shard_of, shard_source

BEYOND = 2**62
"""The event of rows that no event within the cut tells of."""
Numbers = npt.NDArray[np.int64]
Cell = tuple[int, int]
"""How many donations, and how many fen."""
ProgrammeDay = tuple[str, str]


class Sums(dict[Any, Cell]):
    """Counts and fen by name."""

    def grow(self, name: Any, count: int, fen: int) -> None:
        """More of one name; what comes to nothing leaves."""
        before = self.get(name, (0, 0))
        after = (before[0] + count, before[1] + fen)
        if after == (0, 0):
            self.pop(name, None)
        else:
            self[name] = after


@dataclass
class Cuts:
    """Up to which event of the shard is counted. `view`: reporting's totals; `funds`: by programme; `days`: merchants'
    volumes by day. `target`: the last event that is looked for in the archive.
    """

    target: int
    view: int = 0
    funds: Mapping[str, int] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)


@dataclass
class ShardCount:
    """What was counted of a shard. `told`: how events and rows differ at the view's cut, by programme and day.

    `day_told`: the same by day, each up to where its merchants are counted. `day_events`: those that name a day.
    """

    donations: int = 0
    fen: int = 0
    view: Sums = field(default_factory=Sums)
    reversed: Sums = field(default_factory=Sums)
    found: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("duplicates", "conflicts", "refused"), 0))
    funds: dict[str, list[int]] = field(default_factory=dict)
    merchants: dict[str, Sums] = field(default_factory=dict)
    told: Sums = field(default_factory=Sums)
    day_told: Sums = field(default_factory=Sums)
    reversed_told: Sums = field(default_factory=Sums)
    told_because: set[str] = field(default_factory=set)
    day_events: dict[str, list[int]] = field(default_factory=dict)
    unproven: set[str] = field(default_factory=set)
    """Pages whose rows are not those that were sealed."""


def page_name(id: str) -> str:
    """By which name a page explains what follows from it."""
    return f"page {id}"


class ShardRows:
    """Counts a shard's pages in order. Feed each page with its rows and the events that are told of it."""

    def __init__(self, shard: int, shards: int, cuts: Cuts, findings: Findings) -> None:
        self.shard, self.cuts, self.count = shard, cuts, ShardCount()
        self._shards, self._findings = shards, findings
        self._source = shard_source(shard)

    def page(self, row: Json, columns: Columns, events: Sequence[KeptEvent | int], *, proven: bool) -> None:
        """A page. `events`: those of it in order, a number where one is missing; `proven`: its seal fits its rows."""
        id, count = row["_id"], self.count
        count.donations += len(columns)
        count.fen += int(columns.amounts_fen.sum())
        for merchant in columns.merchants.dense().strings:
            if shard_of(merchant, self._shards) != self.shard:
                self._wrong(id, f"merchant {merchant} does not belong on shard {self.shard}")
        lengths = self._lengths(row, columns, events)
        numbers = _numbers(events, lengths, len(columns))
        groups = _groups(columns, numbers)
        if row["closed"] and not proven:
            count.unproven.add(page_name(id))
        self._compare(id, events, lengths, groups, proven=proven)
        for (number, programme, day), (more, fen) in groups.items():
            if number <= self.cuts.view:
                count.view.grow((programme, day), more, fen)
            if number <= self.cuts.funds.get(programme, 0):
                count.funds.setdefault(programme, [0, 0])[0] += fen
        self._merchants(columns, numbers)
        self._found(row, events)
        self._reversals(row, events)

    def missing(self, id: str, events: Iterable[KeptEvent | int]) -> None:
        """A page that is not there any more, and what its events tell of it."""
        for event in events:
            if isinstance(event, KeptEvent) and event.kind == "DonationsRecorded":
                self._told(event, _days_of(event), id)

    def _wrong(self, id: str, what: str) -> None:
        name = page_name(id)
        self._findings.add(Layer.KEPT, f"{name}: {what}", explains=(name,), because=(name,))

    def _lengths(self, row: Json, columns: Columns, events: Sequence[KeptEvent | int]) -> list[int]:
        """How many rows each event added. What an event that is missing added is what the others leave."""
        lengths = [_count_of(event) if isinstance(event, KeptEvent) else 0 for event in events]
        left = len(columns) - sum(lengths)
        is_whole = bool(events) and _number(events[-1]) == row["sequence"]
        gaps = [place for place, event in enumerate(events) if not isinstance(event, KeptEvent)]
        if gaps and left > 0:
            lengths[gaps[0]] = left
        elif left < 0 or (is_whole and left > 0 and not gaps):
            self._wrong(row["_id"], f"it holds {len(columns)} rows, and its events tell of {sum(lengths)}")
        return lengths

    def _compare(
        self,
        id: str,
        events: Sequence[KeptEvent | int],
        lengths: Sequence[int],
        groups: Mapping[tuple[int, str, str], Cell],
        *,
        proven: bool,
    ) -> None:
        """Rows against what each event tells of them, by programme and day."""
        by_event: dict[int, dict[ProgrammeDay, Cell]] = {}
        for (number, programme, day), cell in groups.items():
            by_event.setdefault(number, {})[programme, day] = cell
        begin = 0
        for event, length in zip(events, lengths, strict=True):
            if isinstance(event, KeptEvent) and event.kind == "DonationsRecorded":
                told, rows = _days_of(event), by_event.get(event.number, {})
                for _, day in told:
                    self.count.day_events.setdefault(day, []).append(event.number)
                if told != rows:
                    self._contradicts(id, event, (begin, begin + length), told, rows, proven=proven)
            begin += length

    def _contradicts(
        self,
        id: str,
        event: KeptEvent,
        rows: tuple[int, int],
        told: Mapping[ProgrammeDay, Cell],
        found: Mapping[ProgrammeDay, Cell],
        *,
        proven: bool,
    ) -> None:
        name = min(name for name in {*told, *found} if told.get(name) != found.get(name))
        ours, theirs = found.get(name, (0, 0)), told.get(name, (0, 0))
        detail = f"{name[0]} on {name[1]}: {ours[0]} donations of {ours[1]} fen, its event {event.number} tells of"
        detail += f" {theirs[0]} of {theirs[1]} fen"
        if proven:
            text = f"archive {event.id}: rows {rows[0]} to {rows[1] - 1} of page {id}, whose seal fits: {detail}"
            self._findings.add(Layer.KEPT, text, explains=(event.id,), because=(event.id,))
            return
        self._wrong(id, f"rows {rows[0]} to {rows[1] - 1}: {detail}")
        rest = Sums(told)
        for of, (count, fen) in found.items():
            rest.grow(of, -count, -fen)
        self._told(event, rest, id)

    def _told(self, event: KeptEvent, more: Mapping[ProgrammeDay, Cell], id: str) -> None:
        if event.number <= self.cuts.view:
            self.count.told_because.add(page_name(id))
            for of, (count, fen) in more.items():
                self.count.told.grow(of, count, fen)
        for (_, day), (count, fen) in more.items():
            if event.number <= self.cuts.days.get(day, 0):
                self.count.told_because.add(page_name(id))
                self.count.day_told.grow(day, count, fen)

    def _merchants(self, columns: Columns, numbers: Numbers) -> None:
        days, of_rows = np.unique(columns.days, return_inverse=True)
        names = [day_name(day) for day in days.tolist()]
        upto = np.array([self.cuts.days.get(name, 0) for name in names], np.int64)
        rows = np.flatnonzero(numbers <= upto[of_rows]) if names else np.empty(0, np.intp)
        if not len(rows):
            return
        merchants = columns.merchants
        keys = of_rows[rows] * len(merchants.strings) + merchants.indices[rows]
        for key, count, fen in _sums(keys, columns.amounts_fen[rows]):
            day, merchant = divmod(key, len(merchants.strings))
            self.count.merchants.setdefault(names[day], Sums()).grow(merchants.strings[merchant], count, fen)

    def _found(self, row: Json, events: Sequence[KeptEvent | int]) -> None:
        """Duplicates and conflicts: as events tell of them, and as the page lists them."""
        told = [event for event in events if isinstance(event, KeptEvent) and event.kind == "DonationsRecorded"]
        for event in told:
            if event.number <= self.cuts.view:
                for name in self.count.found:
                    self.count.found[name] += event.data.get(name, 0)
        if len(told) < len([event for event in events if not _is_reversal(event)]) or not events:
            return
        if _number(events[-1]) != row["sequence"]:
            return  # more was found since the cut
        for name in ("duplicates", "conflicts"):
            listed = sum(finding[2] == name.removesuffix("s") for finding in row["findings"])
            ours = sum(event.data.get(name, 0) for event in told)
            if ours != listed:
                self._wrong(row["_id"], f"it lists {listed} {name}, and its events tell of {ours}")

    def _reversals(self, row: Json, events: Sequence[KeptEvent | int]) -> None:
        """The reversals that are taken, in order, against what each event tells of them."""
        taken: dict[str, list[tuple[str, int]]] = {}
        for one in row["reversals"]:
            if one["state"] == "taken":
                taken.setdefault(one["programme"], []).append((_day_of(one["at"]), one["amount_fen"]))
        for event in events:
            if not isinstance(event, KeptEvent) or not _is_reversal(event):
                continue
            for part in event.data["reversals"]:
                programme, count = part["programme"], part["count"]
                own, taken[programme] = taken.get(programme, [])[:count], taken.get(programme, [])[count:]
                self._reversed(row["_id"], event, part, own)
        if events and _number(events[-1]) == row["sequence"] and all(isinstance(one, KeptEvent) for one in events):
            for programme, rest in taken.items():
                if rest:
                    self._wrong(row["_id"], f"{len(rest)} reversals of {programme} of which no event tells")

    def _reversed(self, id: str, event: KeptEvent, part: Json, own: Sequence[tuple[str, int]]) -> None:
        programme, days = part["programme"], Sums()
        for day, fen in own:
            days.grow(day, 1, fen)
        told = {day: (cell[0], cell[1]) for day, cell in part["days"].items()}
        total = sum(fen for _, fen in own)
        if days != told or total != part["fen_to"] - part["fen_from"]:
            detail = f"{len(own)} reversals of {total} fen of {programme}, its event {event.number} tells of"
            self._wrong(id, f"{detail} {part['count']} of {part['fen_to'] - part['fen_from']} fen")
            self.count.told_because.add(page_name(id))
            lacking = part["fen_to"] - part["fen_from"] - total
            self.count.reversed_told.grow(programme, part["count"] - len(own), lacking)
        if event.number <= self.cuts.view:
            self.count.reversed.grow(programme, len(own), total)
        if event.number <= self.cuts.funds.get(programme, 0):
            self.count.funds.setdefault(programme, [0, 0])[1] += total


def _number(event: KeptEvent | int) -> int:
    return event if isinstance(event, int) else event.number


def _is_reversal(event: KeptEvent | int) -> bool:
    return isinstance(event, KeptEvent) and event.kind == "DonationsReversed"


def _count_of(event: KeptEvent) -> int:
    return int(event.data.get("count", 0)) if event.kind == "DonationsRecorded" else 0


def _day_of(at: str) -> str:
    return day_name(day_number(microseconds_of(datetime.fromisoformat(at))))


def _days_of(event: KeptEvent) -> dict[ProgrammeDay, Cell]:
    return {(part["programme"], part["day"]): (part["count"], part["fen"]) for part in event.data["days"]}


def _numbers(events: Sequence[KeptEvent | int], lengths: Sequence[int], rows: int) -> Numbers:
    """Which event told of each row, shape (rows,)."""
    numbers = np.repeat(np.array([_number(event) for event in events], np.int64), lengths)[:rows]
    return np.concatenate((numbers, np.full(rows - len(numbers), BEYOND, np.int64)))


def _groups(columns: Columns, numbers: Numbers) -> dict[tuple[int, str, str], Cell]:
    """Event, programme and day → what rows hold."""
    if not len(columns):
        return {}
    events, of_events = np.unique(numbers, return_inverse=True)
    days, of_days = np.unique(columns.days, return_inverse=True)
    programmes = columns.programmes
    width = len(programmes.strings)
    keys = (of_events * len(days) + of_days) * width + programmes.indices
    groups = {}
    for key, count, fen in _sums(keys, columns.amounts_fen):
        rest, programme = divmod(key, width)
        event, day = divmod(rest, len(days))
        groups[int(events[event]), programmes.strings[programme], day_name(int(days[day]))] = (count, fen)
    return groups


def _sums(keys: Numbers, amounts_fen: Numbers) -> list[tuple[int, int, int]]:
    """(key, count, fen) of each key. Whole numbers: sums of floats are no money."""
    found, places = np.unique(keys, return_inverse=True)
    fen = np.zeros(len(found), np.int64)
    np.add.at(fen, places, amounts_fen)
    counts = np.bincount(places, minlength=len(found))
    return list(zip(found.tolist(), counts.tolist(), fen.tolist(), strict=True))
