"""The figures once more: the public log's entries added up from the first one, held against what is kept and shown.

At every boundary the books that are kept must be these books, at the newest one each round and each month too, and the
three laws must hold there. What somebody is shown is of one size of the log, and must be these figures of that size.
Rounds and days of the whole log are in memory, a few kilobytes each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pandapack.audit.facts import Facts, Json, differing, sentence
from pandapack.audit.findings import Findings, Layer
from pandapack.audit.reading import Databases
from pandapack.contracts.public_log.fold import figures, fold
from pandapack.contracts.public_log.fold.books import Books, DayBooks, MoneySums, ParcelSums, RoundBooks
from pandapack.contracts.public_log.fold.fold import Day
from pandapack.contracts.public_log.fold.kept import (
    DaysOfMonth,
    Unreadable,
    as_of,
    collection_of,
    month_key,
    month_of,
    unpacked,
)
from pandapack.contracts.public_log.fold.laws import laws

LOG = "public log"
"""By which name a difference in the entries explains what follows from it."""
KEPT_BOOKS = "kept books"
"""By which name books that are wrong explain those of later boundaries, which may have been made from them."""
MONEY = ("credited", "reversed", "funded", "committed", "spent", "released")


@dataclass(frozen=True, slots=True)
class _Own:
    """What a row must have: sums, packed under `name`, and `fields` beside them."""

    sums: Books | RoundBooks | DaysOfMonth
    fields: Json = field(default_factory=dict)
    name: str = "state"

    @property
    def kind(self) -> Any:
        return dict[str, DayBooks] if isinstance(self.sums, dict) else type(self.sums)


class FoldAudit:
    """Adds up entries in their order. Open it before the log's head is read: the log has all that is kept by then.

    size: of the log, the totals of which are noted on the way; None: of none.
    """

    def __init__(self, databases: Databases, findings: Findings, *, size: int | None = None) -> None:
        self._reporting, self._findings = databases.reporting, findings
        rows = self._reporting[collection_of("books")].find({}, {"_id": 1}).sort("_id", 1)
        self._boundaries = deque(int(row["_id"]) for row in rows)
        self._newest = self._boundaries[-1] if self._boundaries else 0
        self._size, self._is_stopped = size, False
        self._found: list[tuple[str, Sequence[str], Sequence[str]]] = []
        self._books, self._rounds, self._days = Books(), dict[str, RoundBooks](), dict[Day, DayBooks]()
        self.totals: Json | None = figures.totals(self._books) if size == 0 else None
        """The figures as of `size`, once so many entries are added."""

    @property
    def figures(self) -> Json:
        """Sums over all programmes, as of the entries that are added."""
        found = dict.fromkeys([*(f"{name}_fen" for name in MONEY), "rounds", "orders"], 0)
        for programme in self._books.programmes.values():
            for name in MoneySums.__struct_fields__:
                key = f"{name}_fen" if name in MONEY else name
                if key in found:
                    found[key] += getattr(programme.money, name)
        parcels = [one.parcels for one in figures.countries_of(self._books).values()]
        names = ("packed", "accepted", "rejected", "damaged", "lost", "pupils", "over_reported")
        assert set(names) <= set(ParcelSums.__struct_fields__)
        return found | {name: sum(getattr(one, name) for one in parcels) for name in names}

    def add(self, entry: Json) -> None:
        """The next entry. What cannot be added up ends the fold, with a finding."""
        if self._is_stopped:
            return
        index = self._books.size
        try:
            fold.add(self._books, self._rounds, self._days, entry)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self.stop()
            self._add(f"log entry {index}: it cannot be added up: {error!r}", explains=(LOG,), because=(LOG,))
            return
        if self._books.size == self._size:
            self.totals = figures.totals(self._books)
        if self._boundaries and self._boundaries[0] == self._books.size:
            self._compare_boundary(self._boundaries.popleft())

    def stop(self) -> None:
        """An entry is missing: nothing behind it can be added up."""
        self._is_stopped = True

    def end(self) -> None:
        """Behind the last entry, and behind all findings on entries: what differs, cause first."""
        if not self._is_stopped:
            self._check_laws()
            for boundary in self._boundaries:
                what = f"the log has {self._books.size} entries"
                self._add(f"kept books {boundary}: {what}", explains=(KEPT_BOOKS,), because=(LOG, KEPT_BOOKS))
        for text, explains, because in self._found:
            self._findings.add(Layer.VIEWED, text, explains=explains, because=because)

    def _add(self, text: str, *, explains: Sequence[str] = (), because: Sequence[str] = ()) -> None:
        self._found.append((text, explains, because))

    def _compare_boundary(self, boundary: int) -> None:
        row = self._reporting[collection_of("books")].find_one({"_id": boundary})
        own = _Own(self._books, {"at": self._books.at}, "books")
        self._compare(f"kept books {boundary}", row, own, KEPT_BOOKS)
        if boundary != self._newest:
            return
        self._check_laws()
        rounds = {name: _Own(one, {"is_open": not one.closed_at}) for name, one in self._rounds.items()}
        self._compare_rows("round", rounds)
        months: dict[str, DaysOfMonth] = {}
        for day, books in self._days.items():
            months.setdefault(month_key(month_of(day)), {})[day[1]] = books
        self._compare_rows("month", {name: _Own(days) for name, days in months.items()})

    def _compare_rows(self, kind: str, recounted: Mapping[str, _Own]) -> None:
        """Each round, or each month, as of the newest boundary. Every one has one row then."""
        rows, met = self._reporting[collection_of(f"{kind}s")], dict[str, str]()
        for row in rows.find(as_of(self._newest)):
            name = row[kind]
            what = f"kept {kind} {name} as of {self._newest}"
            if met.setdefault(name, row["_id"]) != row["_id"]:
                self._add(f"{what}: it stands there twice", explains=(what,), because=(what, LOG))
            elif name not in recounted:
                self._add(f"{what}: no entry tells of it", explains=(what,), because=(what, LOG))
            else:
                self._compare(what, row, recounted[name])
        for name in sorted(recounted.keys() - met.keys()):
            # A row that was given a successor while they were read may have been passed by: it is looked for by name.
            again = rows.find_one({kind: name, **as_of(self._newest)})
            self._compare(f"kept {kind} {name} as of {self._newest}", again, recounted[name])

    def _compare(self, what: str, row: Json | None, own: _Own, *also: str) -> None:
        """A row, figure by figure. `also`: by which names it explains others, and they explain it."""
        explains, because = (what, *also), (what, *also, LOG)
        if row is None:
            self._add(f"{what}: it is missing", explains=explains, because=because)
            return
        try:
            kept = unpacked(bytes(row[own.name]), own.kind)
        except (Unreadable, KeyError, TypeError) as error:
            self._add(f"{what}: it cannot be read: {error}", explains=explains, because=because)
            return
        ours, theirs = _facts(own.sums), _facts(kept)
        for name, value in own.fields.items():
            ours[name], theirs[name] = str(value), str(row.get(name))
        for figure, recounted, found in differing(ours, theirs):
            self._add(sentence(what, figure, recounted, found), explains=explains, because=because)

    def _check_laws(self) -> None:
        for law in laws(self._books):
            if not law.holds:
                broken = [*law.unbalanced, *(f"{check.name} ({check.of})" for check in law.broken)]
                text = f"public log: as of {self._books.size} entries the law of {law.name} does not hold,"
                text += f" by {law.difference} {law.unit}: {', '.join(broken)}"
                self._add(text, explains=(f"law {law.name}",), because=(f"law {law.name}", LOG))


def _facts(value: Any) -> Facts:
    """Every figure of books, by its path."""
    facts: Facts = {}
    _flatten(msgspec.to_builtins(value), "", facts)
    return facts


def _flatten(value: Any, path: str, facts: Facts) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            _flatten(part, f"{path} {name}".lstrip(), facts)
    elif isinstance(value, list):
        facts[path] = str(value) if value else ""
    else:
        facts[path] = value if isinstance(value, str) else int(value)
